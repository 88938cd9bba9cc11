import { silenceMs } from '../tap/looking.js'
import type { Line } from '../terminal/text.js'
import { bytesText, durationText, numberText, tableText } from '../text.js'
import type { SchemaRow } from './stream-counts.js'

/** How rows can be sorted, by the key that is pressed for it. */
export const orders = {
  r: { name: 'rate', compare: (a: SchemaRow, b: SchemaRow) => b.now - a.now || b.minute - a.minute || byName(a, b) },
  m: { name: '5 min', compare: (a: SchemaRow, b: SchemaRow) => b.fiveMinutes - a.fiveMinutes || byName(a, b) },
  v: { name: 'valid', compare: (a: SchemaRow, b: SchemaRow) => b.valid - a.valid || byName(a, b) },
  i: { name: 'invalid', compare: (a: SchemaRow, b: SchemaRow) => shareOf(b) - shareOf(a) || b.invalid - a.invalid || byName(a, b) },
  b: { name: 'bytes', compare: (a: SchemaRow, b: SchemaRow) => b.bytes - a.bytes || byName(a, b) },
  l: { name: 'last seen', compare: (a: SchemaRow, b: SchemaRow) => b.lastMs - a.lastMs || byName(a, b) },
  n: { name: 'name', compare: byName }
} as const
export type Order = keyof typeof orders

export function isOrder (key: string): key is Order {
  return Object.hasOwn(orders, key)
}

/** What is shown at one moment. */
export interface TopView {
  readonly inputs: readonly string[]
  readonly order: Order
  readonly rows: readonly SchemaRow[]
  readonly total: SchemaRow
  readonly nowMs: number
  readonly sinceMs: number
}

const header = ['schema', 'now/s', '1 min/s', '5 min/s', 'valid', 'invalid', 'share', 'bytes/s', 'last seen']
const right = header.slice(1)

/** What a narrow terminal has no room for, in the order in which it is left out. */
const dispensable = ['5 min/s', 'bytes/s', '1 min/s', 'last seen', 'valid', 'invalid']

/** For a terminal of this size; schemas that have no room are counted. */
export function linesOf (view: TopView, { width, height }: { readonly width: number, readonly height: number }): Line[] {
  const { rows, total, order, inputs, nowMs, sinceMs } = view
  const sorted = [...rows].sort(orders[order].compare)
  const room = Math.max(1, height - 5)
  const shown = sorted.length > room ? sorted.slice(0, room - 1) : sorted
  const [titles = '', all = '', ...lines] = fitting([total, ...shown].map(row => cellsOf(row, nowMs)), width)
  return [
    [[' vanadium top', 'bold'], [` · ${inputs.join(' ')} · for ${durationText(nowMs - sinceMs)} · by ${orders[order].name}`]],
    [[` q quits; sort by: ${Object.entries(orders).map(([key, { name }]) => `${key} ${name}`).join(', ')}`, 'dim']],
    total.lastMs === 0 && nowMs - sinceMs >= silenceMs ? [[' nothing has come yet; see vanadium status, or look elsewhere with --input', 'yellow']] : [],
    [[` ${titles}`, 'dim']],
    [[` ${all}`, 'bold']],
    ...lines.map((line, at): Line => [[` ${line}`, (shown[at]?.invalid ?? 0) > 0 ? 'yellow' : 'plain']]),
    ...shown.length < sorted.length ? [[[` … and ${numberText(sorted.length - shown.length)} more`, 'dim'] as const]] : []
  ]
}

/** Lines with as many of the columns as there is room for. */
function fitting (rows: ReadonlyArray<readonly string[]>, width: number): string[] {
  for (let dropped = 0; ; dropped++) {
    const isShown = (_cell: string, column: number): boolean => !dispensable.slice(0, dropped).includes(header[column] ?? '')
    const lines = tableText(header.filter(isShown), rows.map(row => row.filter(isShown)), right).split('\n').slice(0, -1)
    // a column before the table, and the last one, where a terminal would begin a new line
    if (dropped === dispensable.length || Math.max(...lines.map(line => line.length)) <= width - 2) return lines
  }
}

/** The same for what is no terminal: every schema, with the time before it. */
export function textOf ({ rows, total, order, nowMs }: TopView): string {
  const sorted = [...rows].sort(orders[order].compare)
  return `${new Date(nowMs).toISOString()}\n${tableText(header, [total, ...sorted].map(row => cellsOf(row, nowMs)), right)}`
}

function cellsOf (row: SchemaRow, nowMs: number): string[] {
  const { name, now, minute, fiveMinutes, valid, invalid, bytes, lastMs } = row
  return [
    name,
    ...[now, minute, fiveMinutes].map(rateText),
    numberText(valid),
    numberText(invalid),
    valid + invalid === 0 ? '–' : `${(shareOf(row) * 100).toFixed(1)} %`,
    bytesText(bytes),
    lastMs === 0 ? 'never' : `${durationText(nowMs - lastMs)} ago`
  ]
}

function rateText (rate: number): string {
  return rate < 999.95 ? rate.toFixed(1) : numberText(Math.round(rate))
}

function shareOf ({ valid, invalid }: SchemaRow): number {
  return valid + invalid === 0 ? 0 : invalid / (valid + invalid)
}

function byName (a: SchemaRow, b: SchemaRow): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
