import { RecordError } from '../../../lib/errors.js'
import type { Capsule } from '../../../lib/event/capsule.js'
import type { Column, TablePlan } from '../../../lib/sql/columns.js'
import { rowMapper } from '../../../lib/sql/rows.js'
import { alwaysKept } from '../../../lib/purge/fields.js'
import { keepsAnything } from '../../../lib/purge/rules.js'
import { fateOf } from '../../../lib/purge/sql/policy.js'
import type { Retention, SchemaEntry } from '../../../lib/registry/entry.js'

/** Rows that are measured; more tell nothing new. */
const mostMeasured = 2000
/** InnoDB's header of a row, its id, and the transaction's: https://dev.mysql.com/doc/refman/8.4/en/innodb-row-format.html */
const bytesOfHeader = 5 + 8 + 6 + 7
/** Of an entry of an index, besides its columns: header and the row's id. */
const bytesOfEntry = 5 + 8

/** Measures what rows take in a table, with their indexes; roughly, as pages are never full. */
export class RowSizes {
  readonly #plan: TablePlan
  readonly #row: (event: object) => ReadonlyArray<unknown>
  #measured = 0
  #bytes = 0

  constructor (plan: TablePlan) {
    this.#plan = plan
    this.#row = rowMapper(plan.columns, () => {})
  }

  add (event: Readonly<Capsule>): void {
    if (this.#measured === mostMeasured) return
    try {
      const row = this.#row(event)
      const sizes = new Map(this.#plan.columns.map((column, at) => [column.name, sizeOf(row[at])]))
      const sum = (names: readonly string[]): number => names.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0)
      const indexes = [...this.#plan.columns.filter(({ index }) => index !== null).map(({ name }) => [name]), ...this.#plan.indexes.map(({ columns }) => columns)]
      this.#bytes += bytesOfHeader + sum([...sizes.keys()]) + indexes.reduce((all, names) => all + bytesOfEntry + sum(names), 0)
      this.#measured++
    } catch (error) {
      // a row that the table does not take costs nothing
      if (!(error instanceof RecordError)) throw error
    }
  }

  /** Null if none was measured. */
  get mean (): number | null {
    return this.#measured === 0 ? null : this.#bytes / this.#measured
  }
}

function sizeOf (value: unknown): number {
  if (value === null || value === undefined) return 0
  return typeof value === 'string' ? Buffer.byteLength(value) + 2 : 8
}

/** What becomes of the columns when events are purged. */
export interface Purge {
  readonly days: number
  /** Rows are deleted; the other lists are empty then. */
  readonly isWhole: boolean
  readonly kept: readonly string[]
  readonly changed: readonly string[]
  readonly wiped: readonly string[]
  /** Fields that the registry names and the revision does not have. */
  readonly unknown: readonly string[]
}

export function purgeOf ({ columns }: TablePlan, { retention, sampling, user }: SchemaEntry): Purge {
  const { days, keep, anonymise, aggregate } = retention
  const isWhole = !keepsAnything(retention)
  const fates = new Map(columns.map(column => [column, fateIn(column, retention)] as const))
  const kept = isWhole ? [] : columns.filter(column => fates.get(column) === 'kept')
  const changed = isWhole ? [] : columns.filter(column => fates.get(column) === 'changed')
  const named = [...keep, ...anonymise.keys(), ...aggregate?.by ?? [], ...aggregate?.of ?? [], ...sampling?.by == null ? [] : [sampling.by], ...user === null ? [] : [user]]
  return {
    days,
    isWhole,
    kept: kept.map(({ name }) => name),
    changed: changed.map(({ name }) => name),
    wiped: isWhole ? [] : columns.filter(column => !kept.includes(column) && !changed.includes(column)).map(({ name }) => name),
    unknown: [...new Set(named)].filter(field => !columns.some(({ path }) => isBelow(path.join('.'), field) || isBelow(field, path.join('.'))))
  }
}

function fateIn ({ name, kind, path }: Column, retention: Retention): 'kept' | 'changed' | 'wiped' {
  const field = path.join('.')
  const fate = alwaysKept.includes(field) ? 'keep' : fateOf({ name, field, mayBeJson: kind === 'text' }, retention)
  if (fate === null) return 'wiped'
  return fate === 'keep' || fate.method === 'clean' ? 'kept' : 'changed'
}

/** A name stands for all that is below it. */
function isBelow (path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}.`)
}
