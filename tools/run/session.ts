import { join, resolve } from 'node:path'
import type { CommonOptions } from '../../lib/cli/options.js'
import { ConfigError } from '../../lib/errors.js'
import type { Context } from '../../lib/stream/contracts.js'
import { openState } from '../../lib/stream/state.js'
import { aborted, type Note } from './daemon.js'
import { openDisplay, print, type Display } from './display.js'
import { watchErrors } from './last-error.js'
import { createObserver, type Observer } from './observer.js'
import { createPipeline, type Pipeline } from './pipeline.js'
import { choosePorts, unusual } from './ports.js'
import { samplersOf } from './samples.js'
import { openStatsdServer, type StatsdServer } from './statsd-server.js'
import { planPipeline, streamOf, writeArgumentFiles, type Option } from './topology.js'
import { createTraffic, type Traffic } from './traffic.js'
import type { Happening } from './view.js'

export interface Settings {
  /** Absolute. */
  readonly directory: string
  /** Sample events a second. */
  readonly rate: number
  /** How long it runs; undefined: until stopped. */
  readonly seconds: number | undefined
  readonly common: CommonOptions
}

interface Session {
  readonly display: Display
  readonly observer: Observer
  readonly pipeline: Pipeline
  readonly statsd: StatsdServer
  readonly traffic: Traffic
}

const drawMs = 1000
/** Happenings that are remembered, to be shown. */
const mostHappenings = 3

/**
 * Starts the daemons, shows them at work, and stops them: at `ctx.stop`, after so many seconds, when its terminal is gone, or
 * when a daemon cannot go on; then it throws why.
 */
export async function runPipeline (settings: Settings, ctx: Context): Promise<void> {
  const session = await open(settings, ctx)
  const { display, pipeline, statsd, observer } = session
  await show(session, AbortSignal.any([ctx.stop, pipeline.failed, terminalGone(ctx)]), settings.seconds)
  display.close()
  print(['', 'Stopping, in the order in which events flow:'])
  await pipeline.stop(({ label }) => { print([`  ${label} has stopped`]) })
  await statsd.settled()
  print(['', ...observer.totals(), ''])
  if (pipeline.failed.aborted) throw pipeline.failed.reason
}

/** From start until it is to end: `seconds` after everything was up, or when `ended` is aborted. */
async function show ({ observer, pipeline, traffic }: Session, ended: AbortSignal, seconds: number | undefined): Promise<void> {
  let runningSinceMs: number | null = null
  const draw = (): void => { observer.look(runningSinceMs) }
  const clock = setInterval(draw, drawMs)
  // AbortSignal.timeout within AbortSignal.any may be collected before it fires: https://github.com/nodejs/node/issues/57736
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  ended.addEventListener('abort', () => { stop.abort() }, { once: true })
  try {
    draw()
    await Promise.race([pipeline.start(), aborted(ended)])
    if (ended.aborted) return
    runningSinceMs = Date.now()
    draw()
    if (seconds !== undefined) timer = setTimeout(() => { stop.abort() }, seconds * 1000)
    await Promise.all([traffic.run(stop.signal), aborted(stop.signal)])
  } finally {
    clearTimeout(timer)
    clearInterval(clock)
  }
}

async function open ({ directory, rate, common }: Settings, ctx: Context): Promise<Session> {
  const held = openState(join(directory, 'state'), 'run')
  ctx.defer(directory, () => { held.close() })
  const statsd = await openStatsdServer()
  ctx.defer('the StatsD server', () => { statsd.close() })
  const samplers = samplersOf(ctx.schemas)
  const sampler = samplers.find(({ schema }) => schema.name === 'DemoButtonClick') ?? samplers[0]
  if (sampler === undefined) throw new ConfigError('bad-schema', 'there is no schema of which sample events can be made; name a directory that has one with --schemas')

  const ports = await choosePorts()
  const plans = planPipeline({ directory, ports, statsdPort: statsd.port, common: passedOn(common) })
  await writeArgumentFiles(plans)
  const display = openDisplay()
  ctx.defer('the display', () => { display.close() })
  const happenings: Happening[] = []
  const note = noteIn(happenings, display)
  for (const text of unusual(ports)) note(text)
  const pipeline = createPipeline(plans, note)
  ctx.defer('the daemons', async () => { await pipeline.stop(() => {}) })
  const errors = watchErrors(streamOf(ports.all))
  ctx.defer('the subscription', async () => { await errors.close() })
  const traffic = createTraffic({ port: ports.http, rate, samplers })
  ctx.defer('the traffic', () => { traffic.close() })
  const observer = createObserver(display, { directory, ports, rate, sampler, values: statsd.values, prefix: common.prefix, pipeline, traffic, errors, happenings })
  return { display, observer, pipeline, statsd, traffic }
}

function noteIn (happenings: Happening[], display: Display): Note {
  return (text, said = []) => {
    const happening = { atMs: Date.now(), text, said }
    happenings.push(happening)
    if (happenings.length > mostHappenings) happenings.shift()
    display.tell(happening)
  }
}

/** What the daemons are given of the options of `run`. They must log what they are watched by, which is `info`. */
function passedOn (common: CommonOptions): Option[] {
  return [
    ['prefix', common.prefix],
    ['flush-interval', String(common['flush-interval'])],
    ['fsync', common.fsync],
    ['log-level', common['log-level'] === 'debug' ? 'debug' : 'info'],
    ...common.schemas.map(directory => ['schemas', resolve(directory)] as const),
    ...common.plugins.map(directory => ['plugins', resolve(directory)] as const),
    ...(common['schemas-url'] === undefined ? [] : [['schemas-url', common['schemas-url']] as const])
  ]
}

/** Aborted when nobody can see what is shown any more. */
function terminalGone (ctx: Context): AbortSignal {
  const gone = new AbortController()
  const end = (): void => { gone.abort() }
  // SIGHUP: the terminal was closed
  ctx.onReload(end)
  // the reader of a pipe has ended; that may show as late as after the last line
  process.stdout.on('error', end)
  return gone.signal
}
