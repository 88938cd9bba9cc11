import { chownSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ConfigError, messageOf, StreamError } from '../errors.js'
import { allOthers, effectiveKeys, effectiveOf } from './effective.js'
import type { Registry } from './registry.js'

/** One value that is another than it was. */
export interface Change {
  /** When it was recorded, in milliseconds since 1970. */
  readonly atMs: number
  readonly who: string
  /** Why, as far as it was said. */
  readonly message: string | null
  /** `*`: for all that have no entry. */
  readonly schema: string
  readonly key: string
  /** Null: nothing. */
  readonly from: string | null
  readonly to: string | null
}

/** Who changed the registry, when, from what to what: a file that all who record share, one at a time. */
export interface History {
  /** When recording began, or, when older changes were forgotten, the time of the oldest that is left; null before the first recording. */
  readonly sinceMs: number | null
  /**
   * Compares what holds for each schema with what was recorded last, and enters what is another. The first time there is nothing to
   * compare with. Whoever comes second finds no difference. End dates are no change by passing. Throws `StreamError`.
   */
  record (registry: Registry, by: { readonly who: string, readonly message?: string | null }, nowMs?: number): readonly Change[]
  /** The oldest first. */
  changes (): IterableIterator<Change>
  close (): void
}

/** Older changes are forgotten, and the oldest when there are more. */
const longestMs = 10 * 365.25 * 86_400_000
const mostChanges = 100_000

/** So long is waited for somebody else who records. */
const busyMs = 5000

const tables = `
  CREATE TABLE IF NOT EXISTS about (one INTEGER PRIMARY KEY CHECK (one = 1), since_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS change (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, who TEXT NOT NULL, message TEXT, schema TEXT NOT NULL, key TEXT NOT NULL, old TEXT, new TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS recorded (schema TEXT NOT NULL, key TEXT NOT NULL, value TEXT, PRIMARY KEY (schema, key)) STRICT;`

export function historyFile (directory: string): string {
  return join(directory, 'registry.sqlite')
}

/** Opens the history in a state directory, or makes it. Throws `ConfigError` if that cannot be. */
export function openHistory (directory: string): History {
  const file = historyFile(directory)
  let db: Database.Database | undefined
  try {
    mkdirSync(directory, { recursive: true })
    const isNew = !existsSync(file)
    db = new Database(file, { timeout: busyMs })
    db.transaction(() => { db?.exec(tables) }).immediate()
    // made by root it must be the daemons' all the same
    if (isNew && process.getuid?.() === 0) {
      const { uid, gid } = statSync(directory)
      chownSync(file, uid, gid)
    }
    return historyIn(db)
  } catch (cause) {
    db?.close()
    throw new ConfigError('bad-option', `--state: ${file}: ${messageOf(cause)}; name a directory that this user can write`, { cause })
  }
}

/** Null if nothing was recorded yet. Throws `ConfigError` if this user may not look. */
export function readHistory (directory: string): History | null {
  const file = historyFile(directory)
  let db: Database.Database | undefined
  try {
    if (!existsSync(file)) return null
    db = new Database(file, { readonly: true, timeout: busyMs })
    return historyIn(db)
  } catch (cause) {
    db?.close()
    throw new ConfigError('bad-option', `--state: ${file}: ${messageOf(cause)}; run this as the user of the daemons, or as root`, { cause })
  }
}

type Values = ReadonlyMap<string, string | null>

function historyIn (db: Database.Database): History {
  const since = db.prepare<[], number>('SELECT since_ms FROM about').pluck()
  const record = db.transaction((registry: Registry, who: string, message: string | null, nowMs: number): Change[] => {
    const before = recordedIn(db)
    const after = valuesOf(registry)
    const changes = before.size === 0 ? [] : differences(before, after).map(change => ({ atMs: nowMs, who, message, ...change }))
    if (before.size === 0) db.prepare('INSERT OR REPLACE INTO about VALUES (1, ?)').run(nowMs)
    if (changes.length > 0 || [...before.keys()].sort().join() !== [...after.keys()].sort().join()) replaceRecorded(db, after)
    if (changes.length > 0) enter(db, changes, nowMs)
    return changes
  })
  return {
    get sinceMs () { return since.get() ?? null },
    record (registry, { who, message = null }, nowMs = Date.now()) {
      try {
        return record.immediate(registry, who, message, nowMs)
      } catch (cause) {
        throw new StreamError('cannot-write', `${db.name}: ${messageOf(cause)}; what has changed is recorded the next time`, { cause })
      }
    },
    changes: () => db.prepare<[], Change>('SELECT time_ms AS atMs, who, message, schema, key, old AS "from", new AS "to" FROM change ORDER BY id').iterate(),
    close () { db.close() }
  }
}

/** By schema, and by key. */
function recordedIn (db: Database.Database): Map<string, Map<string, string | null>> {
  const values = new Map<string, Map<string, string | null>>()
  for (const { schema, key, value } of db.prepare<[], { schema: string, key: string, value: string | null }>('SELECT schema, key, value FROM recorded').all()) {
    const found = values.get(schema) ?? new Map<string, string | null>()
    values.set(schema, found.set(key, value))
  }
  return values
}

/** What holds before any end date has passed. */
function valuesOf (registry: Registry): Map<string, Values> {
  return new Map([allOthers, ...registry.names].map(schema => [schema, new Map(Object.entries(effectiveOf(registry, schema, 0)))]))
}

/** A schema without an entry has what all others have. */
function differences (before: ReadonlyMap<string, Values>, after: ReadonlyMap<string, Values>): Array<Pick<Change, 'schema' | 'key' | 'from' | 'to'>> {
  const schemas = [...new Set([...before.keys(), ...after.keys()])].sort()
  return schemas.flatMap(schema => {
    const old = before.get(schema) ?? before.get(allOthers)
    const now = after.get(schema) ?? after.get(allOthers)
    // a key that an older version does not know was nothing then
    return effectiveKeys.map(key => ({ schema, key, from: old?.get(key) ?? null, to: now?.get(key) ?? null })).filter(({ from, to }) => from !== to)
  })
}

function replaceRecorded (db: Database.Database, values: ReadonlyMap<string, Values>): void {
  db.exec('DELETE FROM recorded')
  const insert = db.prepare('INSERT INTO recorded VALUES (?, ?, ?)')
  for (const [schema, keys] of values) for (const [key, value] of keys) insert.run(schema, key, value)
}

/** A clock that is years ahead makes no more forgotten than the change before tells. */
function enter (db: Database.Database, changes: readonly Change[], nowMs: number): void {
  const newestMs = db.prepare<[], number | null>('SELECT max(time_ms) FROM change').pluck().get() ?? nowMs
  const insert = db.prepare('INSERT INTO change (time_ms, who, message, schema, key, old, new) VALUES (@atMs, @who, @message, @schema, @key, @from, @to)')
  for (const change of changes) insert.run(change)
  const forget = db.prepare(`DELETE FROM change WHERE time_ms < ? OR id <= (SELECT max(id) FROM change) - ${mostChanges}`)
  if (forget.run(Math.min(nowMs, newestMs) - longestMs).changes > 0) db.exec('UPDATE about SET since_ms = (SELECT min(time_ms) FROM change)')
}
