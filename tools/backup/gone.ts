import { folders, backedUp, databaseFolder, tableFolder } from '../../lib/backup/layout.js'
import { countOf } from '../../lib/backup/sums.js'
import { isOverOfGone, type RetentionOptions } from '../../lib/backup/table-retention.js'
import { manifestOf } from './intact.js'
import { isOfDump } from './day.js'
import type { Means } from './means.js'
import { retire } from './table.js'

/** What there is now. */
export interface There {
  /** Null: no tables are backed up any more. */
  readonly database: string | null
  readonly tables: readonly string[]
}

/**
 * Of tables that are no more there, and of databases that are not backed up any more: their dumps stay as long as their events may. Those of
 * this database are told, as it may be an accident.
 */
export function retireGone ({ database, tables }: There, options: RetentionOptions, means: Means): void {
  const known = new Set(database === null ? [] : tables.map(name => tableFolder(database, name)))
  for (const path of backedUp(means.configuration.to, folders.tables)) {
    if (known.has(path.slice(0, path.lastIndexOf('/')))) continue
    const manifest = manifestOf(path, means)
    if (!isOfDump(manifest)) continue
    const isOurs = manifest.source.database === database
    if (isOverOfGone(manifest, manifest.source, options) || (isOurs && means.acceptsMissing)) {
      retire(path, means)
      continue
    }
    means.tally.unchanged('tables')
    if (isOurs && manifest.hours.length > 0) means.tally.keep(path, countOf(manifest.hours))
  }
}

/** Tables of events of a database of which there are dumps, whether they are there or not. */
export function dumpedEventTables (database: string, { configuration: { to } }: Means): string[] {
  const prefix = `${databaseFolder(database)}/`
  const isOfEvents = (path: string): boolean => path.startsWith(prefix) && /_\d+\/\d{4}-\d\d-\d\d\.sql\.gz$/.test(path)
  return [...new Set(backedUp(to, folders.tables).filter(isOfEvents).map(path => path.slice(prefix.length, path.lastIndexOf('/'))))]
}

/** Whether there is a dump of a table. */
export function isDumped (database: string, table: string, { configuration: { to } }: Means): boolean {
  return backedUp(to, tableFolder(database, table)).some(path => path.endsWith('.sql.gz'))
}
