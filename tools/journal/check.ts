import { statSync } from 'node:fs'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError, messageOf } from '../../lib/errors.js'
import { instanceOption, instancesIn, journalsOf, openForReading, type JournalRow, type StateDatabase } from './databases.js'
import { rowsFrom } from './rows.js'
import { bytesText, createProgress, numberText } from '../text.js'

export const check = defineCommand({
  name: 'journal check',
  summary: 'Reads whole states and says what is damaged.',
  examples: [
    ['vanadium journal check', 'all instances of this machine'],
    ['vanadium journal check --instance forwarder-all-events', 'one']
  ],
  notes: 'Exit code 0: all is good. 2: something is damaged; what, is printed. It reads everything, and while it looks at the structure of a\nlarge file, what its daemon writes is kept in a second file until it is done.\n\n',
  options: { instance: instanceOption },
  defaults: { 'log-level': 'warn' },
  prepare ({ instance }, _transports, { state: directory }) {
    return async ctx => {
      for (const name of instancesIn(directory, instance)) {
        const { faults, records } = await checked(directory, name, ctx.stop)
        if (faults.length === 0) process.stdout.write(`${name}: good, ${numberText(records)} records\n`)
        else {
          process.exitCode = 2
          process.stdout.write(`${name}: damaged\n${faults.map(fault => `  ${fault}\n`).join('')}`)
        }
        if (ctx.stop.aborted) return
      }
    }
  }
})

/** Of one state are said at most. */
const mostFaults = 100

interface Checked {
  readonly faults: string[]
  readonly records: number
}

async function checked (directory: string, instance: string, stop: AbortSignal): Promise<Checked> {
  const faults: string[] = []
  let records = 0
  let state: StateDatabase | null = null
  try {
    state = openForReading(directory, instance)
    if (state !== null) {
      faults.push(...structureOf(state), ...numbersOf(state.db))
      for (const journal of journalsOf(state.db)) records += await entriesOf(state, journal, faults, stop)
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    faults.push(messageOf(error))
  } finally {
    state?.db.close()
  }
  return { faults, records }
}

/** What SQLite itself can find. */
function structureOf ({ instance, file, db }: StateDatabase): string[] {
  const progress = createProgress()
  progress.show(`${instance}: looking at the structure of ${bytesText(statSync(file).size)}`)
  const found = db.prepare<[], { quick_check: string }>(`PRAGMA quick_check(${mostFaults})`).all().map(row => row.quick_check)
  progress.end()
  return found.filter(text => text !== 'ok').map(text => text.replace(/\s*\n\s*/g, '; '))
}

/** Numbers that cannot be. */
function numbersOf (db: Database.Database): string[] {
  return db.prepare<[], { fault: string }>(`
    SELECT 'position of ' || source || ' is "' || position || '", which is none of a journal' AS fault FROM position
      WHERE source LIKE 'journal:%' AND (substr(position, 17, 1) != ':' OR substr(position, 1, 16) GLOB '*[^0-9a-f]*' OR substr(position, 18) GLOB '*[^0-9]*' OR length(position) < 18)
    UNION ALL SELECT 'sequence ' || name || ' goes on with ' || next FROM sequence WHERE next < 0
    UNION ALL SELECT 'journal ' || name || ' has the id "' || id || '" and goes on with ' || next FROM journal WHERE next < 0 OR length(id) != 16 OR id GLOB '*[^0-9a-f]*'
    UNION ALL SELECT 'subscriber ' || subscriber || ' has committed number ' || s.next || ' of journal ' || journal || ', which goes on with ' || j.next
      FROM journal_subscriber s JOIN journal j ON j.name = s.journal WHERE s.next NOT BETWEEN 0 AND j.next
    UNION ALL SELECT 'there are records of journal ' || journal || ', which is not known' FROM journal_entry WHERE journal NOT IN (SELECT name FROM journal) GROUP BY journal
    LIMIT ${mostFaults}`).all().map(({ fault }) => fault)
}

/** Whether each batch has the records that it should have, and each follows the one before it. Returns how many records there are. */
async function entriesOf ({ instance, db }: StateDatabase, { name, next }: JournalRow, faults: string[], stop: AbortSignal): Promise<number> {
  const oldest = db.prepare<[string], { first: number | null }>('SELECT min(first) AS first FROM journal_entry WHERE journal = ?')
  const nextNow = db.prepare<[string], { next: number }>('SELECT next FROM journal WHERE name = ?')
  const progress = createProgress()
  const say = (fault: string): void => { if (faults.length < mostFaults) faults.push(`journal ${name}: ${fault}`) }
  const start = oldest.get(name)?.first ?? next
  let at: number | null = start
  let records = 0
  let n = 0
  for (const { first, count, damage } of rowsFrom(db, name, 0)) {
    if (first >= next) break
    // what was pruned while this is read is not missing
    if (at !== null && first !== at && (oldest.get(name)?.first ?? first) < first) say(first > at ? `records ${at} to ${first - 1} are missing` : `records from ${first} on are there twice`)
    if (damage !== undefined) say(`the batch of record ${first} cannot be read: ${damage}`)
    at = damage === undefined ? first + count : null
    records += count
    progress.show(`${instance}: journal ${name}, ${Math.round((first - start) / Math.max(1, next - start) * 100)} %`)
    if (n++ % 100 === 0) await turnOfTheLoop()
    if (stop.aborted) throw new ConfigError('bad-option', 'stopped before all was checked')
  }
  progress.end()
  if (at !== null && at !== next && at > (nextNow.get(name)?.next ?? 0)) say(`it goes on with number ${next}, and has records up to ${at - 1}`)
  if (at !== null && at < next && oldest.get(name)?.first !== null) say(`records ${at} to ${next - 1} are missing`)
  return records
}
