import { defineCommand } from '../lib/cli/command.js'
import { openCounts, type Counts } from '../lib/counts/read.js'
import { ConfigError, StreamError } from '../lib/errors.js'
import { openShelf } from './ledger/books.js'
import { missingAtEveryLook } from './ledger/looks.js'
import { parseDay, type Day } from './report/day.js'
import { differencesOf } from './report/differences.js'
import { reportPage } from './report/html.js'
import { storesIn } from './report/inserted.js'
import { postReport } from './report/post.js'
import { reportOf, type Report } from './report/report.js'
import { reportText } from './report/text.js'

const formats = ['text', 'html', 'json'] as const

export const report = defineCommand({
  name: 'report',
  summary: 'What came on a day: valid, invalid and inserted events by schema, and how that differs from before.',
  examples: [
    ['vanadium report', 'yesterday, as text'],
    ['vanadium report --day 2015-01-07 --format html > 2015-01-07.html', 'a page'],
    ['vanadium report --mail --owners', 'to the operators of the registry, and to each owner about the owner\'s schemas'],
    ['vanadium report --format json | jq .total', 'for a program']
  ],
  notes: 'Days are UTC. Valid and invalid are what monitors of this host have counted, inserted is what consumers have stored, each by\n' +
    'when events entered the pipeline; "–" is what nobody has counted. New is a schema that had no event in the 30 days before.\n\n',
  options: {
    day: { type: 'string', default: 'yesterday', requiresArg: true, description: 'A day as 2015-01-07, or yesterday, or today as far as it is over' },
    format: { choices: formats, default: 'text' as const, requiresArg: true, description: 'What is printed; JSON has all schemas, the others the first hundred' },
    mail: { type: 'boolean', default: false, description: 'Print nothing; send it to the operators' },
    owners: { type: 'boolean', default: false, description: 'With --mail: send each owner a report of the owner\'s schemas as well' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ day: text, format, mail, owners }, _transports, { state }) {
    const day = parseDay('--day', text, Date.now())
    if (owners && !mail) throw new ConfigError('bad-option', '--owners is a mail to each of them; give --mail too')

    return async ctx => {
      const found = await look(state, day, ctx.registry.names, ctx.stop)
      if (mail) await postReport(found, ctx, owners)
      else process.stdout.write(printed(found, format))
    }
  }
})

async function look (state: string, day: Day, registered: readonly string[], stop: AbortSignal): Promise<Report> {
  const { shelf, found } = await missingAtEveryLook(() => openShelf(state, day.fromMs, day.toMs), stop)
  const { counts, unreadable } = countsIn(state)
  const hasBooks = shelf.some(({ entries }) => entries.length > 0)
  try {
    return reportOf({ counts, unreadable, registered, storesOf: day => storesIn(state, day), differences: hasBooks ? differencesOf(found) : null, nowMs: Date.now() }, day)
  } finally {
    counts?.close()
  }
}

/** A host may have consumers and no monitor; and what cannot be read must not keep the rest from being told. */
function countsIn (state: string): { counts: Counts | null, unreadable: readonly string[] } {
  try {
    const counts = openCounts(state)
    return { counts, unreadable: counts.unreadable }
  } catch (error) {
    if (error instanceof ConfigError) return { counts: null, unreadable: [] }
    if (error instanceof StreamError && error.code === 'cannot-read') return { counts: null, unreadable: [error.message] }
    throw error
  }
}

function printed (found: Report, format: typeof formats[number]): string {
  switch (format) {
    case 'text': return reportText(found)
    case 'html': return reportPage(found)
    case 'json': return `${JSON.stringify(found, null, 2)}\n`
  }
}
