import { rmSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import { dayMs, noSchema } from '../../lib/purge/rules.js'
import type { Leftover, PurgeStore, Rules, Work } from '../../lib/purge/store.js'
import { isDamage } from '../../lib/stream/damage.js'
import { lockInstance } from '../../lib/stream/state-database.js'
import { fileOf, instancesIn, journalsOf, openForReading } from '../journal/databases.js'
import { isUp } from '../status/daemons.js'

/** Batches that are deleted at a time. */
const portion = 500

/** Of a journal, or of a state that was set aside, what is too old. */
interface Old {
  readonly instance: string
  /** Null for a whole state. */
  readonly journal: string | null
  readonly rows: number
  readonly bytes: number
  readonly oldestMs: number
}

/**
 * The journals in a directory of states, with whatever is in them: what is older than the days of all goes. A daemon that runs
 * keeps its journals itself, by journal-age, and is left alone. A state that was set aside as damaged goes whole.
 */
export function openJournals (directory: string): PurgeStore {
  async function * each<T> (rules: Rules, use: (old: Old, cutoffMs: number) => T[]): AsyncGenerator<T> {
    const cutoffMs = rules.nowMs - rules.of(noSchema).days * dayMs
    const failures: string[] = []
    for (const instance of instances(directory)) {
      try {
        for (const old of oldIn(directory, instance, cutoffMs)) yield * use(old, cutoffMs)
      } catch (error) {
        failures.push(`${instance}: ${messageOf(error)}`)
      }
      await Promise.resolve()
    }
    if (failures.length > 0) throw new StreamError('cannot-read', `of the states in ${directory}: ${failures.join('; ')}`)
  }

  return {
    name: `journals in ${directory}`,
    plan: rules => each<Work>(rules, old => isHeld(directory, old.instance) ? [] : [workOf(old)]),
    purge: (rules, stop) => each<Work>(rules, (old, cutoffMs) => stop.aborted ? [] : purged(directory, old, cutoffMs, stop)),
    prove: rules => each<Leftover>(rules, old => [{ place: placeOf(old), schema: null, rows: old.rows, oldestDays: Math.floor((rules.nowMs - old.oldestMs) / dayMs), fields: [] }]),
    close: async () => {}
  }
}

/** A directory without states is one in which nothing is kept. */
function instances (directory: string): string[] {
  try {
    return instancesIn(directory)
  } catch (error) {
    if (error instanceof ConfigError && (error.cause === undefined || codeOf(error.cause) === 'ENOENT')) return []
    throw error
  }
}

function oldIn (directory: string, instance: string, cutoffMs: number): Old[] {
  if (isAside(instance)) return asideIn(directory, instance, cutoffMs)
  const state = openForReading(directory, instance)
  if (state === null) return []
  try {
    const old = state.db.prepare<[string, string, number], { rows: number | null, bytes: number | null, oldestMs: number | null }>(`
      SELECT sum(count) AS rows, sum(length(payload)) AS bytes, min(time_ms) AS oldestMs FROM journal_entry
      WHERE journal = ? AND first <= (SELECT max(first) FROM journal_entry WHERE journal = ? AND time_ms < ?)`)
    return journalsOf(state.db).flatMap(({ name }) => {
      const { rows, bytes, oldestMs } = old.get(name, name, cutoffMs) ?? {}
      return rows == null || bytes == null || oldestMs == null ? [] : [{ instance, journal: name, rows, bytes, oldestMs }]
    })
  } finally {
    state.db.close()
  }
}

function isAside (instance: string): boolean {
  return instance.includes('.damaged-')
}

/** By the time at which it was set aside: nothing can have come later. How many records it has, if it can be told. */
function asideIn (directory: string, instance: string, cutoffMs: number): Old[] {
  const { mtimeMs, size } = statSync(fileOf(directory, instance))
  const [, date, hours, minutes] = /\.damaged-(\d{8})T(\d\d)(\d\d)/.exec(instance) ?? []
  const named = date === undefined ? NaN : Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${hours ?? '00'}:${minutes ?? '00'}:59Z`)
  const oldestMs = Number.isNaN(named) ? mtimeMs : Math.min(named, mtimeMs)
  return oldestMs >= cutoffMs ? [] : [{ instance, journal: null, rows: recordsIn(directory, instance), bytes: size, oldestMs }]
}

function recordsIn (directory: string, instance: string): number {
  let state = null
  try {
    state = openForReading(directory, instance)
    return state?.db.prepare<[], { rows: number | null }>('SELECT sum(count) AS rows FROM journal_entry').get()?.rows ?? 0
  } catch (error) {
    if (isDamage(error)) return 0
    throw error
  } finally {
    state?.db.close()
  }
}

function purged (directory: string, old: Old, cutoffMs: number, stop: AbortSignal): Work[] {
  if (old.journal === null) {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${fileOf(directory, old.instance)}${suffix}`, { force: true })
    return [workOf(old)]
  }
  const lock = lockIfFree(directory, old.instance)
  if (lock === null) return []
  try {
    return deleteBefore(fileOf(directory, old.instance), old, cutoffMs, stop)
  } finally {
    lock.close()
  }
}

/** Null if a daemon runs on it. */
function lockIfFree (directory: string, instance: string): Database.Database | null {
  try {
    return lockInstance(directory, `${fileOf(directory, instance)}.lock`, instance)
  } catch (error) {
    if (error instanceof ConfigError && error.code === 'state-in-use') return null
    throw error
  }
}

function isHeld (directory: string, state: string): boolean {
  const [, daemon, instance] = /^([a-z]+)-(.*)$/.exec(state) ?? []
  return daemon !== undefined && instance !== undefined && !isAside(state) && isUp(directory, { daemon, instance })
}

/** As a daemon prunes: from the oldest on, with what the journal knows of its size. */
function deleteBefore (file: string, old: Old & { journal: string | null }, cutoffMs: number, stop: AbortSignal): Work[] {
  const db = new Database(file, { fileMustExist: true })
  try {
    const end = db.prepare<[string, number], { end: number | null }>('SELECT max(first) AS end FROM journal_entry WHERE journal = ? AND time_ms < ?').get(old.journal ?? '', cutoffMs)?.end
    const remove = db.prepare<[string, string, number], { count: number, bytes: number }>(`DELETE FROM journal_entry WHERE journal = ? AND first IN
      (SELECT first FROM journal_entry WHERE journal = ? AND first <= ? ORDER BY first LIMIT ${portion}) RETURNING count, length(payload) AS bytes`)
    const free = db.prepare('UPDATE journal SET bytes = bytes - ? WHERE name = ?')
    const step = db.transaction((journal: string): { count: number, bytes: number } => {
      const gone = remove.all(journal, journal, end ?? -1)
      const bytes = gone.reduce((sum, row) => sum + row.bytes, 0)
      free.run(bytes, journal)
      return { count: gone.reduce((sum, row) => sum + row.count, 0), bytes }
    })
    const works: Work[] = []
    for (let done = step(old.journal ?? ''); done.count > 0; done = step(old.journal ?? '')) {
      works.push(workOf({ ...old, rows: done.count, bytes: done.bytes }))
      if (stop.aborted) break
    }
    // what was deleted is to leave the disk, too
    db.pragma('incremental_vacuum')
    db.pragma('wal_checkpoint(TRUNCATE)')
    return works
  } finally {
    db.close()
  }
}

function workOf (old: Old): Work {
  return { place: placeOf(old), schema: null, action: 'delete', rows: old.rows, bytes: old.bytes, fields: [] }
}

function placeOf ({ instance, journal }: Old): string {
  return journal === null ? `state ${instance}` : `journal ${journal} of ${instance}`
}
