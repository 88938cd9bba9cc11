import { codeOf, messageOf, StreamError, VanadiumError } from '../../lib/errors.js'
import { openDumper } from '../../lib/backup/dumper.js'
import { noRetention, retentionOfGone, retentionOfTable, type RetentionOptions, type TableRetention } from '../../lib/backup/table-retention.js'
import { backupTables, setUpSession, type BackupTable, type Query } from '../../lib/backup/table.js'
import { isRefused } from '../../lib/event/schemas.js'
import { openMysql } from '../../lib/purge/mysql.js'
import { eventTables, type EventTable } from '../../lib/purge/sql/event-tables.js'
import { openMysqlReader } from '../../lib/sql/mysql/reader.js'
import { tableName } from '../../lib/sql/names.js'
import { dumpedEventTables, isDumped, retireGone } from './gone.js'
import type { Means } from './means.js'
import { backUpTable, type TableMeans } from './table.js'

/** Backs up the tables of the database that is configured, one after the other. What is wrong with one does not keep the others. */
export async function backUpTables (means: Means): Promise<void> {
  const { configuration: { tables, to }, stop, tally } = means
  if (tables === null) {
    retireGone({ database: null, tables: [] }, retentionOptions(means), means)
    return
  }
  const { uri, defaultsFile } = tables
  const ended = new AbortController()
  const signal = AbortSignal.any([stop, ended.signal])
  const dumper = openDumper(uri, defaultsFile, to)
  try {
    const reader = await openMysqlReader(uri, defaultsFile, 'backup', signal)
    const query: Query = async sql => await reader.query(sql)
    await setUpSession(query)
    await backUpAll({ database: uri.path.slice(1), query, dumper }, means)
  } catch (error) {
    if (stop.aborted) return
    tally.fail(`tables of ${uri.text.replace(/\?.*$/, '')}: ${explained(error)}`)
  } finally {
    ended.abort()
    dumper.close()
  }
}

async function backUpAll (of: Pick<TableMeans, 'database' | 'query' | 'dumper'>, means: Means): Promise<void> {
  const { stop } = means
  const events = new Map((await eventTablesOf(means)).map(table => [table.name, table]))
  const all = await backupTables(of.query)
  requireTables(all, of.database, means)
  const ends: Array<(isDone: boolean) => void> = []
  let isWhole = false
  try {
    const done: boolean[] = []
    for (const [at, table] of all.entries()) {
      if (stop.aborted) return
      means.show(`tables: ${table.name} (${at + 1} of ${all.length})`)
      // what vanadium notes of events must not be ahead of them, also when one of their tables cannot be dumped
      const later = isOwn(table) ? (end: (isDone: boolean) => void): void => { ends.push(end) } : null
      const isDone = await attempt(table.name, means, async () => { await backUpTable(table, { ...of, later, retention: retentionOf(table, events.get(table.name), means) }, means) })
      if (table.style !== 'whole') done.push(isDone)
    }
    isWhole = !stop.aborted && done.every(isDone => isDone)
  } finally {
    for (const end of ends) end(isWhole)
  }
  await attempt('vanadium_schemas', means, async () => { await findUnseen(all, of, means) })
  retireGone({ database: of.database, tables: all.map(({ name }) => name) }, retentionOptions(means), means)
}

/** What vanadium keeps for itself. */
function isOwn ({ name, style }: BackupTable): boolean {
  return style === 'whole' && /^vanadium_/i.test(name)
}

/** Throws `StreamError` for a database that is another one than that which was backed up, or empty: nothing in it is a reason for a dump to go. */
function requireTables (all: readonly BackupTable[], database: string, means: Means): void {
  if (all.length === 0) throw new StreamError('cannot-read', `database ${database} has no table that this account may see; is it the right one, and may the account SELECT?`)
  if (means.acceptsMissing || all.some(({ style }) => style !== 'whole')) return
  const dumped = dumpedEventTables(database, means)
  if (dumped.length > 0) throw new StreamError('cannot-read', `database ${database} has no table of events, and there are dumps of ${dumped.length}; is it the right one? If they were dropped on purpose, --accept-missing takes them out of the backup`)
}

/** Tables that the consumer has made, and that the account may not read: the server does not say that they are there. */
async function findUnseen (all: readonly BackupTable[], { database, query }: Pick<TableMeans, 'database' | 'query'>, means: Means): Promise<void> {
  if (all.every(({ name }) => name !== 'vanadium_schemas')) return
  const seen = new Set(all.map(({ name }) => name.toLowerCase()))
  const named = (await query('SELECT DISTINCT table_name FROM vanadium_schemas ORDER BY table_name')).map(row => String(row['table_name']))
  for (const name of named) {
    // of one that was there once retireGone tells
    if (seen.has(name.toLowerCase()) || isDumped(database, name, means)) continue
    means.tally.fail(`table ${name}: vanadium_schemas names it, and this account cannot see it; GRANT SELECT on it or, if it was dropped, delete its row there`)
  }
}

/** Resolves with whether it was done. */
async function attempt (name: string, { tally, stop, log }: Means, work: () => Promise<void>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (stop.aborted) return false
    // a connection that is lost is so for all others
    if (!(error instanceof VanadiumError) && (error as { fatal?: unknown }).fatal === true) throw error
    log.error('a table is not backed up as it is now', { table: name, reason: explained(error) })
    tally.fail(`table ${name}: ${explained(error)}`)
    return false
  }
}

/** Of an error of ours or of the server; a bug is none to go on after. */
function explained (error: unknown): string {
  // one that says of a connection that it is lost has no code
  const isFatal = (error as { fatal?: unknown }).fatal === true
  if (!(error instanceof VanadiumError) && codeOf(error) === undefined && !isFatal) throw error
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

function retentionOf (table: BackupTable, events: EventTable | undefined, means: Means): TableRetention {
  if (table.style === 'whole') return noRetention
  return events === undefined ? retentionOfGone(table.name, retentionOptions(means)) : retentionOfTable(events, retentionOptions(means))
}

export function retentionOptions ({ rules, configuration: { oldestDays }, schemas }: Means): RetentionOptions {
  const all = schemas.list().filter(schema => !isRefused(schema))
  return { rules, oldestDays, schemaOf: new Map(all.map(({ name, revision }) => [tableName(name, revision).toLowerCase(), name])) }
}
