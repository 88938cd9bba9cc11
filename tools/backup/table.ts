import { hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { messageOf, StreamError } from '../../lib/errors.js'
import { openDraft, type DraftWriter } from '../../lib/backup/draft-writer.js'
import { commitDraft, draftName, dropDraft } from '../../lib/backup/draft.js'
import { addRow, piecesOfDump, unnumbered, withNulls, type DumpRow } from '../../lib/backup/dump-rows.js'
import type { Dumper } from '../../lib/backup/dumper.js'
import { hoursOfTable } from '../../lib/backup/hours.js'
import { keptRows, missingKeys } from '../../lib/backup/kept-rows.js'
import { backedUp, dumpPath, schemaPath, tableFolder } from '../../lib/backup/layout.js'
import { writeManifest } from '../../lib/backup/manifest-file.js'
import type { Hour, Manifest } from '../../lib/backup/manifest.js'
import { countOf, HourSums } from '../../lib/backup/sums.js'
import type { TableRetention } from '../../lib/backup/table-retention.js'
import { rowsOf, type BackupTable, type Query } from '../../lib/backup/table.js'
import { mysqlDialect } from '../../lib/sql/ddl.js'
import { soundOf } from './ask.js'
import { dayOf, isOfDump, keptOf, whatToDo, type Day, type DumpManifest } from './day.js'
import { isHeld, manifestOf } from './intact.js'
import type { Means } from './means.js'

export interface TableMeans {
  readonly database: string
  readonly query: Query
  readonly dumper: Dumper
  readonly retention: TableRetention
  /** Takes what puts a dump into its place, to do it later or, with false, never; null: it is done at once. */
  readonly later: ((end: (isDone: boolean) => void) => void) | null
}

/** Dumps the days of a table that are not as their dumps are, and removes those whose time is over. Throws the server's error. */
export async function backUpTable (table: BackupTable, of: TableMeans, means: Means): Promise<void> {
  const { stop, isDry, tally } = means
  if (!isDry) await backUpSchema(table, of, means)
  const now = byDay(await hoursOfTable(of.query, table, null, stop))
  const before = manifestsOf(of.database, table.name, means)
  for (const day of [...new Set([...now.keys(), ...before.keys()])].sort()) {
    if (stop.aborted) return
    const path = dumpPath(of.database, table.name, day)
    const one = dayOf(table, { day, hours: now.get(day) ?? [], manifest: before.get(day) ?? null }, of.retention, means)
    switch (whatToDo(table, one, of.retention, means)) {
      case 'nothing':
        tally.unchanged('tables')
        tellKept(path, keptOf(one), means)
        break
      case 'remove':
        if (one.manifest !== null) retire(path, means)
        break
      case 'keep':
        if (one.manifest !== null) keepAll(path, one.manifest, means)
        break
      case 'dump':
        if (isDry) tally.add({ kind: 'tables', action: 'make', path, rows: countOf(one.hours), bytes: 0 })
        else await dumpDay(table, one, of, means)
    }
  }
}

function byDay (hours: readonly Hour[]): Map<string, Hour[]> {
  const days = new Map<string, Hour[]>()
  for (const hour of hours) {
    const day = hour.hour.slice(0, 10)
    days.set(day, [...days.get(day) ?? [], hour])
  }
  return days
}

function manifestsOf (database: string, table: string, means: Means): Map<string, DumpManifest> {
  const manifests = backedUp(means.configuration.to, tableFolder(database, table)).map(path => manifestOf(path, means)).filter(isOfDump)
  return new Map(manifests.map(manifest => [manifest.source.day, manifest]))
}

function tellKept (path: string, kept: readonly Hour[], { tally }: Means): void {
  if (kept.length > 0) tally.keep(path, countOf(kept))
}

/** All rows of a day are gone although they may stay: that is no reason for the dump to go. */
function keepAll (path: string, manifest: DumpManifest, means: Means): void {
  const { source, hours } = manifest
  means.tally.unchanged('tables')
  if (!means.isDry && countOf(source.kept) !== countOf(hours)) writeManifest(join(means.configuration.to, path), { ...manifest, source: { ...source, kept: hours } })
  tellKept(path, hours, means)
}

async function dumpDay (table: BackupTable, { day, manifest: known, changed }: Day, of: TableMeans, means: Means): Promise<void> {
  const { configuration: { to }, stop, tally, host } = means
  const path = dumpPath(of.database, table.name, day)
  const file = join(to, path)
  means.show(`tables: ${table.name}, ${day}`)
  const before = known === null ? null : await soundOf(path, known, means)
  if (isHeld(path, means)) return
  const draft = await openDraft(file)
  let isLater = false
  try {
    const sums = new HourSums()
    // what was changed stays as it was dumped, and is taken over below
    const rows = [rowsOf(table, day), ...(before === null ? [] : changed).map(({ hour }) => `NOT (${rowsOf(table, hour)})`)].join(' AND ')
    await draft.compress(counted(of.dumper.dump(table.name, rows, stop), table, sums))
    const kept = before === null || means.acceptsMissing || (table.style === 'whole' && !isDaily(table)) ? [] : await keepMissing(file, draft, { table, before, now: sums.hours }, of.retention, means)
    sums.addAll(kept)
    const { bytes, sha256 } = await draft.end()
    const { hours } = sums
    if (stop.aborted || (hours.length === 0 && (table.style !== 'whole' || before !== null))) return
    const stripped = kept.length === 0 ? '' : of.retention.strippedBy(day)
    const manifest: DumpManifest = { version: 1, made: new Date().toISOString(), host, source: { kind: 'dump', path, bytes, sha256, database: of.database, table: table.name, day, kept, ...stripped === '' ? {} : { stripped } }, hours }
    const commit = (): void => {
      commitDraft(file, manifest)
      tally.add({ kind: 'tables', action: 'make', path, rows: countOf(hours), bytes })
      tellKept(path, kept, means)
    }
    if (of.later === null) commit()
    else of.later(isDone => { isDone ? commit() : dropDraft(file) })
    isLater = of.later !== null
  } finally {
    if (!isLater) await draft.drop()
  }
}

/** `<Schema>_daily`: what it has of events is nowhere else any more. */
function isDaily ({ name, columns }: BackupTable): boolean {
  return name.endsWith('_daily') && columns.some(column => column.name === 'digest')
}

/** What goes into the dump, and adds it up on its way: what the manifest says is of these bytes. */
async function * counted (chunks: AsyncIterable<Buffer>, { name, givesId }: BackupTable, sums: HourSums): AsyncGenerator<Buffer> {
  for await (const { bytes, rows, lines } of piecesOfDump(chunks, `mariadb-dump of ${name}`)) {
    for (const row of rows) addRow(sums, row)
    yield givesId ? unnumbered(lines) : bytes
  }
}

interface Missing {
  readonly table: BackupTable
  readonly before: Manifest
  readonly now: readonly Hour[]
}

/** Takes over from the dump before what the table has no more, although it may stay. Returns what that is. */
async function keepMissing (file: string, draft: DraftWriter, { table, before, now }: Missing, retention: TableRetention, { stop, log, tally }: Means): Promise<readonly Hour[]> {
  try {
    const keys = await missingKeys({ path: file, hours: before.hours }, { path: draftName(file), hours: now }, stop)
    if (keys === null || stop.aborted) return []
    const sums = new HourSums()
    await draft.compress(keptRows(file, (key, row) => keys.has(key) ? whatStays(row, table, retention) : null, sums, stop))
    return sums.hours
  } catch (error) {
    if (!(error instanceof StreamError) || error.code !== 'cannot-read') throw error
    log.error('a file of the backup is damaged; it is made anew from what there is', { path: file, reason: messageOf(error) })
    tally.fail(`damaged: ${messageOf(error)}`)
    return []
  }
}

/** Of a row that the table has no more. */
function whatStays (row: DumpRow, { givesId }: BackupTable, { fateOf, fields }: TableRetention): DumpRow | null {
  const fate = fateOf(row)
  if (fate === 'go') return null
  const isNull = (name: string): boolean => (givesId && name === 'id') || (fate === 'strip' && fields.has(name))
  return withNulls(row, new Set(row.head.columns.flatMap((name, place) => isNull(name.toLowerCase()) ? [place] : [])))
}

/** Removes a dump whose time is over. */
export function retire (path: string, { isDry, removals, tally }: Means): void {
  if (!isDry) removals.remove(path)
  tally.add({ kind: 'tables', action: 'remove', path, rows: 0, bytes: 0 })
}

/** The statement that makes the table, where it is none. */
async function backUpSchema ({ name }: BackupTable, { database, query }: TableMeans, means: Means): Promise<void> {
  const { configuration: { to }, host } = means
  const [row] = await query(`SHOW CREATE TABLE ${mysqlDialect.quote(name)}`)
  const statement = String(row?.['Create Table']).replace(/^CREATE TABLE/, 'CREATE TABLE IF NOT EXISTS').replace(/ AUTO_INCREMENT=\d+/, '')
  const text = Buffer.from(`/*!40101 SET NAMES utf8mb4 */;\n${statement};\n`)
  const path = schemaPath(database, name)
  const file = join(to, path)
  if (existsSync(file) && readFileSync(file).equals(text) && manifestOf(path, means)?.source.sha256 === hash('sha256', text)) return
  const draft = await openDraft(file)
  try {
    await draft.write(Readable.from([text]))
    commitDraft(file, { version: 1, made: new Date().toISOString(), host, source: { kind: 'schema', path, ...await draft.end(), database, table: name }, hours: [] })
  } finally {
    await draft.drop()
  }
}
