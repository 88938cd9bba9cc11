import { messageOf } from '../../errors.js'
import { mysqlDialect } from '../ddl.js'
import { classify } from '../errors.js'
import type { Group, Outcome, StoredTable } from '../store.js'
import { insertRows } from './insert.js'
import { rowsName } from './local-infile.js'
import { piecesOf, type RowBytes } from './row-bytes.js'
import type { Link } from './session.js'

/** Rows of one statement at most: servers tell 65,535 warnings at most, and each duplicate is one. */
const mostRows = 50_000

/** Fewer rows take less time by INSERT, which needs no savepoint and no request for the rows. */
const fewestRows = 50

/** Bytes that are sent at once: more is no faster. */
const pieceBytes = 256 << 10

/**
 * Stores the rows of one table within the transaction that is open: by `LOAD DATA LOCAL INFILE`, streamed from memory, where the server takes
 * it and finds nothing wrong; else by INSERT. LOCAL turns errors into warnings, cuts what does not fit and leaves out what it cannot store. So rows count
 * as stored only if there is no warning, or if all warnings are about keys that the table has. `isFirst`: nothing was changed in the transaction yet.
 */
export async function storeRows (link: Link, group: Group<RowBytes>, isFirst: boolean): Promise<Outcome> {
  const sum = { inserted: 0, duplicates: 0, refused: [] as Array<Outcome['refused'][number]> }
  for (let from = 0; from < group.rows.length; from += mostRows) {
    const part = group.rows.length <= mostRows ? group : partOf(group, from, from + mostRows)
    const { inserted, duplicates, refused } = await loadRows(link, part, isFirst && from === 0) ?? await insertRows(link, part)
    sum.inserted += inserted
    sum.duplicates += duplicates
    for (const { row, error } of refused) sum.refused.push({ row: from + row, error })
  }
  return sum
}

function partOf ({ table, rows, records, times }: Group<RowBytes>, from: number, to: number): Group<RowBytes> {
  return { table, rows: rows.slice(from, to), records: records.slice(from, to), times: times.slice(from, to) }
}

/** Null, and nothing changed, if it is left to INSERT: that finds the rows that are bad. */
async function loadRows (link: Link, { table, rows }: Group<RowBytes>, isFirst: boolean): Promise<Outcome | null> {
  const longest = Math.floor(link.maxPacket / 2)
  // a longer row could be stored, but hardly be read
  if (link.noLoad !== null || rows.length < fewestRows || rows.some(({ from, to }) => to - from > longest)) return null
  if (!isFirst) await link.execute('SAVEPOINT before_rows')
  try {
    const loaded = await link.load(statement(table), piecesOf(rows, Math.min(pieceBytes, longest)))
    const duplicates = rows.length - loaded.stored
    if (duplicates === loaded.warnings && (duplicates === 0 || await onlyDuplicates(link, table.plan.key, duplicates))) {
      return { inserted: loaded.stored, duplicates, refused: [] }
    }
  } catch (error) {
    if (isRefusal(error)) link.giveUpLoad(messageOf(error))
    else if (classify(error) !== 'row') throw error
  }
  await link.execute(isFirst ? 'ROLLBACK AND CHAIN' : 'ROLLBACK TO SAVEPOINT before_rows')
  return null
}

/** Rows are the same text as behind `VALUES`: what is not in quotes and reads NULL is null. */
function statement ({ plan, columns }: StoredTable): string {
  return `LOAD DATA LOCAL INFILE '${rowsName}' IGNORE INTO TABLE ${quote(plan.name)} CHARACTER SET utf8mb4 ` +
    "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\\'' ESCAPED BY '\\\\' LINES STARTING BY '(' TERMINATED BY '),\\n' " +
    `(${columns.map(column => quote(column.name)).join(',')})`
}

const { quote } = mysqlDialect

const duplicateEntry = 1062

/** Whether all of so many warnings say that the table has the key. The name of the index is in the text only: `'uuid'`, or `'Table.uuid'`. */
async function onlyDuplicates (link: Link, key: string, count: number): Promise<boolean> {
  const warnings = await link.query('SHOW WARNINGS')
  const ends = [`'${key}'`, `.${key}'`]
  return warnings.length === count && warnings.every(({ Code, Message }) => Number(Code) === duplicateEntry && ends.some(end => String(Message).endsWith(end)))
}

/** Not allowed or not known here: by MariaDB (4166), MySQL (3948, before 1148), and servers in front of them. */
function isRefusal (error: unknown): boolean {
  return error instanceof Error && 'errno' in error && [1047, 1148, 1235, 3948, 4166].includes(Number(error.errno))
}
