import { statSync } from 'node:fs'
import { defineCommand } from '../../lib/cli/command.js'
import { messageOf } from '../../lib/errors.js'
import { instanceOption, instancesIn, journalsOf, openForReading, type StateDatabase } from './databases.js'
import { bytesText, durationText, numberText, tableText } from '../text.js'

export const ls = defineCommand({
  name: 'journal ls',
  summary: 'Lists journals: what is kept, and how far each subscriber is.',
  examples: [
    ['vanadium journal ls', 'of all instances of this machine'],
    ['vanadium journal ls --instance forwarder-all-events', 'of one']
  ],
  notes: 'COMMITTED is what a subscriber reported at the last pruning, at most a second ago while the daemon runs. BEHIND is how long the\noldest record that it lacks has been in the pipeline.\n\n',
  options: { instance: instanceOption },
  defaults: { 'log-level': 'warn' },
  prepare ({ instance }, _transports, { state: directory }) {
    return async ctx => {
      const listings = instancesIn(directory, instance).map(name => listed(directory, name))
      const journals = listings.flatMap(listing => listing.journals)
      const subscribers = listings.flatMap(listing => listing.subscribers)
      process.stdout.write(journals.length === 0 ? 'no instance has a journal\n' : tableText(journalHeader, journals, rightOfJournals))
      if (subscribers.length > 0) process.stdout.write(`\n${tableText(subscriberHeader, subscribers, rightOfSubscribers)}`)
      for (const { problem } of listings) if (problem !== undefined) ctx.log.error('a state cannot be read', problem)
      if (listings.some(({ problem }) => problem !== undefined)) process.exitCode = 2
      await Promise.resolve()
    }
  }
})

const journalHeader = ['INSTANCE', 'JOURNAL', 'ID', 'RECORDS', 'FIRST', 'NEXT', 'BYTES', 'OLDEST', 'FILE']
const rightOfJournals = ['RECORDS', 'FIRST', 'NEXT', 'BYTES', 'OLDEST', 'FILE']
const subscriberHeader = ['INSTANCE', 'JOURNAL', 'SUBSCRIBER', 'COMMITTED', 'LAG', 'BEHIND', 'HEARD']
const rightOfSubscribers = ['COMMITTED', 'LAG', 'BEHIND', 'HEARD']

interface Listing {
  readonly journals: string[][]
  readonly subscribers: string[][]
  readonly problem?: { readonly instance: string, readonly reason: string }
}

function listed (directory: string, instance: string): Listing {
  let state: StateDatabase | null = null
  try {
    state = openForReading(directory, instance)
    return state === null ? { journals: [], subscribers: [] } : listing(state)
  } catch (error) {
    return { journals: [], subscribers: [], problem: { instance, reason: messageOf(error) } }
  } finally {
    state?.db.close()
  }
}

interface Summary { records: number | null, bytes: number | null, first: number | null, oldestMs: number | null }
interface SubscriberRow { subscriber: string, committed: number, heardMs: number, lacksMs: number | null }

/** In one transaction, so that the numbers belong together. */
function listing ({ instance, file, db }: StateDatabase): Listing {
  const summary = db.prepare<[string], Summary>('SELECT sum(count) AS records, sum(length(payload)) AS bytes, min(first) AS first, min(saved_ms) AS oldestMs FROM journal_entry WHERE journal = ?')
  const subscribers = db.prepare<[string], SubscriberRow>(`SELECT subscriber, next AS committed, heard_ms AS heardMs,
    (SELECT time_ms FROM journal_entry e WHERE e.journal = s.journal AND first + count > s.next AND first >=
      coalesce((SELECT max(first) FROM journal_entry f WHERE f.journal = s.journal AND first <= s.next), 0) ORDER BY first LIMIT 1) AS lacksMs
    FROM journal_subscriber s WHERE journal = ? ORDER BY subscriber`)
  const now = Date.now()

  return db.transaction(() => {
    const journals = journalsOf(db)
    return {
      journals: journals.map(({ name, id, next }) => {
        const { records, bytes, first, oldestMs } = summary.get(name) ?? { records: null, bytes: null, first: null, oldestMs: null }
        return [instance, name, id, numberText(records ?? 0), numberText(first ?? next), numberText(next), bytesText(bytes ?? 0), oldestMs === null ? '-' : durationText(now - oldestMs), bytesText(sizeOf(file))]
      }),
      subscribers: journals.flatMap(({ name, next }) => subscribers.all(name).map(({ subscriber, committed, heardMs, lacksMs }) =>
        [instance, name, subscriber, numberText(committed), numberText(next - committed), lacksMs === null ? '-' : durationText(now - lacksMs), `${durationText(now - heardMs)} ago`]))
    }
  })()
}

/** With what was written and not checkpointed. */
function sizeOf (file: string): number {
  return [file, `${file}-wal`].reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)
}
