import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ConfigError, messageOf } from '../errors.js'

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

/** What the monitors of a host have counted. Ranges are of starts of minutes and hours: `fromMs` is in them, `toMs` is not. */
export interface Counts {
  /** By time, stream and schema. */
  bySchema (fromMs: number, toMs: number): SchemaCount[]
  /** By time and stream. */
  raw (fromMs: number, toMs: number): RawCount[]
  /** All of the range added up, most frequent first. */
  failures (fromMs: number, toMs: number): Failure[]
  close (): void
}

const stateOfMonitor = /^monitor-.*\.sqlite$/

/** Opens the states of all monitors that are there, for reading only. Throws `ConfigError` if there is none, or this user may not. */
export function openCounts (stateDirectory: string): Counts {
  const files = statesIn(stateDirectory)
  if (files.length === 0) throw new ConfigError('bad-option', `--state ${stateDirectory}: no monitor has a state in it; name the directory that the daemons have, and let a monitor run`)
  const dbs: Database.Database[] = []
  const close = (): void => { for (const db of dbs) db.close() }
  for (const file of files) {
    try {
      const db = new Database(file, { readonly: true, fileMustExist: true })
      dbs.push(db)
      // not before the monitor has been there
      if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'failure'").get() === undefined) dbs.pop()?.close()
    } catch (cause) {
      close()
      throw new ConfigError('bad-option', `${file}: ${messageOf(cause)}; run this as the user of the daemons, or as root`, { cause })
    }
  }
  function * all<R> (sql: string, fromMs: number, toMs: number): Generator<R> {
    for (const db of dbs) yield * db.prepare<[number, number], R>(sql).iterate(fromMs, toMs)
  }

  return {
    bySchema: (fromMs, toMs) => added(
      all<SchemaCount>('SELECT time_ms AS timeMs, stream, schema, valid, invalid FROM schema_count WHERE time_ms >= ? AND time_ms < ?', fromMs, toMs),
      ({ timeMs, stream, schema }) => `${timeMs} ${stream} ${schema}`,
      (a, b) => ({ ...a, valid: a.valid + b.valid, invalid: a.invalid + b.invalid })
    ).sort((a, b) => a.timeMs - b.timeMs || compare(a.stream, b.stream) || compare(a.schema, b.schema)),
    raw: (fromMs, toMs) => added(
      all<RawCount>('SELECT time_ms AS timeMs, stream, raw FROM raw_count WHERE time_ms >= ? AND time_ms < ?', fromMs, toMs),
      ({ timeMs, stream }) => `${timeMs} ${stream}`,
      (a, b) => ({ ...a, raw: a.raw + b.raw })
    ).sort((a, b) => a.timeMs - b.timeMs || compare(a.stream, b.stream)),
    failures: (fromMs, toMs) => added(
      all<Failure>('SELECT schema, code, pointer, expected, seen, count, first_ms AS firstMs, last_ms AS lastMs, sample FROM failure WHERE time_ms >= ? AND time_ms < ?', fromMs, toMs),
      ({ schema, code, pointer, expected }) => JSON.stringify([schema, code, pointer, expected]),
      bothFailures
    ).sort((a, b) => b.count - a.count || compare(a.schema, b.schema) || compare(a.pointer, b.pointer)),
    close
  }
}

function statesIn (directory: string): string[] {
  try {
    return readdirSync(directory).filter(name => stateOfMonitor.test(name)).sort().map(name => join(directory, name))
  } catch (cause) {
    throw new ConfigError('bad-option', `--state ${directory}: ${messageOf(cause)}; name the directory that the daemons have`, { cause })
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
