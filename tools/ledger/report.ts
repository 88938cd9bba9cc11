import type { LedgerEntry } from '../../lib/stream/ledger.js'
import { numberText, tableText } from '../text.js'
import { nameOf, type Imbalance } from './balance.js'
import type { Books } from './books.js'

/** How far entries are added up. */
export const periods = ['total', 'day', 'hour', 'minute'] as const
export type Period = typeof periods[number]

const periodLength = { total: 0, day: 10, hour: 13, minute: 16 } as const
/** Lines that say what is missing; the rest are counted. */
const mostImbalances = 50

/** A row of the table: of one daemon, side and stream, and with `bySchema` of one schema. */
interface Row {
  readonly key: readonly string[]
  readonly counts: Map<string, number>
}

const columns = ['taken', 'passed', 'filtered', 'sampled', 'opted_out', 'dead_letter', 'duplicate', 'lost'] as const
const headings = ['taken', 'passed on', 'filtered', 'not sampled', 'opted out', 'dead letter', 'duplicate', 'lost'] as const

/** Totals by daemon and stream, and by what else was asked for. */
export function tableOf (shelf: readonly Books[], period: Period, bySchema: boolean): string {
  const rows = new Map<string, Row>()
  for (const books of shelf) for (const entry of books.entries) add(rows, books, entry, period, bySchema)
  const texts = [...rows.values()]
    .sort((a, b) => a.key.join('\0').localeCompare(b.key.join('\0')))
    .map(({ key, counts }) => [...key, ...columns.map(column => numberOr(counts.get(column)))])
  const head = [...(period === 'total' ? [] : [period]), 'daemon', 'stream', ...(bySchema ? ['schema'] : []), ...headings]
  return tableText(head, texts, headings)
}

function add (rows: Map<string, Row>, books: Books, { minute, side, stream, schema, fate, count }: LedgerEntry, period: Period, bySchema: boolean): void {
  const time = period === 'total' ? [] : [new Date(minute).toISOString().slice(0, periodLength[period])]
  const arrow = { input: '← ', output: '→ ', made: '· events' }[side]
  const key = [...time, nameOf(books), `${arrow}${stream}`, ...(bySchema ? [schema] : [])]
  const row = rows.get(key.join('\0')) ?? { key, counts: new Map<string, number>() }
  rows.set(key.join('\0'), row)
  row.counts.set(fate, (row.counts.get(fate) ?? 0) + count)
}

/** One line for each minute and schema. */
export function verdictOf (shelf: readonly Books[], found: readonly Imbalance[]): string {
  const minutes = new Set(shelf.flatMap(({ entries }) => entries.map(({ minute }) => minute))).size
  if (found.length === 0) return `the books balance: ${count(shelf.length, 'daemon')}, ${count(minutes, 'minute')}`
  const lines = found.slice(0, mostImbalances).map(({ minute, schema, where, in: given, out }) =>
    `${new Date(minute).toISOString().slice(0, 16)}Z ${schema}: ${where}: ${numberText(given)} in, ${numberText(out)} out, ${numberText(Math.abs(given - out))} ${given > out ? 'missing' : 'too many'}`)
  const rest = found.length - lines.length
  return [...lines, ...(rest > 0 ? [`and ${rest} more`] : []), `the books do not balance: ${count(shelf.length, 'daemon')}, ${count(minutes, 'minute')}`].join('\n')
}

function count (n: number, what: string): string {
  return `${numberText(n)} ${what}${n === 1 ? '' : 's'}`
}

function numberOr (n: number | undefined): string {
  return n === undefined ? '' : numberText(n)
}
