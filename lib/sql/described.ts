import type { SchemaEntry } from '../registry/entry.js'

/** What the registry says of a schema now; null where there is none. */
export type Describe = (schema: string) => SchemaEntry | null

/** Columns of `vanadium_schemas` that are copies of what the registry says; NULL in all of them: nobody has copied yet. */
export const describedColumns = [
  { name: 'owners', type: 'TEXT', comment: 'Addresses of who answers for it, with a comma between two' },
  { name: 'team', type: 'TEXT', comment: 'The team that it belongs to' },
  { name: 'registry_description', type: 'TEXT', comment: 'What the registry says it is for' },
  { name: 'sampling_rate', type: 'DOUBLE', comment: 'Share of the events that is kept now, from 0 to 1' },
  { name: 'sampling_by', type: 'TEXT', comment: 'Field whose value decides; NULL: each event by itself' },
  { name: 'retention_days', type: 'INT', comment: 'Days for which an event is kept whole' },
  { name: 'retention_keep', type: 'TEXT', comment: 'Fields that are kept for longer, as they are or changed, with a comma between two; empty: events are deleted' },
  { name: 'retention_until', type: 'DATE', comment: 'Last day on which more days than those of all schemas hold, UTC' },
  { name: 'volume', type: 'DOUBLE', comment: 'Events a day that are expected' }
] as const

export type DescribedColumn = typeof describedColumns[number]
export type DescribedRow = Readonly<Record<DescribedColumn['name'], string | number | null>>

/** Bytes of TEXT. */
const longestText = 65_535

export function describedRow ({ owners, team, description, sampling, retention, volume }: SchemaEntry): DescribedRow {
  return {
    owners: listed(owners),
    team,
    registry_description: description,
    sampling_rate: sampling?.rate ?? 1,
    sampling_by: sampling?.by ?? null,
    retention_days: retention.days,
    retention_keep: listed([...new Set([...retention.keep, ...retention.anonymise.keys()])]),
    retention_until: retention.longer?.until ?? null,
    volume
  }
}

/** As many as fit. */
function listed (names: readonly string[]): string {
  let text = ''
  for (const name of names) {
    const longer = text === '' ? name : `${text}, ${name}`
    if (Buffer.byteLength(longer) > longestText) break
    text = longer
  }
  return text
}

/** Whether a row of the database says the same. */
export function isDescribed (row: Readonly<Record<string, unknown>>, wanted: DescribedRow): boolean {
  return describedColumns.every(({ name }) => (row[name] ?? null) === null ? wanted[name] === null : String(row[name]) === String(wanted[name]))
}
