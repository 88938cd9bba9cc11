import type { RecordError } from '../errors.js'
import type { Column, TablePlan } from './columns.js'
import type { MemoryRow } from './memory.js'
import type { SqlValue } from './values.js'

/** A table as the store has it. */
export interface StoredTable {
  readonly plan: TablePlan
  /** The plan's columns, in its order, with the types that they have in the store. */
  readonly columns: readonly Column[]
  /** Those of the plan that are not among them, because the store cannot give them to the table; never its key nor its time. */
  readonly lacking: readonly Lacking[]
}

/** A column that a table cannot have, and why not. An event is refused if it has a value for it, and stored if it has none. */
export interface Lacking {
  readonly column: Column
  readonly error: RecordError
}

/** Rows for one table, in the order they came. `R` is a row as the store sends it. */
export interface Group<R> {
  readonly table: StoredTable
  readonly rows: R[]
  /** The records that the rows were made of. */
  readonly records: string[]
  /** What each row has in the column that says when the event was. */
  readonly times: SqlValue[]
}

/** What became of a group: every row is in exactly one of the three. */
export interface Outcome {
  readonly inserted: number
  /** Rows whose key the table had already. */
  readonly duplicates: number
  /** Rows that the store does not take, by their place in the group. */
  readonly refused: ReadonlyArray<{ readonly row: number, readonly error: RecordError }>
}

/** A database. Its methods wait for as long as it is away, as `Patience` says. `ensure` may be called while others are, and while itself is. */
export interface Store<R> {
  /** Makes the table, or adds the columns it lacks, as far as there is room. Throws `RecordError` when the database cannot have such a table. */
  ensure (plan: TablePlan): Promise<StoredTable>
  /** A row as `insert` takes it; `values` are of `table.columns`. */
  encode (values: SqlValue[]): R
  /**
   * Stores all groups in one transaction and resolves, with an outcome for each, when it is committed. Before that `conclude` is given
   * the outcomes; what it resolves with is stored too, unless it is longer than the store takes: then what was stored last stays. An
   * attempt that fails is repeated, and `conclude` with it. `enteredMs`: when the last of them entered the pipeline, in milliseconds since 1970.
   * Where another process stores the same events, it may resolve when that has; told to stop before, it throws `LeftError`.
   */
  insert (groups: ReadonlyArray<Group<R>>, conclude: (outcomes: readonly Outcome[]) => Promise<MemoryRow | null>, enteredMs: number): Promise<Outcome[]>
  /** What was stored last for that state; null if nothing was. */
  recall (state: string): Promise<string | null>
  close (): Promise<void>
}
