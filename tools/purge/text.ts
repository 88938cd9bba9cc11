import type { Leftover, Work } from '../../lib/purge/store.js'
import { resultText, type Result } from '../check/result.js'
import { bytesText, numberText, printable, tableText } from '../text.js'

const mostFieldsText = 80

/** Adds up what is done in steps, by place, schema and action. */
export class WorkSum {
  readonly #sums = new Map<string, Work>()

  add (work: Work): void {
    const key = JSON.stringify([work.place, work.schema, work.action])
    const sum = this.#sums.get(key)
    this.#sums.set(key, sum === undefined ? work : { ...sum, rows: sum.rows + work.rows, bytes: sum.bytes + work.bytes, fields: [...new Set([...sum.fields, ...work.fields])] })
  }

  get works (): Work[] {
    return [...this.#sums.values()]
  }
}

/** A line for each place, schema and action, and what it comes to. */
export function workText (works: readonly Work[], verb: string): string {
  if (works.length === 0) return `Nothing ${verb}.\n`
  const rows = works.map(({ place, schema, action, rows, bytes, fields }) => [printable(place), printable(schema ?? '-'), action, numberText(rows), bytesText(bytes), fieldsText(fields)])
  return tableText(['place', 'schema', 'action', 'rows', 'bytes', 'fields'], rows, ['rows', 'bytes']) + `${sumText(works)} ${verb}.\n`
}

function sumText (works: readonly Work[]): string {
  const sum = (action: Work['action']): number => works.filter(work => work.action === action).reduce((rows, work) => rows + work.rows, 0)
  const bytes = works.reduce((sum, { bytes }) => sum + bytes, 0)
  const parts = ([['delete', 'deletions'], ['strip', 'rows stripped'], ['aggregate', 'rows aggregated']] as const).filter(([action]) => sum(action) > 0).map(([action, what]) => `${numberText(sum(action))} ${what}`)
  return `${parts.join(', ')} (${bytesText(bytes)})`
}

function fieldsText (fields: readonly string[]): string {
  const text = printable(fields.join(' '))
  return text.length <= mostFieldsText ? text : `${text.slice(0, mostFieldsText - 1)}…`
}

/** As a monitoring plug-in prints it, so that a check can run it. */
export function proofText (found: readonly Leftover[], stores: readonly string[], failures: readonly string[]): string {
  return resultText(proofOf(found, stores, failures))
}

function proofOf (found: readonly Leftover[], stores: readonly string[], failures: readonly string[]): Result {
  const rows = found.reduce((sum, { rows }) => sum + rows, 0)
  const oldest = Math.floor(Math.max(0, ...found.map(({ oldestDays }) => oldestDays)))
  const figures = [{ label: 'rows', value: rows, min: 0 }, { label: 'oldest', value: oldest * 86_400, unit: 's' as const, min: 0 }]
  const details = [...failures.map(failure => `not looked at: ${failure}`), ...found.map(detailOf)]
  if (found.length > 0) return { state: 'critical', summary: `${numberText(rows)} rows are older than allowed, up to ${oldest} days, in ${places(found)}`, details, figures }
  if (failures.length > 0) return { state: 'unknown', summary: 'not everything could be looked at', details, figures }
  return { state: 'ok', summary: `nothing is older than allowed in ${stores.length} ${stores.length === 1 ? 'store' : 'stores'}`, details: [...stores], figures }
}

function detailOf ({ place, schema, rows, oldestDays, fields }: Leftover): string {
  return `${place}: ${numberText(rows)} of ${schema ?? 'several schemas'}, up to ${Math.floor(oldestDays)} days old, ${fields.length === 0 ? 'whole' : `with ${fields.join(', ')}`}`
}

function places (found: readonly Leftover[]): string {
  const count = new Set(found.map(({ place }) => place)).size
  return count === 1 ? 'one place' : `${count} places`
}
