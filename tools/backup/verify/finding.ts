import { numberText } from '../../text.js'

/** What is wrong with a backup, or with what it was made of. */
export const faults = ['missing', 'damaged', 'too-old'] as const
export type Fault = typeof faults[number]

/** Events of one schema in one hour, as manifests have them. */
export interface Affected {
  readonly hour: string
  readonly schema: string
  /** That are missing, or are not what they were; null if nobody can count them. */
  readonly events: number | null
}

/** One thing that is not as it should be: a file, or an hour of a table. */
export interface Finding {
  readonly fault: Fault
  /** A directory, an rsync destination, a database. */
  readonly place: string
  /** Path below that; or a table. */
  readonly what: string
  /** In words. */
  readonly why: string
  /** Empty if it is not known, or nothing of the content is concerned. */
  readonly hours: readonly Affected[]
  /** Of a file that is damaged: what is good of it from its beginning; null if that is not known. */
  readonly good: { readonly lines: number, readonly bytes: number } | null
  /** Of a file that is damaged: lines that are not what they were, from 1 on, as far as they are known. */
  readonly lines: readonly number[]
  /** Of a table: keys of rows that are missing, or not what they were: some of them. */
  readonly rows: readonly string[]
}

/** For what there is to tell besides where and why. */
export function finding (fault: Fault, place: string, what: string, why: string, more: Partial<Finding> = {}): Finding {
  return { fault, place, what, why, hours: [], good: null, lines: [], rows: [], ...more }
}

/** Hours of one finding, and rows, that are named in a text. */
const mostNamed = 8

/** A line for each, and what tells where. */
export function findingText ({ fault, place, what, why, hours, lines, rows }: Finding): string {
  const parts = [
    ...lines.length === 0 ? [] : [`${lines.length === 1 ? 'line' : 'lines'} ${listed(lines.map(numberText))}`],
    ...hours.length === 0 ? [] : [listed(hoursText(hours))],
    ...rows.length === 0 ? [] : [listed(rows)]
  ]
  return `${fault.toUpperCase().replace('-', ' ')}: ${place}: ${what}: ${why}${parts.map(part => `; ${part}`).join('')}`
}

/** Neighbouring hours of a schema are told together. */
function hoursText (hours: readonly Affected[]): string[] {
  const sorted = [...hours].sort((a, b) => a.schema < b.schema ? -1 : a.schema > b.schema ? 1 : a.hour < b.hour ? -1 : 1)
  const runs: Array<{ schema: string, first: string, last: string, events: number | null }> = []
  for (const { hour, schema, events } of sorted) {
    const run = runs.at(-1)
    if (run?.schema !== schema || msOfHour(hour) - msOfHour(run.last) !== hourMs) runs.push({ schema, first: hour, last: hour, events })
    else Object.assign(run, { last: hour, events: run.events === null || events === null ? null : run.events + events })
  }
  return runs.map(({ schema, first, last, events }) => `${schema} ${first}${first === last ? '' : ` to ${last}`}${events === null ? '' : ` (${numberText(events)})`}`)
}

function listed (parts: readonly string[]): string {
  return parts.length <= mostNamed ? parts.join(', ') : `${parts.slice(0, mostNamed).join(', ')} and ${numberText(parts.length - mostNamed)} more`
}

export const hourMs = 3_600_000

/** Milliseconds since 1970 of the beginning of an hour, as manifests write it. */
export function msOfHour (hour: string): number {
  return Date.parse(`${hour}:00:00Z`)
}
