import { harmless } from '../terminal/text.js'
import { numberText, tableText } from '../text.js'
import type { Compared } from './compare.js'
import type { Differences } from './differences.js'
import type { HostTally, Span } from './tally.js'

/** What was merged, for a program. Times are ISO 8601, null where there is none. */
export interface Summary {
  /** Null for standard output, or a dry run. */
  readonly output: string | null
  readonly isDryRun: boolean
  /** The host of which only what it lacks was written; null for everything. */
  readonly lacking: string | null
  /** Lines. */
  readonly written: number
  /** Each once. */
  readonly events: number
  readonly inAll: number
  /** Lines that were left out and say something else than the one that was kept, and how many by field. */
  readonly differ: { readonly lines: number, readonly fields: Readonly<Record<string, number>> }
  readonly hosts: readonly HostSummary[]
}

interface HostSummary extends Omit<HostTally, 'span' | 'missingSpan'> {
  readonly first: string | null
  readonly last: string | null
  readonly firstMissing: string | null
  readonly lastMissing: string | null
}

export function summaryOf (made: Pick<Summary, 'output' | 'isDryRun' | 'lacking' | 'written'>, { events, inAll }: Compared, differences: Differences, hosts: readonly HostTally[]): Summary {
  return {
    ...made,
    events,
    inAll,
    differ: { lines: differences.lines, fields: Object.fromEntries(differences.fields) },
    hosts: hosts.map(({ span, missingSpan, ...counts }) => {
      const [[first, last], [firstMissing, lastMissing]] = [timesOf(span), timesOf(missingSpan)] as const
      return { ...counts, first, last, firstMissing, lastMissing }
    })
  }
}

/** Whether some host lacks an event that another one has. */
export function hasGap ({ hosts }: Summary): boolean {
  return hosts.some(({ missing }) => missing > 0)
}

function timesOf ({ firstMs, lastMs }: Span): readonly [string | null, string | null] {
  return firstMs > lastMs ? [null, null] : [timeOf(firstMs), timeOf(lastMs)]
}

/** A date has a range, which a number in an event need not keep to. */
const mostMs = 8.64e15

function timeOf (ms: number): string | null {
  return Math.abs(ms) > mostMs ? null : new Date(ms).toISOString()
}

export function summaryText (summary: Summary): string {
  const { hosts, events, inAll, written, output, isDryRun, lacking, differ } = summary
  const right = ['files', 'lines', 'events', 'again', 'only here', 'missing']
  const rows = hosts.map(({ name, files, lines, events, duplicates, only, missing, first, last }) =>
    [harmless(name), ...[files, lines, events, duplicates, only, missing].map(numberText), first ?? '-', last ?? '-'])
  const fields = Object.entries(differ.fields).map(([field, lines]) => `${harmless(field)} (${numberText(lines)})`)
  return [
    tableText(['host', ...right, 'first', 'last'], rows, right).trimEnd(),
    ...hosts.filter(({ missing }) => missing > 0).map(({ name, missing, firstMissing, lastMissing }) => `${harmless(name)} lacks ${numberText(missing)} events${firstMissing === null ? '' : `, from ${firstMissing} to ${lastMissing ?? ''}`}.`),
    ...differ.lines === 0 ? [] : [`${numberText(differ.lines)} lines say something else than the line of the same event that was kept: ${fields.join(', ')}.`],
    ...othersText(hosts),
    `${numberText(events)} events, ${numberText(inAll)} of them on ${hosts.length === 2 ? 'both' : 'all'} hosts; ${numberText(written)} lines ${lacking === null ? '' : `that ${harmless(lacking)} lacks `}${isDryRun ? 'would be written' : `written${output === null ? '' : ` to ${output}`}`}.`
  ].map(line => `${line}\n`).join('')
}

function othersText (hosts: readonly HostTally[] | readonly HostSummary[]): string[] {
  const sum = (field: 'withoutUuid' | 'notJson' | 'tooLong' | 'optedOut' | 'empty'): number => hosts.reduce((sum, host) => sum + host[field], 0)
  const kept = ([['withoutUuid', 'JSON without a uuid'], ['notJson', 'no JSON objects'], ['tooLong', 'too long to be looked into']] as const).filter(([field]) => sum(field) > 0)
  return [
    ...kept.length === 0 ? [] : [`Kept by their bytes: ${kept.map(([field, what]) => `${numberText(sum(field))} lines, ${what}`).join('; ')}.`],
    ...sum('optedOut') === 0 ? [] : [`Left out: ${numberText(sum('optedOut'))} lines of users who opted out.`],
    ...sum('empty') === 0 ? [] : [`Left out: ${numberText(sum('empty'))} empty lines.`]
  ]
}
