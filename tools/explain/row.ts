import { RecordError } from '../../lib/errors.js'
import { parseJson } from '../../lib/event/json.js'
import { isInternal, type Schema, type SchemaRepository } from '../../lib/event/schemas.js'
import { planTable, type Column, type TablePlan } from '../../lib/sql/columns.js'
import type { LongStringChoice, LongStrings } from '../../lib/sql/long-strings.js'
import { viewName } from '../../lib/sql/names.js'
import { rowMapper } from '../../lib/sql/rows.js'
import { identifyRecord, keyed, usable } from '../../lib/sql/table-writer.js'
import type { SqlValue } from '../../lib/sql/values.js'
import { numberText } from '../text.js'
import { columns, shown, type Section } from './section.js'

/** What a SQL store would do with a record. */
export type Stored =
  | { readonly kind: 'row', readonly schema: Schema, readonly event: object, readonly plan: TablePlan, readonly values: readonly SqlValue[], readonly cut: ReadonlyMap<Column, number> }
  | { readonly kind: 'dead_letter', readonly error: RecordError, readonly schema: Schema | null }

/** `refuse` is asked of each string that is longer than its column, if that is what the store does. */
export function storedAs (record: string, schemas: SchemaRepository, choice: LongStringChoice, refuse: LongStrings): Stored {
  let schema: Schema | null = null
  try {
    const event = parseJson(record) as object
    const { name, revision } = identifyRecord(event)
    schema = usable(schemas.find(name, revision), `${name}/${revision}`)
    const plan = planTable(schema)
    const cut = new Map<Column, number>()
    const toRow = rowMapper(plan.columns, (column, characters) => {
      if (choice === 'refuse') refuse(plan.name, column, characters)
      cut.set(column, characters)
    })
    return { kind: 'row', schema, event, plan, values: keyed(toRow(event), plan), cut }
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    return { kind: 'dead_letter', error, schema }
  }
}

/** Fields that are named of those that are not stored. */
const mostLeft = 100

/** The row, column by column, and what is left out of it. */
export function rowSection (stored: Stored): Section {
  if (stored.kind === 'dead_letter') {
    const { code, message } = stored.error
    return { title: 'The row', lines: [`none: a SQL store refuses it (${code}), and it goes to the dead letters:`, message] }
  }
  const { plan, values, cut, event, schema } = stored
  const filled = plan.columns.flatMap((column, at) => values[at] === null ? [] : [[column.name, shown(values[at]), cutText(column, cut)]])
  const empty = plan.columns.filter((_column, at) => values[at] === null).map(({ name }) => name)
  const left = unstored(event, plan)
  return {
    title: 'The row',
    lines: [
      `table ${plan.name}`,
      ...columns(filled),
      ...empty.length === 0 ? [] : [`NULL: ${empty.join(', ')}`],
      ...left.length === 0 ? [] : [`not stored: ${left.join(', ')}`],
      isInternal(schema) ? 'the schema is internal: neither vanadium_schemas nor a view has it' : `the view ${viewName(schema.name, () => false)} has it too`
    ]
  }
}

function cutText (column: Column, cut: ReadonlyMap<Column, number>): string {
  const characters = cut.get(column)
  return characters === undefined ? '' : `CUT from ${numberText(characters)} to ${numberText(column.length)} characters`
}

/** Fields that no column takes, as the registry writes them. */
function unstored (event: object, { columns, time }: TablePlan): string[] {
  // a capsule may have dt in place of the timestamp
  const paths = [...columns.map(({ path }) => path.join('.')), ...time === 'timestamp' ? ['dt'] : []]
  const left: string[] = []
  const due = Object.entries(event).reverse()
  for (let next = due.pop(); next !== undefined && left.length < mostLeft; next = due.pop()) {
    const [path, value] = next
    if (paths.includes(path)) continue
    const isPartly = typeof value === 'object' && value !== null && (paths.some(known => known.startsWith(`${path}.`)) || path === 'event')
    if (!isPartly) left.push(path)
    else due.push(...Object.entries(value).reverse().map(([key, below]): [string, unknown] => [`${path}.${key}`, below]))
  }
  return left.length < mostLeft ? left : [...left, '…']
}
