import { isAscii } from 'node:buffer'
import { messageOf, RecordError } from '../../errors.js'
import type { Column } from '../columns.js'
import { mysqlDialect } from '../ddl.js'
import { classify, columnIn } from '../errors.js'
import type { Group, Outcome } from '../store.js'
import { keptOut, keyOf, otherKeys } from './keys.js'
import { tupleOf } from './literals.js'
import { piecesOf, separatorBytes, type RowBytes } from './row-bytes.js'
import type { Link } from './session.js'

/** Bytes of a statement's rows at most: more is no faster. */
const longestStatement = 1 << 20

const { quote } = mysqlDialect

/**
 * Inserts the rows of one table within the transaction that is open. A row that the server refuses is found by halving:
 * about log2(n) further statements for one bad row among n, one a row where all are bad; the others are stored, in order.
 */
export async function insertRows (link: Link, group: Group<RowBytes>): Promise<Outcome> {
  const insertion = new Insertion(link, group)
  let at = 0
  // halved by each refusal, doubled by each success, so that a table of bad rows is not sent over and over
  let most = group.rows.length
  while (at < group.rows.length) {
    const end = insertion.reach(at, Math.min(at + most, group.rows.length))
    const error = end === at ? insertion.tooLong(at) : await insertion.attempt(at, end)
    if (error === null) {
      at = end
      most *= 2
    } else {
      const bad = await insertion.firstBad(at, Math.max(end, at + 1), error)
      at = bad + 1
      most = Math.max(1, most >> 1)
    }
  }
  return insertion
}

function textOf (rows: readonly RowBytes[]): string {
  const pieces = [...piecesOf(rows, Infinity)].map(piece => piece.toString(isAscii(piece) ? 'latin1' : 'utf8'))
  return pieces.join('').slice(0, -separatorBytes)
}

class Insertion implements Outcome {
  readonly refused: Array<{ row: number, error: RecordError }> = []
  inserted = 0
  duplicates = 0
  readonly #link: Link
  readonly #group: Group<RowBytes>
  readonly #head: string
  readonly #tail: string
  readonly #longest: number
  /** Unique columns besides the key: a row that they keep out is no duplicate. */
  readonly #others: readonly Column[]

  constructor (link: Link, group: Group<RowBytes>) {
    const { plan, columns } = group.table
    this.#link = link
    this.#group = group
    this.#head = `INSERT INTO ${quote(plan.name)} (${columns.map(column => quote(column.name)).join(',')}) VALUES `
    // changes nothing, and unlike IGNORE lets every other error through
    this.#tail = ` ON DUPLICATE KEY UPDATE ${quote(plan.key)}=${quote(plan.key)}`
    this.#longest = Math.min(longestStatement, this.#room)
    this.#others = otherKeys(group.table)
  }

  /** Bytes that are left for rows in the server's longest statement. */
  get #room (): number {
    return this.#link.maxPacket - this.#head.length - this.#tail.length - 16
  }

  /** Where a statement that begins at `from` ends at the latest; `from` itself if that row is too long for any. */
  reach (from: number, to: number): number {
    let length = this.#lengthOf(from)
    if (length > this.#room) return from
    let end = from + 1
    while (end < to && (length += this.#lengthOf(end)) <= this.#longest) end++
    return end
  }

  tooLong (row: number): Error {
    return new Error(`the row takes ${this.#lengthOf(row)} bytes, more than the server's max_allowed_packet lets through (${this.#room})`)
  }

  #lengthOf (row: number): number {
    const { from, to } = this.#group.rows[row] ?? { from: 0, to: 0 }
    return to - from
  }

  /** The error, when the server refuses a value; what else goes wrong is thrown. A statement that fails changes nothing. */
  async attempt (from: number, to: number): Promise<Error | null> {
    try {
      const changed = await this.#link.execute(this.#head + textOf(this.#group.rows.slice(from, to)) + this.#tail)
      this.inserted += changed
      const kept = to - from - changed
      this.duplicates += kept
      if (kept > 0 && this.#others.length > 0) await this.#refuseKeptOut(from, to)
      return null
    } catch (error) {
      if (error instanceof Error && classify(error) === 'row') return error
      throw error
    }
  }

  /** The first of rows of which at least one is bad. Stores those before it and refuses it. */
  async firstBad (from: number, to: number, error: Error): Promise<number> {
    while (to - from > 1) {
      const middle = (from + to) >> 1
      const failed = await this.attempt(from, middle)
      if (failed === null) {
        from = middle
      } else {
        to = middle
        error = failed
      }
    }
    const message = messageOf(error)
    const column = columnIn(message)
    this.#refuse(from, new RecordError('refused-by-store', `the database refuses the event: ${message.replace(/ at row \d+$/, '')}`, {
      cause: error,
      table: this.#group.table.plan.name,
      ...(column === undefined ? {} : { column }),
      ...('errno' in error ? { sql_error: error.errno } : {})
    }))
    return from
  }

  #refuse (row: number, error: RecordError): void {
    this.refused.push({ row, error })
  }

  /** Of rows that changed nothing, those are no duplicates whose key the table does not have. */
  async #refuseKeptOut (from: number, to: number): Promise<void> {
    const { table: { plan }, records } = this.#group
    const keys = records.slice(from, to).map(record => keyOf(this.#group.table, record))
    const found = await this.#link.query(`SELECT ${quote(plan.key)} AS k FROM ${quote(plan.name)} WHERE ${quote(plan.key)} IN ${tupleOf(keys)}`)
    const stored = new Set(found.map(({ k }) => k as string))
    keys.forEach((key, at) => {
      if (stored.has(key)) return
      this.duplicates--
      this.#refuse(from + at, keptOut(plan.name, this.#others))
    })
  }
}
