import { accessSync, constants } from 'node:fs'
import Database from 'better-sqlite3'
import { lastErrorKey, pulseKey, type LastError, type Pulse } from '../../lib/cli/pulse.js'
import { codeOf, ConfigError } from '../../lib/errors.js'
import { stateFile } from '../../lib/stream/state.js'
import { openShelf, type Books } from '../ledger/books.js'

export interface DaemonStatus {
  readonly daemon: string
  readonly instance: string
  readonly up: boolean
  /** Milliseconds since its last sign of life, if that is too long ago for one that is up: it hangs, or its disk is full; else null. */
  readonly stuckMs: number | null
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

/** It gives a sign every few seconds. */
const mostSilentMs = 30_000

/** Every daemon that has a state there, those upstream last. Throws `ConfigError` if there is none. */
export function statusOf (directory: string): DaemonStatus[] {
  const { books, close } = openShelf(directory, Infinity, Infinity)
  try {
    return books.map(one => {
      const up = isUp(directory, one)
      const pulse = parsed<Pulse>(one.remarks.get(pulseKey))
      const silentMs = pulse === null ? 0 : Date.now() - pulse.atMs
      const stuckMs = up && silentMs > mostSilentMs ? silentMs : null
      return {
        daemon: one.daemon,
        instance: one.instance,
        up,
        stuckMs,
        pid: up ? pulse?.pid ?? null : null,
        startedMs: up ? pulse?.startedMs ?? null : null,
        rate: up && stuckMs === null ? pulse?.rate ?? null : null,
        memoryBytes: up && stuckMs === null ? pulse?.memoryBytes ?? null : null,
        lag: lagOf(one, books) ?? pulse?.lag ?? null,
        lastError: parsed<LastError>(one.remarks.get(lastErrorKey))
      }
    })
  } finally {
    close()
  }
}

/**
 * Whether a daemon runs, told without its help: the process holds a lock, as whoever does not get to read beside it knows. Throws
 * `ConfigError` if this user may not look.
 */
export function isUp (directory: string, { daemon, instance }: Pick<Books, 'daemon' | 'instance'>): boolean {
  const file = `${stateFile(directory, `${daemon}-${instance}`)}.lock`
  let lock: Database.Database | undefined
  try {
    accessSync(file, constants.R_OK)
    lock = new Database(file, { readonly: true, fileMustExist: true, timeout: 0 })
    lock.prepare('SELECT count(*) FROM sqlite_schema').get()
    return false
  } catch (cause) {
    if (codeOf(cause) === 'EACCES') throw new ConfigError('bad-option', `${file}: permission denied; run this as a user of the daemons' group, or as root`, { cause })
    return codeOf(cause)?.startsWith('SQLITE_BUSY') === true
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

/** Of a remark. */
export function parsed<T> (text: string | undefined): T | null {
  return text === undefined ? null : JSON.parse(text) as T
}
