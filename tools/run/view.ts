import { basename } from 'node:path'
import { parseUri } from '../../lib/stream/uri.js'
import type { Daemon, DaemonState } from './daemon.js'
import type { LastError } from './last-error.js'
import type { Rates } from './rates.js'
import { urisOf } from './topology.js'

/** Something that grows: how far, and how fast. */
export interface Count {
  readonly total: number
  readonly perSecond: number
}

export interface Stage {
  readonly label: string
  /** In short. */
  readonly reads: string
  readonly writes: string
  /** Records that it took. */
  readonly records: Count
  readonly state: DaemonState
  readonly restarts: number
}

export interface SchemaCounts {
  readonly name: string
  readonly valid: Count
  readonly invalid: Count
}

/** Something that happened. */
export interface Happening {
  readonly atMs: number
  readonly text: string
  /** What the log said at it. */
  readonly said: readonly string[]
}

/** All that is shown of a pipeline at one moment. Numbers are those that the daemons reported. */
export interface View {
  readonly atMs: number
  readonly running: boolean
  readonly phase: string
  readonly stages: readonly Stage[]
  /** By name. */
  readonly schemas: readonly SchemaCounts[]
  readonly all: SchemaCounts
  readonly lastError: LastError | null
  /** Oldest first. */
  readonly happenings: readonly Happening[]
  readonly places: ReadonlyArray<readonly [what: string, where: string]>
  /** Commands that send an event, and find it. */
  readonly tryIt: { readonly send: CommandLine, readonly find: string }
}

/** A command in parts with a space between them. It may be broken there: behind a comma, which is in JSON, as it is; else by a backslash. */
export type CommandLine = readonly string[]

/** What the daemons report, by the names of their metrics, which are without the prefix here. */
export class Reported {
  readonly #values: ReadonlyMap<string, number>
  readonly #rates: Rates
  readonly #prefix: string

  constructor (values: ReadonlyMap<string, number>, rates: Rates, prefix: string) {
    this.#values = values
    this.#rates = rates
    this.#prefix = `${prefix}.`
  }

  of (name: string): Count {
    const full = this.#prefix + name
    return { total: this.#values.get(full) ?? 0, perSecond: this.#rates.of(full) }
  }

  overall (): SchemaCounts {
    return { name: 'all', valid: this.of('overall.valid'), invalid: this.of('overall.invalid') }
  }

  bySchema (): SchemaCounts[] {
    const start = `${this.#prefix}schema.`
    const names = new Set<string>()
    for (const full of this.#values.keys()) {
      // what was inserted into tables is counted by schema, too
      const [, name] = full.startsWith(start) ? /^([^.]+)(\.invalid)?$/.exec(full.slice(start.length)) ?? [] : []
      if (name !== undefined) names.add(name)
    }
    return [...names].sort().map(name => ({ name, valid: this.of(`schema.${name}`), invalid: this.of(`schema.${name}.invalid`) }))
  }

  stage ({ plan, label, state, restarts }: Daemon): Stage {
    const records = this.of(`${plan.daemon}.${plan.instance}.taken`)
    const outputs = urisOf(plan, 'output')
    return { label, reads: inShort(urisOf(plan, 'input')), writes: outputs.length === 0 ? 'StatsD' : inShort(outputs), records, state, restarts }
  }
}

/** `tcp 8422 8522`, `events.sqlite`. */
function inShort (uris: readonly string[]): string {
  const parts = uris.map(parseUri).map(({ scheme, port, path }) => port === null ? basename(path) : `${scheme} ${port}`)
  return parts.map((part, i) => i > 0 ? part.replace(/^\w+ /, '') : part).join(' ')
}
