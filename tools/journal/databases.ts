import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Options } from 'yargs'
import { codeOf, ConfigError, messageOf } from '../../lib/errors.js'

/** Of every command that looks into states. */
export const instanceOption = { type: 'string', requiresArg: true, description: 'Only the state of that instance, as journal ls names it' } as const satisfies Options

/** An instance's database, open for reading only: its daemon does not notice. */
export interface StateDatabase {
  readonly instance: string
  readonly file: string
  readonly db: Database.Database
}

export interface JournalRow {
  readonly name: string
  readonly id: string
  readonly next: number
  readonly previousId: string | null
}

const endings = /\.sqlite(?=$|\.damaged-)/
const beside = /-(wal|shm)$/

/** The instances that have a state there, those that were set aside as damaged included. Throws `ConfigError` if there is none. */
export function instancesIn (directory: string, wanted?: string): string[] {
  const all = filesIn(directory).map(file => file.replace(/\.sqlite$/, '')).sort()
  if (all.length === 0) throw new ConfigError('bad-option', `--state ${directory}: there is no state in it; name the directory that the daemons have`)
  if (wanted === undefined) return all
  if (!all.includes(wanted)) throw new ConfigError('bad-option', `--instance ${wanted}: there is no such state in ${directory}; there ${areThere(all)}`)
  return [wanted]
}

function filesIn (directory: string): string[] {
  try {
    return readdirSync(directory).filter(name => endings.test(name) && !beside.test(name) && !/\.(lock|reserve)$/.test(name))
  } catch (cause) {
    throw new ConfigError('bad-option', `--state ${directory}: ${messageOf(cause)}; name the directory that the daemons have`, { cause })
  }
}

export function fileOf (directory: string, instance: string): string {
  return join(directory, endings.test(instance) ? instance : `${instance}.sqlite`)
}

/** Null if it is no state: sinks may be in the same directory. Throws what SQLite throws, or `ConfigError` if this user may not. */
export function openForReading (directory: string, instance: string): StateDatabase | null {
  const file = fileOf(directory, instance)
  let db: Database.Database | undefined
  try {
    db = new Database(file, { readonly: true, fileMustExist: true })
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'journal_entry'").get() !== undefined) return { instance, file, db }
    db.close()
    return null
  } catch (cause) {
    db?.close()
    throw cannotOpen(file, cause)
  }
}

export function cannotOpen (file: string, cause: unknown): unknown {
  if (!/^SQLITE_(CANTOPEN|READONLY)/.test(codeOf(cause) ?? '')) return cause
  return new ConfigError('bad-option', `${file}: ${messageOf(cause)}; run this as the user of the daemons, or as root`, { cause })
}

export function journalsOf (db: Database.Database): JournalRow[] {
  return db.prepare<[], JournalRow>('SELECT name, id, next, previous_id AS previousId FROM journal ORDER BY name').all()
}

/** Opens the state that has the journal. Throws `ConfigError` that says which journals there are. */
export function openJournalState (directory: string, journal: string, wanted?: string): StateDatabase {
  const there: string[] = []
  const unreadable: string[] = []
  const found: StateDatabase[] = []
  for (const instance of instancesIn(directory, wanted)) {
    try {
      const state = openForReading(directory, instance)
      const names = state === null ? [] : journalsOf(state.db).map(({ name }) => name)
      there.push(...names.map(name => `${name} (${instance})`))
      if (state === null) continue
      if (names.includes(journal)) found.push(state)
      else state.db.close()
    } catch (error) {
      if (error instanceof ConfigError || wanted !== undefined) throw error
      unreadable.push(`${instance} cannot be read: ${messageOf(error)}`)
    }
  }
  const inUse = found.filter(({ file }) => file.endsWith('.sqlite'))
  // of one that was set aside and one that has taken its place, that one
  const [only, ...others] = inUse.length > 0 ? inUse : found
  if (only !== undefined && others.length === 0) return only
  for (const { db } of found) db.close()
  if (only !== undefined) throw new ConfigError('bad-option', `--journal ${journal}: several instances have it: ${[only, ...others].map(({ instance }) => instance).join(', ')}; name one with --instance`)
  throw new ConfigError('bad-option', [`--journal ${journal}: there is no such journal in ${wanted === undefined ? directory : fileOf(directory, wanted)}; there ${areThere(there)}`, ...unreadable].join('; '))
}

export function areThere (names: readonly string[]): string {
  return names.length === 0 ? 'is none' : `${names.length === 1 ? 'is' : 'are'}: ${names.join(', ')}`
}
