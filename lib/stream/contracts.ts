/**
 * The two interfaces through which every record moves, and what a transport gets from its daemon.
 * One transport is one file under `lib/readers` or `lib/writers`.
 */
import type { RecordError } from '../errors.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { OptOut } from '../event/opt-out.js'
import type { SchemaRepository } from '../event/schemas.js'
import type { SchemaEntry } from '../registry/entry.js'
import type { Uri } from './uri.js'
import type { Lags } from './lag.js'
import type { Ledger } from './ledger.js'
import type { State } from './state.js'

/** Where to resume a source. Opaque to everyone but the reader that made it; kept as text. */
export type Position = string

/**
 * How many records of each schema: `NavigationTiming` for its events, `EventError:NavigationTiming` for event errors about it, `-` for
 * whatever has not been through a processor. Names are those of schemas that the processor knows; at most `mostSchemas`.
 */
export type Composition = ReadonlyMap<string, number>

/** What is known of a batch besides its records: it stays with what is made of them. */
export interface Provenance {
  /** The input, as the ledger calls it. */
  readonly stream: string
  /** Under what its position is kept in the state. */
  readonly source: string
  /** Where to resume the input after this batch; null if it cannot resume. */
  readonly position: Position | null
  /** When the records entered the pipeline, in milliseconds since 1970: their minute in the ledger of each daemon they pass. */
  readonly timeMs: number
  /** What the input gave. */
  readonly taken: Composition
  /** What of that is in this batch; it falls behind `taken` when records are dropped on the way. */
  readonly schemas: Composition
}

/** Consecutive records of one stream, oldest first. Immutable, `payload` included. */
export interface Batch {
  /** Number of records; 0 in a batch that only says how far its source was read, which no writer is given. */
  readonly count: number
  /** The records, separated by `\n` (no newline after the last one), as they travel. */
  readonly payload: Buffer
  /** The records as text: split and decoded once, on first use. Bytes that are not UTF-8 become U+FFFD. */
  lines (): string[]
  /** Where to resume after this batch; null if the source cannot resume. The one of `provenance`. */
  readonly position: Position | null
  /** Null only in the hands of a reader that has no positions; `drive` gives it one. */
  readonly provenance: Provenance | null
}

/**
 * A source. Iterating pulls: a batch that nobody asked for stays in the transport, or in a queue whose bound the reader
 * documents. Asking for the next batch says that every writer took the last one.
 *
 * The iteration ends at the end of input, or, after `ctx.stop`, when the reader has handed over all that it holds.
 * It throws `StreamError` when the transport is gone for good.
 */
export interface Reader extends AsyncIterable<Batch> {
  /** What the ledger calls the stream; batches with a provenance tell it themselves. */
  readonly stream?: string
  /** Being asked for the next batch it tells somebody that the last one is safe: where that takes a save, it is asked after it. */
  readonly acknowledges?: boolean
  /** Everything up to here is safe downstream: put into `ctx.state`, for `drive` to save; a no-op for sources without positions. */
  commit (position: Position): Promise<void>
  /** Releases the transport; what it still holds is given up. Safe to call twice. */
  close (): Promise<void>
}

/**
 * A sink. One caller: calls never overlap. A record that the store refuses goes to `ctx.deadLetters` and is no error;
 * a store that is away is waited for inside `write` and `flush`, which say so to `ctx.waiting`.
 */
export interface Writer {
  /** What was written goes on its way only when `drive` has flushed and saved it, so that is done whenever the input pauses. */
  readonly eager?: boolean
  /** Nothing that was written leaves the process before the save: a record that was not saved nobody has seen. */
  readonly holds?: boolean
  /** What becomes of its records is known only to the writer, which enters that into the ledger itself. */
  readonly keepsBooks?: boolean
  /**
   * Called once before anything is read, of a sink that is the only one: what it remembers of the last run is put into the state and
   * saved, so that the inputs go on behind what the sink has. Waits for a store that is away, until `ctx.stop`.
   */
  begin? (): Promise<void>
  /** Told in place of `write` of a batch of which no record is left: its position is reached all the same. */
  pass? (batch: Batch): Promise<void>
  /** Resolves when the writer can take the next batch: the records are then its to keep. */
  write (batch: Batch): Promise<void>
  /** Resolves when everything taken is as durable as the sink makes it, or put into `ctx.state`, for `drive` to save. */
  flush (): Promise<void>
  /**
   * Called in place of `flush` while input may come: does not wait for what holds up only a part of the records. False when there was
   * such a part, so that nothing may be committed; it is called again soon.
   */
  settle? (): Promise<boolean>
  /** Flushes what can be flushed and releases the transport. Safe to call twice. */
  close (): Promise<void>
}

/** Records that a sink refused: counted, and kept where the operator said (`--dead-letter`). */
export interface DeadLetters {
  /** Takes one record and why. Memory is bounded because whoever drives the writer drains after each `write`. */
  add (record: string, error: RecordError): void
  /** Resolves when everything added is written. */
  drain (): Promise<void>
}

/** What a transport gets from the daemon that opens it. */
export interface Context {
  /** `forwarder`, `processor`, `consumer`, `monitor`, or a tool's name. */
  readonly daemon: string
  /** The instance: `--name`. */
  readonly name: string
  readonly log: Log
  readonly metrics: Metrics
  /** Aborted by the first SIGTERM or SIGINT: stop pulling, hand over, end. */
  readonly stop: AbortSignal
  /** The instance's durable memory; opened on first use. Throws `ConfigError` when the state directory is unusable. */
  readonly state: State
  /** The same, if there is one: it was opened, or an earlier run has left it. */
  readonly stateIfAny: State | null
  /** What the daemon took in and what became of it; saved with the state, and kept in memory only where there is none. */
  readonly ledger: Ledger
  /** How far the inputs are behind. */
  readonly lags: Lags
  /**
   * Makes durable what was put into `state` since the last time, all or nothing; waits while the disk is full. Only `drive`
   * calls it: what a batch became and how far its input was read belong together.
   */
  save (): Promise<void>
  /**
   * Says that the work goes on; it only counts, and costs nothing. Each turn of `drive` says it. Who waits within one call for long, on
   * purpose, says it at least every few seconds, and only if something has really gone on: otherwise the process is taken for hung,
   * and systemd restarts it (docs/decisions/0017).
   */
  progress (): void
  /**
   * `what` is waited for: a store that is away, room on a disk. To be said at each attempt, as `progress` is, of which it is one; with null
   * when that is over. People read it: `systemctl status`.
   */
  waiting (what: string, why: string | null): void
  /** The schemas of `--schemas`; loaded on first use. */
  readonly schemas: SchemaRepository
  /** What the registry says of a schema now, and after a reload; null, or absent, where there is none that can be read. */
  describe? (schema: string): SchemaEntry | null
  /** Whose records are left out; opened on first use. Throws `ConfigError` when the list of --optout, or the registry, cannot be used. */
  readonly optOut: OptOut
  readonly deadLetters: DeadLetters
  /** Registers a release, run last-in-first-out when the daemon ends, however it ends. `what` names it if it hangs. */
  defer (what: string, release: () => Promise<void> | void): void
  /** Calls back at SIGHUP: reopen files, reload. */
  onReload (reload: () => Promise<void> | void): void
  /** Opens another scheme: for handlers that wrap one. */
  openReader (uri: string): Promise<Reader>
  openWriter (uri: string): Promise<Writer>
  /** A plug-in's function by name (`map:`, `filter:`). Throws `ConfigError` that lists the known ones. */
  plugInFunction (name: string): RecordFunction
}

/** A record as a plug-in function sees it. */
export interface PlugInRecord {
  readonly text: string
  /** The record parsed as JSON, on first use; undefined if it is not JSON. */
  readonly event: unknown
}

/**
 * A plug-in function. For `filter:` its result is truthy to keep the record. For `map:` it is the new record: text, or an
 * object that becomes JSON; null or undefined drops it (counted). Throwing sends the record to the dead letters.
 */
export type RecordFunction = (record: PlugInRecord) => unknown

/** A JSON Schema for the options of one scheme; ajv coerces, fills defaults, and refuses what is not listed. */
export interface Params<P> {
  type: 'object'
  properties: { [K in keyof P]-?: { type: 'string' | 'integer' | 'number' | 'boolean', description: string } & Record<string, unknown> }
  required?: ReadonlyArray<keyof P & string>
  additionalProperties: false
}

/** What only one process of a host can have. */
export type Claim =
  | { readonly kind: 'tcp' | 'udp', /** Null for all addresses. */ readonly host: string | null, readonly port: number }
  | { readonly kind: 'socket' | 'file', readonly path: string }

/** One way of reading, or of writing: a transport. `open` does the work; nothing happens on import. */
export interface Handler<P, T> {
  /** URI schemes it serves. */
  readonly schemes: readonly string[]
  /** One sentence for the reference table. */
  readonly summary: string
  /** Example URIs, for help texts and the reference table; each must pass the handler's own checks. */
  readonly examples: readonly string[]
  /** What the URI needs besides options. Checked before `open`. */
  readonly needs?: ReadonlyArray<'host' | 'port' | 'path'>
  readonly params: Params<P>
  /** The URI wraps another one, `uri.rest`, which gets all options that are not listed in `params`. */
  readonly wraps?: true
  /** Further checks that need no resource, for `--config-check`. Throws `ConfigError`. */
  check? (uri: Uri, params: P): void
  /** What `open` would take, that nobody else on the host may have then. */
  claims? (uri: Uri, params: P): Claim[]
  /** The same of files that only who opens it has to be able to read: those with passwords and keys. Throws `ConfigError`. */
  checkSecrets? (uri: Uri, params: P): void
  open (uri: Uri, params: P, ctx: Context): Promise<T>
}

export type ReaderHandler<P = Record<string, never>> = Handler<P, Reader>
export type WriterHandler<P = Record<string, never>> = Handler<P, Writer>
