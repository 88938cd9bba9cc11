import Database from 'better-sqlite3'
import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { areThere, cannotOpen, fileOf, instanceOption, instancesIn, openForReading } from './databases.js'
import { durationText, numberText } from '../text.js'

export const forget = defineCommand({
  name: 'journal forget',
  summary: 'Forgets a subscriber that will not come back: nothing is kept for it any more.',
  examples: [
    ['vanadium journal forget --subscriber mysql-old', 'in all journals that know it'],
    ['vanadium journal forget --subscriber mysql-old --journal valid --instance processor-client-side', 'in one']
  ],
  notes: 'The publishing daemon may run; it notices within a second. A subscriber that is still there is known again with what it next commits.\n\n',
  options: {
    subscriber: { type: 'string', demandOption: true, requiresArg: true, description: 'Its name: as=NAME in its URI' },
    journal: { type: 'string', requiresArg: true, description: 'Only in the journal of that name' },
    instance: instanceOption
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ subscriber, journal, instance }, _transports, { state: directory }) {
    return async () => {
      const all = instancesIn(directory, instance).filter(name => !name.includes('.damaged-')).flatMap(name => subscribersOf(directory, name))
      const found = all.filter(row => row.subscriber === subscriber && (journal === undefined || row.journal === journal))
      if (found.length === 0) {
        const there = all.map(row => `${row.subscriber} (journal ${row.journal} of ${row.instance})`)
        throw new ConfigError('bad-option', `--subscriber ${subscriber}: no ${journal === undefined ? 'journal' : `journal ${journal}`} in ${directory} knows it; there ${areThere(there)}`)
      }
      for (const row of found) {
        remove(fileOf(directory, row.instance), row)
        process.stdout.write(`journal ${row.journal} of ${row.instance} has forgotten ${subscriber}, which had not committed ${numberText(row.lag)} records and was heard ${durationText(Date.now() - row.heardMs)} ago\n`)
      }
      await Promise.resolve()
    }
  }
})

interface Known {
  readonly instance: string
  readonly journal: string
  readonly subscriber: string
  readonly lag: number
  readonly heardMs: number
}

function subscribersOf (directory: string, instance: string): Known[] {
  const state = openForReading(directory, instance)
  if (state === null) return []
  try {
    return state.db.prepare<[], Omit<Known, 'instance'>>(`SELECT journal, subscriber, j.next - s.next AS lag, heard_ms AS heardMs
      FROM journal_subscriber s JOIN journal j ON j.name = s.journal ORDER BY journal, subscriber`).all().map(row => ({ instance, ...row }))
  } finally {
    state.db.close()
  }
}

/** The daemon reads the names again whenever it prunes; so no stream has to stop for this. */
function remove (file: string, { journal, subscriber }: Known): void {
  let db: Database.Database | undefined
  try {
    db = new Database(file, { fileMustExist: true })
    db.prepare('DELETE FROM journal_subscriber WHERE journal = ? AND subscriber = ?').run(journal, subscriber)
  } catch (cause) {
    throw cannotOpen(file, cause)
  } finally {
    db?.close()
  }
}
