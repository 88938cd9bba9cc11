import { cut, harmless } from '../terminal/text.js'
import { leftOutBecause, type LeftOutBecause, type ReplayTally, type SchemaTally } from './tally.js'

/** Rows of the table; a list of names from the internet has no end. */
const mostRows = 60
const schemaWidth = 36
const reasonWidth = 160

/** The table of what became, or would become, of the records. */
export function tableOf (tally: ReplayTally): string {
  const schemas = [...tally.schemas].sort(([, a], [, b]) => sumOf(b) - sumOf(a))
  const rows = schemas.slice(0, mostRows).map(([name, schema]) => row(name, schema))
  const more = schemas.length - rows.length
  return [
    `${'schema'.padEnd(schemaWidth)}${['valid', 'invalid', 'left out'].map(text => text.padStart(12)).join('')}  most frequent reason of the invalid`,
    ...rows,
    ...more > 0 ? [`… and ${number(more)} more schemas`] : [],
    row('all', { valid: tally.sum('valid'), invalid: tally.sum('invalid'), leftOut: sumOfLeftOut(tally), reasons: new Map() }),
    `${number(tally.read)} records were read`,
    ...tally.asTheyAre > 0 ? [`of the valid, ${number(tally.asTheyAre)} are events that a store had refused; they go on as they are`] : [],
    ...[...tally.leftOut].map(([why, count]) => `left out, ${leftOutBecause[why]}: ${number(count)}`)
  ].join('\n')
}

function row (name: string, { valid, invalid, leftOut, reasons }: SchemaTally): string {
  const [reason = ''] = [...reasons].sort(([, a], [, b]) => b - a)[0] ?? []
  const columns = [valid, invalid, leftOut].map(count => number(count).padStart(12)).join('')
  return `${cut(harmless(name), schemaWidth - 1).padEnd(schemaWidth)}${columns}  ${cut(harmless(reason), reasonWidth)}`.trimEnd()
}

function sumOf ({ valid, invalid, leftOut }: SchemaTally): number {
  return valid + invalid + leftOut
}

function sumOfLeftOut ({ leftOut }: ReplayTally): number {
  return [...leftOut.values()].reduce((sum, count) => sum + count, 0)
}

export function number (value: number): string {
  return value.toLocaleString('en')
}

/** For a log. */
export function countsOf (tally: ReplayTally): Record<string, number | Partial<Record<LeftOutBecause, number>>> {
  return { read: tally.read, valid: tally.sum('valid'), invalid: tally.sum('invalid'), left_out: Object.fromEntries(tally.leftOut) }
}
