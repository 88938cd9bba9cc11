import { describedColumns, describedRow, isDescribed, type Describe, type DescribedColumn } from '../described.js'
import { noSuchTable, numberOf } from '../errors.js'
import { alter, instantly } from './alter.js'
import { tupleOf } from './literals.js'
import type { Link } from './session.js'

/** Columns in a statement that makes or alters `vanadium_schemas`. */
export const describedDefinitions = describedColumns.map(definitionOf)

function definitionOf ({ name, type, comment }: DescribedColumn): string {
  return `${name} ${type} NULL COMMENT '${comment}'`
}

/** Never within a transaction. Throws the server's error. */
export async function copyDescriptions (link: Link, describe: Describe, schemas: ReadonlySet<string> | null): Promise<void> {
  const columns = await columnsOf(link)
  if (columns.size === 0) return
  const missing = describedColumns.filter(({ name }) => !columns.has(name))
  if (missing.length > 0) await alter(link, 'vanadium_schemas', `ALTER TABLE vanadium_schemas ${missing.map(column => `ADD COLUMN ${definitionOf(column)}`).join(', ')}`, instantly)
  const names = describedColumns.map(({ name }) => name)
  for (const row of await link.query(`SELECT name, revision, ${names.join(', ')} FROM vanadium_schemas`)) {
    const schema = String(row['name'])
    const entry = schemas === null || schemas.has(schema) ? describe(schema) : null
    if (entry === null) continue
    const wanted = describedRow(entry)
    if (isDescribed(row, wanted)) continue
    await link.requireWritable()
    const values = names.map(name => `${name} = ${tupleOf([wanted[name]]).slice(1, -1)}`)
    await link.execute(`UPDATE vanadium_schemas SET ${values.join(', ')} WHERE name = ${tupleOf([schema]).slice(1, -1)} AND revision = ${String(row['revision'])}`)
  }
}

/** None while there is no table, which its first row makes. */
async function columnsOf (link: Link): Promise<Set<string>> {
  try {
    return new Set((await link.query('SHOW COLUMNS FROM vanadium_schemas')).map(({ Field }) => String(Field)))
  } catch (error) {
    if (numberOf(error) !== noSuchTable) throw error
    return new Set()
  }
}
