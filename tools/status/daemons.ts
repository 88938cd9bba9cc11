import { join } from 'node:path'
import Database from 'better-sqlite3'
import { lastErrorKey, pulseKey, type LastError, type Pulse } from '../../lib/cli/pulse.js'
import { codeOf } from '../../lib/errors.js'
import { openShelf, type Books } from '../ledger/books.js'

export interface DaemonStatus {
  readonly daemon: string
  readonly instance: string
  readonly up: boolean
  readonly pid: number | null
  /** Milliseconds since 1970. */
  readonly startedMs: number | null
  /** Records a second; null if it is down. */
  readonly rate: number | null
  readonly memoryBytes: number | null
  /** Null for a daemon without journaled inputs. */
  readonly lag: { readonly records: number, readonly seconds: number } | null
  readonly lastError: LastError | null
}

/** Every daemon that has a state there, those upstream last. Throws `ConfigError` if there is none. */
export function statusOf (directory: string): DaemonStatus[] {
  const { books, close } = openShelf(directory, Infinity, Infinity)
  try {
    return books.map(one => {
      const up = isUp(directory, one)
      const pulse = parsed<Pulse>(one.remarks.get(pulseKey))
      return {
        daemon: one.daemon,
        instance: one.instance,
        up,
        pid: up ? pulse?.pid ?? null : null,
        startedMs: up ? pulse?.startedMs ?? null : null,
        rate: up ? pulse?.rate ?? null : null,
        memoryBytes: up ? pulse?.memoryBytes ?? null : null,
        lag: lagOf(one, books) ?? pulse?.lag ?? null,
        lastError: parsed<LastError>(one.remarks.get(lastErrorKey))
      }
    })
  } finally {
    close()
  }
}

/** The process holds a lock; whoever does not get to read beside it knows. */
function isUp (directory: string, { daemon, instance }: Books): boolean {
  let lock: Database.Database | undefined
  try {
    lock = new Database(join(directory, `${daemon}-${instance}.sqlite.lock`), { readonly: true, fileMustExist: true, timeout: 0 })
    lock.prepare('SELECT count(*) FROM sqlite_schema').get()
    return false
  } catch (error) {
    return codeOf(error)?.startsWith('SQLITE_BUSY') === true
  } finally {
    lock?.close()
  }
}

/** From the publishers' journals, as far as they are on this host; undefined if none is. */
function lagOf (subscriber: Books, shelf: readonly Books[]): DaemonStatus['lag'] | undefined {
  const behind = subscriber.inputs.flatMap(input => shelf.flatMap(({ journals }) => journals
    .filter(({ name, id }) => name === input.name && id === input.id)
    .map(journal => ({ records: Math.max(0, journal.next - input.next), timeMs: journal.timeOf(input.next) }))))
  if (behind.length === 0) return undefined
  const oldestMs = Math.min(...behind.flatMap(({ timeMs }) => timeMs === null ? [] : [timeMs]))
  return {
    records: behind.reduce((sum, { records }) => sum + records, 0),
    seconds: Number.isFinite(oldestMs) ? Math.max(0, Math.round((Date.now() - oldestMs) / 1000)) : 0
  }
}

function parsed<T> (text: string | undefined): T | null {
  return text === undefined ? null : JSON.parse(text) as T
}
