import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import { failuresThatCount, largest, type FailingStream, type Spanned } from './overlap.js'
import { hourMs } from './tables.js'

/** Of a minute for the last three hours, of an hour before; `timeMs` is its start. By when records entered the pipeline. */
export interface SchemaCount {
  readonly timeMs: number
  /** As metrics call it. */
  readonly stream: string
  /** As metrics call it; `unknown` for all that are known to nobody. */
  readonly schema: string
  readonly valid: number
  readonly invalid: number
}

/** Lines that nobody had parsed yet. */
export interface RawCount {
  readonly timeMs: number
  readonly stream: string
  readonly raw: number
}

/**
 * What does not validate. Of a schema the counts add up to its invalid events; those that were too many to be looked at, or failed in too
 * many ways, are one failure with the code `other` and nothing else.
 */
export interface Failure {
  readonly schema: string
  /** `processor`: the line could not be parsed; `validation`; `other`. */
  readonly code: string
  /** JSON pointer into the whole event, `/event/action`; `*` for what the schema does not name; empty where it is not known. */
  readonly pointer: string
  /** What the schema allows there, in words; empty where it is not known. */
  readonly expected: string
  /** What came there last, as JSON; only its type and length where it may be personal; empty where it is not known, or a week ago. */
  readonly seen: string
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  /** JSON of one event, personal fields removed, at most 2 KB; empty if there is none. */
  readonly sample: string
}

/** What the monitors of a host have counted; what several have of the same stream and time counts once, the largest of them. Ranges are of starts of minutes and hours: `fromMs` is in them, `toMs` is not. */
export interface Counts {
  /** States that could not be read, with the reason: what their monitors have counted is missing. */
  readonly unreadable: readonly string[]
  /** By time, stream and schema. */
  bySchema (fromMs: number, toMs: number): SchemaCount[]
  /** By time and stream. */
  raw (fromMs: number, toMs: number): RawCount[]
  /** All of the range added up, most frequent first. */
  failures (fromMs: number, toMs: number): Failure[]
  close (): void
}

const stateOfMonitor = /^monitor-.*\.sqlite$/

/**
 * Opens the states of all monitors that are there, for reading only. Throws `ConfigError` if there is none, and `StreamError` with the code
 * `cannot-read` if there are some of which none can be read.
 */
export function openCounts (stateDirectory: string): Counts {
  const { dbs, unreadable } = opened(statesIn(stateDirectory))
  const rowsOf = <R>(sql: string, fromMs: number, toMs: number): R[][] => dbs.map(db => db.prepare<[number, number], R>(sql).all(fromMs, toMs))
  const inRange = 'time_ms >= ? AND time_ms < ?'

  function * failures (fromMs: number, toMs: number): Generator<Failure> {
    const start = `time_ms / ${hourMs} * ${hourMs}`
    const failing = dbs.length === 1 ? [] : rowsOf<FailingStream>(`SELECT ${start} AS hourMs, schema, stream, sum(invalid) AS invalid FROM schema_count WHERE ${inRange} AND invalid > 0 GROUP BY ${start}, schema, stream`, fromMs, toMs)
    const counts = failuresThatCount(failing)
    const sql = `SELECT time_ms AS timeMs, schema, code, pointer, expected, seen, count, first_ms AS firstMs, last_ms AS lastMs, sample FROM failure WHERE ${inRange}`
    for (const [monitor, db] of dbs.entries()) {
      for (const { timeMs, ...failure } of db.prepare<[number, number], Failure & { timeMs: number }>(sql).iterate(fromMs, toMs)) if (counts(monitor, timeMs, failure.schema)) yield failure
    }
  }

  return {
    unreadable,
    bySchema: (fromMs, toMs) => added(
      largest(rowsOf<SchemaCount & Spanned>(`SELECT span_ms AS spanMs, time_ms AS timeMs, stream, schema, valid, invalid FROM schema_count WHERE ${inRange}`, fromMs, toMs), ({ valid, invalid }) => valid + invalid)
        .map(({ timeMs, stream, schema, valid, invalid }): SchemaCount => ({ timeMs, stream, schema, valid, invalid })),
      ({ timeMs, stream, schema }) => `${timeMs} ${stream} ${schema}`,
      (a, b) => ({ ...a, valid: a.valid + b.valid, invalid: a.invalid + b.invalid })
    ).sort((a, b) => a.timeMs - b.timeMs || compare(a.stream, b.stream) || compare(a.schema, b.schema)),
    raw: (fromMs, toMs) => added(
      largest(rowsOf<RawCount & Spanned>(`SELECT span_ms AS spanMs, time_ms AS timeMs, stream, raw FROM raw_count WHERE ${inRange}`, fromMs, toMs), ({ raw }) => raw)
        .map(({ timeMs, stream, raw }): RawCount => ({ timeMs, stream, raw })),
      ({ timeMs, stream }) => `${timeMs} ${stream}`,
      (a, b) => ({ ...a, raw: a.raw + b.raw })
    ).sort((a, b) => a.timeMs - b.timeMs || compare(a.stream, b.stream)),
    failures: (fromMs, toMs) => added(
      failures(fromMs, toMs),
      ({ schema, code, pointer, expected }) => JSON.stringify([schema, code, pointer, expected]),
      bothFailures
    ).sort((a, b) => b.count - a.count || compare(a.schema, b.schema) || compare(a.pointer, b.pointer)),
    close: () => { for (const db of dbs) db.close() }
  }
}

/** Those that can be read; why others cannot. */
function opened (files: readonly string[]): { readonly dbs: readonly Database.Database[], readonly unreadable: readonly string[] } {
  const dbs: Database.Database[] = []
  const unreadable: string[] = []
  for (const file of files) {
    let db: Database.Database | null = null
    try {
      db = new Database(file, { readonly: true, fileMustExist: true })
      // not before the monitor has been there
      if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'failure'").get() === undefined) db.close()
      else dbs.push(db)
    } catch (cause) {
      db?.close()
      unreadable.push(`${file}: ${messageOf(cause)}`)
    }
  }
  if (unreadable.length > 0 && unreadable.length === files.length) throw new StreamError('cannot-read', `${unreadable.join('; ')}; run this as the user of the daemons, or as root`)
  return { dbs, unreadable }
}

/** At least one. */
function statesIn (directory: string): string[] {
  const files = namesIn(directory).filter(name => stateOfMonitor.test(name)).sort().map(name => join(directory, name))
  if (files.length === 0) throw new ConfigError('bad-option', `--state ${directory}: no monitor has a state in it; name the directory that the daemons have, and let a monitor run`)
  return files
}

function namesIn (directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') throw new ConfigError('bad-option', `--state ${directory}: ${messageOf(cause)}; name the directory that the daemons have`, { cause })
    throw new StreamError('cannot-read', `${directory}: ${messageOf(cause)}; run this as the user of the daemons, or as root`, { cause })
  }
}

/** What came last is kept of the two. */
export function bothFailures<F extends Omit<Failure, 'schema' | 'code' | 'pointer' | 'expected'>> (a: F, b: F): F {
  const latest = b.lastMs >= a.lastMs ? b : a
  return {
    ...latest,
    sample: latest.sample === '' ? (latest === b ? a : b).sample : latest.sample,
    count: a.count + b.count,
    firstMs: Math.min(a.firstMs, b.firstMs)
  }
}

function added<R> (rows: Iterable<R>, keyOf: (row: R) => string, both: (a: R, b: R) => R): R[] {
  const sums = new Map<string, R>()
  for (const row of rows) {
    const key = keyOf(row)
    const there = sums.get(key)
    sums.set(key, there === undefined ? row : both(there, row))
  }
  return [...sums.values()]
}

function compare (a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
