import { numberText, tableText } from '../text.js'
import { changeText, countText, invalidShareText } from './change.js'
import type { Difference } from './differences.js'
import { mostDifferences, remarksOf, shownLines } from './limits.js'
import type { Report, SchemaLine, Trend } from './report.js'

/** For a terminal, or a mail that is read as text. */
export function reportText (report: Report): string {
  const { day, raw, stores, total, notes } = report
  const lines = [{ schema: 'all', ...total }, ...shownLines(report)]
  return [
    `vanadium: events of ${day} (UTC)`,
    ...notes.map(note => `  ${note}`),
    '',
    ...(raw === null ? [] : [`raw lines: ${trendText(raw)}`, '']),
    tableOf(lines, stores),
    'day, week: change against the day before and the same day of the week before',
    '',
    ...remarksOf(report).map(({ title, text }) => `${title}: ${text}`),
    ledgerText(report)
  ].join('\n') + '\n'
}

function trendText ({ count, dayBefore, weekBefore }: Trend): string {
  return `${countText(count)} (day before ${changeText(count, dayBefore)}, week before ${changeText(count, weekBefore)})`
}

function tableOf (lines: readonly SchemaLine[], stores: readonly string[]): string {
  const headings = ['valid', 'day', 'week', 'invalid', 'share', 'day', 'week', ...storeTitles(stores).flatMap(title => [title, 'day', 'week'])]
  const rows = lines.map(({ schema, valid, invalid, inserted }) => {
    const [invalidCount = '', ...changes] = cells(invalid)
    return [schema, ...cells(valid), invalidCount, invalidShareText(valid, invalid), ...changes, ...inserted.flatMap(cells)]
  })
  return tableText(['schema', ...headings], rows, headings)
}

function cells ({ count, dayBefore, weekBefore }: Trend): string[] {
  return [countText(count), changeText(count, dayBefore), changeText(count, weekBefore)]
}

/** One needs no name. */
export function storeTitles (stores: readonly string[]): string[] {
  return stores.length <= 1 ? stores.map(() => 'inserted') : stores.map(store => `in ${store}`)
}

function ledgerText ({ differences }: Report): string {
  if (differences === null) return 'ledger: not known, there are no books of that day'
  if (differences.length === 0) return 'ledger: the books balance'
  const rest = differences.length - mostDifferences
  return [
    'ledger: the books do not balance',
    ...differences.slice(0, mostDifferences).map(difference => `  ${differenceText(difference)}`),
    ...(rest > 0 ? [`  and ${rest} more; vanadium ledger names all`] : [])
  ].join('\n')
}

/** `NavigationTiming: valid, from … to …: 5 missing (100 in, 95 out), in 3 minutes from 09:31 on` */
export function differenceText ({ where, schema, in: given, out, minutes, firstMs }: Difference): string {
  const what = given > out ? `${numberText(given - out)} missing` : given < out ? `${numberText(out - given)} too many` : 'missing in one minute, too many in another'
  return `${schema}: ${where}: ${what} (${numberText(given)} in, ${numberText(out)} out), in ${minutes === 1 ? 'one minute,' : `${numberText(minutes)} minutes from`} ${new Date(firstMs).toISOString().slice(11, 16)}${minutes === 1 ? '' : ' on'}`
}
