import { defineCommand } from '../lib/cli/command.js'
import { parseTime } from '../lib/cli/times.js'
import { openShelf, type Books } from './ledger/books.js'
import { missingAtEveryLook } from './ledger/looks.js'
import { periods, tableOf, verdictOf } from './ledger/report.js'

/** Of the exit: the books do not balance. */
const unbalanced = 2

export const ledger = defineCommand({
  name: 'ledger',
  summary: 'Adds up what the daemons of this host took in and what became of it, and says where something is missing.',
  examples: [
    ['vanadium ledger', 'the last day, by daemon and stream; exit 2 if anything is missing'],
    ['vanadium ledger --from -1h --by minute --by-schema', 'each minute and schema'],
    ['vanadium ledger --from 2015-02-05T10:00 --to 2015-02-05T12:00 --schema NavigationTiming', 'one schema, two hours'],
    ['vanadium ledger --quiet || echo something is missing', 'for a script']
  ],
  notes: 'Records are counted in the minute in which they entered the pipeline, by every daemon they pass. Ten days are kept.\n' +
    'Exit codes besides the usual ones: 2, the books do not balance; each minute and schema is named.\n\n',
  options: {
    from: { type: 'string', default: '-1d', requiresArg: true, description: 'First minute: a time in UTC, or one before now as -2h' },
    to: { type: 'string', requiresArg: true, description: 'The minute before which to end [default: now]' },
    by: { choices: periods, default: 'total' as const, requiresArg: true, description: 'Add up over the whole time, or by day, hour or minute' },
    'by-schema': { type: 'boolean', default: false, description: 'A line for each schema; "-" is what no processor has seen yet' },
    schema: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Only these schemas in the table' },
    quiet: { type: 'boolean', default: false, description: 'No table; only what is missing, if anything is' }
  },
  defaults: { 'log-level': 'warn' },
  prepare ({ from, to, by, 'by-schema': bySchema, schema, quiet }, _transports, { state }) {
    const now = Date.now() / 1000
    const fromMs = parseTime('--from', from, now) * 1000
    const toMs = to === undefined ? Infinity : parseTime('--to', to, now) * 1000

    return async ({ stop }) => {
      const { shelf, found } = await missingAtEveryLook(() => openShelf(state, fromMs, Math.min(toMs, Number.MAX_SAFE_INTEGER)), stop)
      if (!quiet) process.stdout.write(`${tableOf(shelf.map(books => only(books, schema)), by, bySchema)}\n`)
      if (!quiet || found.length > 0) process.stdout.write(`${verdictOf(shelf, found)}\n`)
      if (found.length > 0) process.exitCode = unbalanced
    }
  }
})

function only (books: Books, schemas: readonly string[]): Books {
  return schemas.length === 0 ? books : { ...books, entries: books.entries.filter(({ schema }) => schemas.includes(schema.replace(/^EventError:/, ''))) }
}
