import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, messageOf, VanadiumError } from '../../lib/errors.js'
import { openDumper } from '../../lib/backup/dumper.js'
import { backedUp, databaseFolder, tableFolder } from '../../lib/backup/layout.js'
import { noRetention, retentionOfGone, retentionOfTable, type TableRetention } from '../../lib/backup/table-retention.js'
import { backupTables, setUpSession, type BackupTable, type Query } from '../../lib/backup/table.js'
import { openMysql } from '../../lib/purge/mysql.js'
import { eventTables, type EventTable } from '../../lib/purge/sql/event-tables.js'
import { openMysqlReader } from '../../lib/sql/mysql/reader.js'
import { manifestOf } from './intact.js'
import type { Means } from './means.js'
import { backUpTable, retire } from './table.js'

/** Backs up the tables of the database that is configured, one after the other. What is wrong with one does not keep the others. */
export async function backUpTables (means: Means): Promise<void> {
  const { configuration: { tables, to }, stop, tally } = means
  if (tables === null) return
  const { uri, defaultsFile } = tables
  const ended = new AbortController()
  const signal = AbortSignal.any([stop, ended.signal])
  const dumper = openDumper(uri, defaultsFile, to)
  try {
    const reader = await openMysqlReader(uri, defaultsFile, 'backup', signal)
    const query: Query = async sql => await reader.query(sql)
    await setUpSession(query)
    const events = new Map((await eventTablesOf(means)).map(table => [table.name, table]))
    const all = await backupTables(query)
    for (const [at, table] of all.entries()) {
      if (stop.aborted) return
      means.show(`tables: ${table.name} (${at + 1} of ${all.length})`)
      await attempt(table.name, means, async () => {
        await backUpTable(table, { database: uri.path.slice(1), query, dumper, retention: retentionOf(table, events.get(table.name), means) }, means)
      })
    }
    retireGone(all, uri.path.slice(1), means)
  } catch (error) {
    if (stop.aborted) return
    tally.fail(`tables of ${uri.text.replace(/\?.*$/, '')}: ${explained(error)}`)
  } finally {
    ended.abort()
    dumper.close()
  }
}

async function attempt (name: string, { tally, stop, log }: Means, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (stop.aborted) return
    // a connection that is lost is so for all others
    if (!(error instanceof VanadiumError) && (error as { fatal?: unknown }).fatal === true) throw error
    log.error('a table is not backed up as it is now', { table: name, reason: explained(error) })
    tally.fail(`table ${name}: ${explained(error)}`)
  }
}

/** Of an error of ours or of the server; a bug is none to go on after. */
function explained (error: unknown): string {
  if (!(error instanceof VanadiumError) && codeOf(error) === undefined) throw error
  return messageOf(error)
}

/** As the purge sees them: with their schemas. */
async function eventTablesOf ({ configuration: { tables }, schemas, log }: Means): Promise<EventTable[]> {
  if (tables === null) return []
  const { db } = openMysql(tables.uri, { defaultsFile: tables.defaultsFile, log })
  try {
    return await eventTables(db, schemas)
  } catch (error) {
    throw db.explain(error)
  } finally {
    await db.close()
  }
}

function retentionOf (table: BackupTable, events: EventTable | undefined, { rules, configuration: { oldestDays } }: Means): TableRetention {
  if (table.style === 'whole') return noRetention
  return events === undefined ? retentionOfGone(table.name, { rules, oldestDays }) : retentionOfTable(events, { rules, oldestDays })
}

/** Of tables that are no more there their dumps stay as long as their events may. */
function retireGone (there: readonly BackupTable[], database: string, means: Means): void {
  const { configuration: { to, oldestDays }, rules } = means
  const known = new Set(there.map(({ name }) => tableFolder(database, name)))
  const gone = directoriesIn(join(to, databaseFolder(database))).map(name => join(databaseFolder(database), name)).filter(directory => !known.has(directory))
  for (const path of gone.flatMap(directory => backedUp(to, directory))) {
    const source = manifestOf(path, means)?.source
    if (source?.kind !== 'dump') continue
    if (retentionOfGone(source.table, { rules, oldestDays }).isOver(source.day)) retire(path, means)
    else means.tally.unchanged('tables')
  }
}

function directoriesIn (directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(({ name }) => name)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}
