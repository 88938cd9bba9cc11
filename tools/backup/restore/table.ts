import { existsSync } from 'node:fs'
import { hoursOfTable } from '../../../lib/backup/hours.js'
import type { Hour } from '../../../lib/backup/manifest.js'
import { countOf } from '../../../lib/backup/sums.js'
import { backupTables, type BackupTable, type Query } from '../../../lib/backup/table.js'
import { StreamError } from '../../../lib/errors.js'
import type { Uri } from '../../../lib/stream/uri.js'
import { digestOf } from '../verify/content.js'
import { affected, differencesOf } from '../verify/differences.js'
import { finding, type Finding } from '../verify/finding.js'
import type { Dump, DumpedTable, Source } from './source.js'
import { restoreFile } from './statements.js'

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
  readonly source: Pick<Source, 'name' | 'local' | 'fetch' | 'release'>
  readonly target: Target
  readonly stop: AbortSignal
  see (found: Finding): void
  /** Told of each dump that is done with, whatever came of it. */
  passed (dump: Dump): void
}

/** Makes a table, and reads its dumps into it; compares what is there then with what their manifests say. A day that is there already is not read again. */
export async function restoreTable ({ table: name, schema, schemaSha256, dumps }: DumpedTable, to: TableRestore, done: Restored): Promise<void> {
  const { source, target, see, stop } = to
  const isThere = (path: string): boolean => {
    if (existsSync(source.local(path))) return true
    see(finding('missing', source.name, path, 'it is not there, so it cannot be restored'))
    return false
  }
  await source.fetch([schema])
  if (!isThere(schema) || !await isRead(schema, schemaSha256, to)) return
  const table = (await backupTables(target.query)).find(table => table.name === name)
  if (table === undefined) return
  done.tables++
  for (const batch of batchesOf(dumps)) {
    await source.fetch(batch.map(({ path }) => path))
    for (const dump of batch) {
      if (stop.aborted) return
      if (isThere(dump.path)) await restoreDay(dump, table, to, done)
      to.passed(dump)
      source.release([dump.path])
    }
  }
}

/** Bytes that are fetched together, but for a dump that has more: they lie in a temporary directory. */
const batchBytes = 256 << 20

function batchesOf (dumps: readonly Dump[]): Dump[][] {
  const batches: Dump[][] = []
  let bytes = Infinity
  for (const dump of dumps) {
    bytes += dump.source.bytes
    if (bytes > batchBytes) {
      batches.push([])
      bytes = dump.source.bytes
    }
    batches.at(-1)?.push(dump)
  }
  return batches
}

async function restoreDay (dump: Dump, table: BackupTable, to: TableRestore, done: Restored): Promise<void> {
  const { path, source: { day, sha256 }, hours } = dump
  const now = async (): Promise<Hour[]> => await hoursOfTable(to.target.query, table, day, to.stop)
  let restored = await now()
  if (differencesOf(hours, restored).length > 0) {
    // whatever of it was read: it is said which hours lack
    await isRead(path, sha256, to)
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

/** `sha256`: of what it has to be; null if nobody knows. */
async function isRead (path: string, sha256: string | null, { source, target: { uri, defaultsFile }, stop, see }: TableRestore): Promise<boolean> {
  try {
    if (sha256 !== null && (await digestOf(source.local(path), [], () => {}, stop)).sha256 !== sha256) throw new StreamError('cannot-read', 'its bytes are not those of its manifest')
    await restoreFile(source.local(path), uri, defaultsFile, stop)
    return true
  } catch (error) {
    if (!(error instanceof StreamError) || stop.aborted) throw error
    see(finding('damaged', source.name, path, `it cannot be restored: ${error.message}`))
    return false
  }
}
