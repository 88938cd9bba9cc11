import type { ExistingColumn } from '../../sql/existing.js'
import type { SqlValue } from '../../sql/values.js'

export type Row = Readonly<Record<string, unknown>>

export interface TableColumn extends ExistingColumn {
  readonly nullable: boolean
  /** The database computes it of others. */
  readonly generated: boolean
}

/** A table as the database describes it; no view. */
export interface FoundTable {
  readonly name: string
  /** Of databases that keep one; else empty. */
  readonly comment: string
  readonly columns: readonly TableColumn[]
  /** Columns that are the first of an index, in lower case. */
  readonly indexed: ReadonlySet<string>
  /** What the next row would be numbered; null if the database does not tell. */
  readonly nextId: number | null
}

export interface Statements {
  /** Integers beyond 2^53 come as bigint or as text. */
  query (sql: string): Promise<Row[]>
  /** Returns the number of rows that it changed. */
  execute (sql: string): Promise<number>
}

/** How the tables that the purge has for itself are declared. */
export interface OwnTypes {
  readonly key: string
  readonly text: string
  readonly integer: string
  readonly number: string
  readonly day: string
  /** Behind the closing bracket. */
  readonly options: string
}

/** What to do about an error: the same once more, with fewer rows at a time, when the database is there again, or nothing at all. */
export type Remedy = 'smaller' | 'wait' | 'none'

/** A database with tables of events. One statement at a time. */
export interface PurgeDatabase extends Statements {
  /** For people. */
  readonly name: string
  readonly types: OwnTypes
  quote (name: string): string
  literal (value: SqlValue): string
  /** What makes a query wait for rows that are being written, so that it does not pass them over. */
  readonly waitForRows: string
  /** Behind `INSERT INTO … VALUES …`: what becomes of a row whose `key` is there. */
  replacing (key: string, columns: readonly string[]): string
  tables (): Promise<FoundTable[]>
  /** Throws `ConfigError` when it must not be written to. To be called once before anything is. */
  requireWritable (): Promise<void>
  /** All of it or nothing. `work` may be repeated by whoever called, never by this. */
  transaction<T> (work: (within: Statements) => Promise<T>): Promise<T>
  remedyOf (error: unknown): Remedy
  /** The error as an operator needs it. */
  explain (error: unknown): unknown
  /** Lets go of what it can without disturbing others: called after a purge that has changed something. */
  tidy (): Promise<void>
  close (): Promise<void>
}
