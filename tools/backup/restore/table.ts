import { existsSync } from 'node:fs'
import { hoursOfTable } from '../../../lib/backup/hours.js'
import type { Hour } from '../../../lib/backup/manifest.js'
import { countOf } from '../../../lib/backup/sums.js'
import { backupTables, type BackupTable, type Query } from '../../../lib/backup/table.js'
import { StreamError } from '../../../lib/errors.js'
import type { Uri } from '../../../lib/stream/uri.js'
import { affected, differencesOf } from '../verify/differences.js'
import { finding, type Finding } from '../verify/finding.js'
import type { Dump, DumpedTable, Source } from './source.js'
import { restoreFiles } from './statements.js'

/** The database into which dumps go. */
export interface Target {
  readonly uri: Uri
  readonly defaultsFile: string
  /** In that database, of a session that `setUpSession` has set up. */
  readonly query: Query
}

/** What was restored. */
export interface Restored {
  tables: number
  days: number
  rows: number
}

export interface TableRestore {
  readonly source: Pick<Source, 'name' | 'local'>
  readonly target: Target
  readonly stop: AbortSignal
  see (found: Finding): void
  /** A dump is done with, whatever came of it. */
  passed (dump: Dump): void
}

/** Makes a table, and reads its dumps into it; compares what is there then with what their manifests say. A day that is there already is not read again. */
export async function restoreTable ({ table: name, schema, dumps }: DumpedTable, to: TableRestore, done: Restored): Promise<void> {
  const { source, target, see, stop } = to
  const isThere = (path: string): boolean => {
    if (existsSync(source.local(path))) return true
    see(finding('missing', source.name, path, 'it is not there, so it cannot be restored'))
    return false
  }
  const present = dumps.filter(({ path }) => isThere(path))
  if (!isThere(schema) || !await isRead(schema, to)) return
  const table = (await backupTables(target.query)).find(table => table.name === name)
  if (table === undefined) return
  done.tables++
  for (const dump of present) {
    if (stop.aborted) return
    await restoreDay(dump, table, to, done)
    to.passed(dump)
  }
}

async function restoreDay (dump: Dump, table: BackupTable, to: TableRestore, done: Restored): Promise<void> {
  const { path, source: { day }, hours } = dump
  const now = async (): Promise<Hour[]> => await hoursOfTable(to.target.query, table, day, to.stop)
  let restored = await now()
  if (differencesOf(hours, restored).length > 0) {
    if (!await isRead(path, to)) return
    restored = await now()
  }
  done.days++
  done.rows += countOf(restored)
  compare(path, hours, restored, to)
}

/** Sees what of a file of the backup is not what it was, hour by hour. */
export function compare (path: string, was: readonly Hour[], is: readonly Hour[], { source, see }: Pick<TableRestore, 'source' | 'see'>): void {
  const differences = differencesOf(was, is)
  if (differences.length > 0) see(finding('damaged', source.name, path, 'what was restored is not what it was', { hours: differences.map(affected) }))
}

async function isRead (path: string, { source, target: { uri, defaultsFile }, stop, see }: TableRestore): Promise<boolean> {
  try {
    await restoreFiles([source.local(path)], uri, defaultsFile, stop)
    return true
  } catch (error) {
    if (!(error instanceof StreamError) || stop.aborted) throw error
    see(finding('damaged', source.name, path, `it cannot be restored: ${error.message}`))
    return false
  }
}
