import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError, messageOf } from '../../lib/errors.js'
import { isDamage } from '../../lib/stream/damage.js'
import { openState } from '../../lib/stream/state.js'
import { fileOf, instancesIn, journalsOf, openForReading, type JournalRow, type StateDatabase } from './databases.js'
import { rowsFrom } from './rows.js'
import { createProgress, numberText } from '../text.js'

const asideSyntax = /^(.+)\.sqlite\.damaged-[^/]+$/

export const salvage = defineCommand({
  name: 'journal salvage',
  summary: 'Makes a sound state of what can be read of one that was set aside as damaged.',
  examples: [['vanadium journal salvage --instance forwarder-a.sqlite.damaged-20140521T093001Z', 'then start the daemon: its subscribers count what is missing as lost']],
  notes: 'All numbers and positions must be readable: without them there is nothing that the daemon could go on with. What was set aside stays.\nRun it as the user of the daemons.\n\n',
  options: {
    instance: { type: 'string', demandOption: true, requiresArg: true, description: 'The state that was set aside, as journal ls names it' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ instance }, _transports, { state: directory }) {
    const [, name] = asideSyntax.exec(instance) ?? []
    if (name === undefined) throw new ConfigError('bad-option', `--instance ${instance}: name one that was set aside: its name has .sqlite.damaged- in it`)

    return async () => {
      instancesIn(directory, instance)
      const target = fileOf(directory, name)
      if (existsSync(target) && statSync(target).size > 0) throw new ConfigError('bad-option', `--instance ${instance}: there is a state in its place, ${target}; move that away first, if it is the wrong one`)
      for (const line of make(directory, instance, name, target)) process.stdout.write(`${line}\n`)
      await Promise.resolve()
    }
  }
})

/** In a file of another name, so that nobody takes half of it for the whole. Returns what to say. */
function make (directory: string, instance: string, name: string, target: string): string[] {
  const making = `${name}.salvaging`
  const file = fileOf(directory, making)
  remove(file)
  let source: StateDatabase | null = null
  let db: Database.Database | undefined
  try {
    source = openForReading(directory, instance)
    if (source === null) throw new ConfigError('bad-option', `--instance ${instance}: that is no state`)
    openState(directory, making).close()
    db = new Database(file)
    const said = copy(source.db, db)
    db.close()
    // of a file that is no more
    for (const suffix of ['-wal', '-shm']) rmSync(`${target}${suffix}`, { force: true })
    renameSync(file, target)
    return [...said, `${target} is made; start the daemon`]
  } catch (error) {
    if (!isDamage(error)) throw error
    throw new ConfigError('damaged-state', `--instance ${instance}: its numbers or positions cannot be read (${messageOf(error)}); begin anew: move it out of ${directory}`, { cause: error })
  } finally {
    db?.close()
    source?.db.close()
    remove(file)
  }
}

function remove (file: string): void {
  for (const suffix of ['', '-wal', '-shm', '.lock']) rmSync(`${file}${suffix}`, { force: true })
}

function copy (from: Database.Database, to: Database.Database): string[] {
  makeOwnTables(from, to)
  const tables = to.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'journal_entry' AND name NOT LIKE 'sqlite_%'").all()
  to.transaction(() => {
    for (const { name } of tables) {
      for (const row of from.prepare<[], Record<string, unknown>>(`SELECT * FROM ${name}`).all()) {
        const columns = Object.keys(row)
        to.prepare(`INSERT OR REPLACE INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`).run(...Object.values(row))
      }
    }
  })()
  return journalsOf(from).map(journal => copyEntries(from, to, journal))
}

/** Those that only some daemons have: the counts of a monitor. */
function makeOwnTables (from: Database.Database, to: Database.Database): void {
  const isThere = to.prepare<[string]>('SELECT 1 FROM sqlite_schema WHERE name = ?')
  const tables = from.prepare<[], { name: string, sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all()
  for (const { name, sql } of tables) if (isThere.get(name) === undefined) to.exec(sql)
}

/** Rows as they are, whatever columns they have. */
function copyEntries (from: Database.Database, to: Database.Database, { name, next }: JournalRow): string {
  const read = from.prepare<[string, number], Record<string, unknown>>('SELECT * FROM journal_entry WHERE journal = ? AND first = ?')
  const columns = to.prepare<[], { name: string }>("SELECT name FROM pragma_table_info('journal_entry')").all().map(column => column.name)
  const insert = to.prepare(`INSERT INTO journal_entry (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`)
  const progress = createProgress()
  const missing: string[] = []
  let copied = 0
  let at: number | null = null
  const missTo = (end: number): void => { if (at !== null && end > at) missing.push(`${at} to ${end - 1}`) }
  try {
    for (const { first, count, damage } of rowsFrom(from, name, 0)) {
      if (damage !== undefined) {
        at ??= first
        continue
      }
      missTo(first)
      const row = read.get(name, first) ?? {}
      insert.run(...columns.map(column => row[column]))
      copied += count
      at = first + count
      progress.show(`journal ${name}: ${numberText(copied)} records`)
    }
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  at ??= next
  missTo(next)
  progress.end()
  return `journal ${name}: ${numberText(copied)} records${missing.length === 0 ? '' : `; missing: ${missing.slice(0, mostGaps).join(', ')}${missing.length > mostGaps ? ' …' : ''}`}`
}

/** That are listed. */
const mostGaps = 20
