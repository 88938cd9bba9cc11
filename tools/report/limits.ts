import { totalOf, type Report, type SchemaLine } from './report.js'

/** What is shown of a report; the rest is added up, or counted. JSON has all of it. */
export const mostRows = 100
export const mostNames = 50
export const mostDifferences = 30

/** Lines as they are shown; the last stands for those that are not. */
export function shownLines ({ schemas, stores }: Report): SchemaLine[] {
  if (schemas.length <= mostRows) return [...schemas]
  const rest = schemas.slice(mostRows - 1)
  return [...schemas.slice(0, mostRows - 1), { schema: `${rest.length} more`, ...totalOf(rest, stores.length) }]
}

/** `A, B and 3 more` */
export function namesText (names: readonly string[]): string {
  const rest = names.length - mostNames
  return rest > 0 ? `${names.slice(0, mostNames).join(', ')} and ${rest} more` : names.join(', ')
}

/** What is said of the names that are new or silent, as titles and texts. */
export function remarksOf ({ newSchemas, silentSchemas }: Report): Array<{ readonly title: string, readonly text: string }> {
  const silent = silentSchemas?.map(({ schema, last }) => last === null ? `${schema} (none before)` : `${schema} (last on ${last})`)
  return [
    { title: 'new schemas', text: newSchemas === null ? 'not known: nothing was counted before' : namesText(newSchemas) || 'none' },
    { title: 'silent schemas', text: silent === undefined ? 'not known' : namesText(silent) || 'none' }
  ]
}
