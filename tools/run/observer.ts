import { join } from 'node:path'
import type { Display } from './display.js'
import { exampleFor, shortest } from './example.js'
import type { ErrorWatch } from './last-error.js'
import type { Pipeline } from './pipeline.js'
import type { Ports } from './ports.js'
import { Rates } from './rates.js'
import type { Sampler } from './samples.js'
import { storesIn, streamOf } from './topology.js'
import type { Traffic } from './traffic.js'
import { Reported, type Happening, type View } from './view.js'

export interface Observed {
  readonly directory: string
  readonly ports: Ports
  /** Sample events a second. */
  readonly rate: number
  /** Whose schema the example has that is shown. */
  readonly sampler: Sampler
  /** What the daemons report, by name. */
  readonly values: ReadonlyMap<string, number>
  readonly prefix: string
  readonly pipeline: Pipeline
  readonly traffic: Traffic
  readonly errors: ErrorWatch
  readonly happenings: readonly Happening[]
}

/** Looks at a pipeline and shows it. */
export interface Observer {
  /** Called about once a second. `runningSinceMs` is null while it starts. */
  look (runningSinceMs: number | null): void
  /** What there was, in words, when all has ended. */
  totals (): string[]
}

export function createObserver (display: Display, observed: Observed): Observer {
  const { directory, ports, rate, sampler, values, prefix, pipeline, traffic, errors, happenings } = observed
  const rates = new Rates()
  const reported = new Reported(values, rates, prefix)
  const places = placesIn(directory, ports)
  const tryIt = exampleFor(sampler, ports.http, directory)

  function phase (runningSinceMs: number | null, atMs: number): string {
    if (runningSinceMs === null) return 'starting'
    const refused = traffic.refused === 0 ? '' : ` (${traffic.refused} refused)`
    return `running for ${durationOf(atMs - runningSinceMs)} · ${rate === 0 ? 'no' : rate} sample events a second${refused}`
  }

  function view (runningSinceMs: number | null, atMs: number): View {
    return {
      atMs,
      running: runningSinceMs !== null,
      phase: phase(runningSinceMs, atMs),
      stages: pipeline.daemons.map(daemon => reported.stage(daemon)),
      schemas: reported.bySchema(),
      all: reported.overall(),
      lastError: errors.last,
      happenings,
      places,
      tryIt
    }
  }

  return {
    look (runningSinceMs) {
      const nowMs = Date.now()
      if (runningSinceMs !== null) rates.sample(values, nowMs)
      display.show(view(runningSinceMs, nowMs))
    },
    totals () {
      const stages = pipeline.daemons.map(daemon => reported.stage(daemon))
      const { valid, invalid } = reported.overall()
      return [
        `${stages[0]?.records.total ?? 0} events came over http; ${valid.total} were valid, ${invalid.total} were not.`,
        ...stages.filter(({ label }) => label.startsWith('consumer')).map(({ records, writes }) => `${records.total} went into ${shortest(join(directory, writes))}.`)
      ]
    }
  }
}

function placesIn (directory: string, ports: Ports): View['places'] {
  const { sqlite, json } = storesIn(directory)
  return [
    ['tables', shortest(sqlite)],
    ['JSON log', shortest(json)],
    ['stream', `${streamOf(ports.all)} (ZeroMQ, for anybody to subscribe to)`],
    ['logs', shortest(join(directory, 'log'))],
    ['arguments', shortest(join(directory, 'vanadium.d'))]
  ]
}

function durationOf (ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % 60} s`
}
