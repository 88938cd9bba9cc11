import type { Retention } from '../registry/entry.js'

/** What is kept of a schema's events, as the registry says at the time of the purge. */
export interface Rules {
  /** Milliseconds since 1970: ages are counted back from here, whatever the clock does meanwhile. */
  readonly nowMs: number
  /** For a schema that the registry does not name, and for what names none, its defaults. */
  of (schema: string): Retention
  /** Schemas that the registry names. */
  readonly names: readonly string[]
  /** The longest that any schema's events may be kept whole, in days: what is older and cannot be told apart goes. */
  readonly mostDays: number
}

/** What is, was, or would be done in one table or file. Counts of what is not applicable are 0. */
export interface Work {
  /** Table, file, journal. */
  readonly place: string
  /** Null where several schemas are together. */
  readonly schema: string | null
  readonly action: 'delete' | 'strip' | 'aggregate'
  /** Rows, lines or records. */
  readonly rows: number
  readonly bytes: number
  /** Fields that are nulled or changed; empty for a deletion. */
  readonly fields: readonly string[]
}

/** What is there although it should not be. */
export interface Leftover {
  readonly place: string
  readonly schema: string | null
  readonly rows: number
  /** Age of the oldest, in days. */
  readonly oldestDays: number
  /** What of it should not be: fields, or everything (empty). */
  readonly fields: readonly string[]
}

/**
 * A place in which events are kept: a database, event files, dead letters, a journal. A purge that is interrupted anywhere and
 * run again ends as one that was not.
 */
export interface PurgeStore {
  /** For people. */
  readonly name: string
  /** What a purge would do; changes nothing. */
  plan (rules: Rules): AsyncIterable<Work>
  /** Does it, in small steps: what is yielded is durable, and adds up. Ends early, between steps, when `stop` is aborted. */
  purge (rules: Rules, stop: AbortSignal): AsyncIterable<Work>
  /** Looks at everything, whatever purges have noted. */
  prove (rules: Rules): AsyncIterable<Leftover>
  close (): Promise<void>
}
