import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { ConfigError, StreamError } from '../../lib/errors.js'
import { batchOfRecords, recordsOf } from '../../lib/stream/batch.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { parseDuration } from '../../lib/stream/duration.js'
import { instanceOption, journalsOf, openJournalState, type StateDatabase } from './databases.js'
import { leavingOut } from './opted-out.js'
import { rowsFrom, type Row } from './rows.js'
import { createProgress, numberText } from '../text.js'

export const exportRecords = defineCommand({
  name: 'journal export',
  summary: 'Prints the records of a journal, one a line, oldest first.',
  examples: [
    ['vanadium journal export --journal all-events | gzip > all-events.gz', 'all that is kept'],
    ['vanadium journal export --journal valid --since 2h', 'what entered the pipeline in the last two hours'],
    ['vanadium journal export --journal valid --from 1200 --to 1299', 'records by number'],
    ['vanadium journal export --journal valid --instance processor-client-side.sqlite.damaged-20140521T093001Z', 'what can still be read of a state that was set aside']
  ],
  notes: 'It ends with what was the last record when it began. Records of users who opted out are left out. Exit code 2 if something could not be read; what, is on stderr.\n\n',
  options: {
    journal: { type: 'string', demandOption: true, requiresArg: true, description: 'Name of the journal' },
    instance: instanceOption,
    from: { type: 'number', requiresArg: true, description: 'Number of the first record [default: the oldest]' },
    to: { type: 'number', requiresArg: true, description: 'Number of the last record [default: the newest]' },
    since: { type: 'string', requiresArg: true, description: 'Only what entered the pipeline then or later, in whole batches: 90m, 36h, 7d ago, or a time as 2014-05-21T09:30:00Z' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ journal, instance, from, to, since }, _transports, { state: directory }) {
    for (const [name, value] of Object.entries({ from, to })) {
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) throw new ConfigError('bad-option', `--${name} ${value}: give the number of a record, from 0 on`)
    }
    if (from !== undefined && to !== undefined && from > to) throw new ConfigError('bad-option', `--from ${from} --to ${to}: give the lower number first`)
    const sinceMs = since === undefined ? -Infinity : parseSince(since)

    return async ctx => {
      const state = openJournalState(directory, journal, instance)
      ctx.defer(state.file, () => { state.db.close() })
      const writer = await ctx.openWriter('stdout://')
      const { next = 0 } = journalsOf(state.db).find(({ name }) => name === journal) ?? {}
      const selection = { journal, from: from ?? 0, end: Math.min(next, to === undefined ? next : to + 1), sinceMs }
      await untilReaderGoes(async () => { await copy(state, selection, writer, ctx) })
    }
  }
})

/** Throws `ConfigError`. */
function parseSince (text: string): number {
  const ago = parseDuration(text)
  const time = Number.isNaN(ago) ? (/^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN) : Date.now() - ago
  if (Number.isNaN(time)) throw new ConfigError('bad-option', `--since ${text}: give a time as 2014-05-21T09:30:00Z, or how long ago, as 90m, 36h or 7d`)
  return time
}

/** `head` has got what it wanted: no failure of ours. */
export async function untilReaderGoes (work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StreamError && error.code === 'stopped')) throw error
  }
}

interface Selection {
  readonly journal: string
  readonly from: number
  /** Before this number it ends. */
  readonly end: number
  readonly sinceMs: number
}

/** Batches of few records are written together. */
const writeBytes = 1 << 18

async function copy ({ db }: StateDatabase, { journal, from, end, sinceMs }: Selection, writer: Writer, ctx: CommandContext): Promise<void> {
  const progress = createProgress(process.stderr.isTTY && !process.stdout.isTTY)
  const said = problems(journal, ctx)
  const { leaveOut, tell } = leavingOut(ctx)
  let taken: Buffer[] = []
  let bytes = 0
  let printed = 0

  async function write (): Promise<void> {
    const batch = batchOfRecords(taken)
    if (batch !== null) await writer.write(batch)
    taken = []
    bytes = 0
  }

  for (const row of rowsFrom(db, journal, from)) {
    if (ctx.stop.aborted || row.first >= end) break
    said.look(row)
    if (row.damage !== undefined || row.timeMs < sinceMs) continue
    const records = leaveOut(within(row, from, end))
    if (records === null) continue
    taken.push(records.payload)
    printed += records.count
    bytes += records.payload.length
    if (bytes < writeBytes) continue
    await write()
    progress.show(`${numberText(printed)} records printed; number ${numberText(row.first)} of ${numberText(end)}`)
  }
  await write()
  progress.end()
  tell()
  if (said.any()) process.exitCode = 2
}

/** The records of a row from `from` on and before `end`. */
export function within (row: Row, from: number, end: number): Batch {
  const batch = batchOfRecords([row.payload]) as Batch
  if (row.first >= from && row.first + row.count <= end) return batch
  return batchOfRecords(recordsOf(batch).slice(Math.max(0, from - row.first), end - row.first)) ?? batch
}

/** Says what is missing between rows, and what is damaged. */
function problems (journal: string, ctx: CommandContext): { look (row: Row): void, any (): boolean } {
  let next: number | null = null
  let any = false
  return {
    look ({ first, count, damage }) {
      if (next !== null && first > next) ctx.log.warn('records are not there', { journal, first: next, last: first - 1 })
      if (damage !== undefined) ctx.log.warn('a batch cannot be read', { journal, first, reason: damage })
      any ||= damage !== undefined || (next !== null && first > next)
      // how many a damaged one has is not known
      next = damage === undefined ? first + count : null
    },
    any: () => any
  }
}
