import { hash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { messageOf, StreamError } from '../../lib/errors.js'
import { openDraft, type DraftWriter } from '../../lib/backup/draft-writer.js'
import { commitDraft, draftName } from '../../lib/backup/draft.js'
import { addRow, piecesOfDump } from '../../lib/backup/dump-rows.js'
import type { Dumper } from '../../lib/backup/dumper.js'
import { hoursOfTable } from '../../lib/backup/hours.js'
import { keptRows, missingKeys } from '../../lib/backup/kept-rows.js'
import { backedUp, dumpPath, schemaPath, tableFolder } from '../../lib/backup/layout.js'
import { writeManifest } from '../../lib/backup/manifest-file.js'
import { undated, type Hour, type Manifest } from '../../lib/backup/manifest.js'
import { countOf, HourSums, withoutKept } from '../../lib/backup/sums.js'
import type { TableRetention } from '../../lib/backup/table-retention.js'
import { rowsOf, type BackupTable, type Query } from '../../lib/backup/table.js'
import { mysqlDialect } from '../../lib/sql/ddl.js'
import { soundOf } from './ask.js'
import { isHeld, manifestOf } from './intact.js'
import type { Means } from './means.js'

export interface TableMeans {
  readonly database: string
  readonly query: Query
  readonly dumper: Dumper
  readonly retention: TableRetention
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
    const [hours, manifest] = [now.get(day) ?? [], before.get(day) ?? null]
    switch (whatToDo(table, day, { hours, manifest }, of.retention, means)) {
      case 'nothing':
        tally.unchanged('tables')
        if (manifest !== null) tellKept(path, keptIn(manifest), means)
        break
      case 'remove':
        if (manifest !== null) retire(path, means)
        break
      case 'keep':
        if (manifest !== null) keepAll(path, manifest, means)
        break
      case 'dump':
        if (isDry) tally.add({ kind: 'tables', action: 'make', path, rows: countOf(hours), bytes: 0 })
        else await dumpDay(table, day, manifest, of, means)
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

function manifestsOf (database: string, table: string, means: Means): Map<string, Manifest> {
  const manifests = new Map<string, Manifest>()
  for (const path of backedUp(means.configuration.to, tableFolder(database, table))) {
    const manifest = manifestOf(path, means)
    if (manifest?.source.kind === 'dump') manifests.set(manifest.source.day, manifest)
  }
  return manifests
}

function keptIn ({ source }: Manifest): readonly Hour[] {
  return source.kind === 'dump' ? source.kept : []
}

interface Day {
  /** Of the table. */
  readonly hours: readonly Hour[]
  /** Of the dump, if there is one. */
  readonly manifest: Manifest | null
}

function whatToDo (table: BackupTable, day: string, { hours, manifest }: Day, { isOver }: TableRetention, { acceptsMissing }: Means): 'nothing' | 'remove' | 'keep' | 'dump' {
  if (isOver(day)) return 'remove'
  if (hours.length === 0) {
    // what has no time may not stay at all, and what comes and goes is as it is
    if (acceptsMissing || (table.style !== 'whole' && day === undated)) return 'remove'
    return table.style === 'whole' && !isDaily(table) && manifest !== null && manifest.hours.length > 0 ? 'dump' : 'keep'
  }
  if (manifest === null) return 'dump'
  const kept = keptIn(manifest)
  if (kept.length > 0 && acceptsMissing) return 'dump'
  return isAsDumped(hours, manifest) ? 'nothing' : 'dump'
}

/** `<Schema>_daily`: what it has of events is nowhere else any more. */
function isDaily ({ name, columns }: BackupTable): boolean {
  return name.endsWith('_daily') && columns.some(column => column.name === 'digest')
}

function isAsDumped (hours: readonly Hour[], manifest: Manifest): boolean {
  const dumped = withoutKept(manifest.hours, keptIn(manifest))
  return dumped.length === hours.length && dumped.every(one => hours.some(hour => (['hour', 'schema', 'count', 'uuids', 'content'] as const).every(name => hour[name] === one[name])))
}

function tellKept (path: string, kept: readonly Hour[], { tally }: Means): void {
  if (kept.length > 0) tally.keep(path, countOf(kept))
}

/** All rows of a day are gone although they may stay: that is no reason for the dump to go. */
function keepAll (path: string, manifest: Manifest, means: Means): void {
  const { source, hours } = manifest
  means.tally.unchanged('tables')
  if (source.kind !== 'dump') return
  if (!means.isDry && countOf(source.kept) !== countOf(hours)) writeManifest(join(means.configuration.to, path), { ...manifest, source: { ...source, kept: hours } })
  tellKept(path, hours, means)
}

async function dumpDay (table: BackupTable, day: string, known: Manifest | null, of: TableMeans, means: Means): Promise<void> {
  const { configuration: { to }, stop, tally, host } = means
  const path = dumpPath(of.database, table.name, day)
  const file = join(to, path)
  means.show(`tables: ${table.name}, ${day}`)
  const before = known === null ? null : await soundOf(path, known, means)
  if (isHeld(path, means)) return
  const draft = await openDraft(file)
  try {
    const sums = new HourSums()
    await draft.compress(counted(of.dumper.dump(table.name, rowsOf(table, day), stop), table.name, sums))
    const kept = before === null || means.acceptsMissing || (table.style === 'whole' && !isDaily(table)) ? [] : await keepMissing(file, draft, { before, now: sums.hours }, of.retention, means)
    sums.addAll(kept)
    const { bytes, sha256 } = await draft.end()
    const { hours } = sums
    if (stop.aborted || (hours.length === 0 && table.style !== 'whole')) return
    commitDraft(file, { version: 1, made: new Date().toISOString(), host, source: { kind: 'dump', path, bytes, sha256, database: of.database, table: table.name, day, kept }, hours })
    tally.add({ kind: 'tables', action: 'make', path, rows: countOf(hours), bytes })
    tellKept(path, kept, means)
  } finally {
    await draft.drop()
  }
}

/** What goes into the dump, and adds it up on its way: what the manifest says is of these bytes. */
async function * counted (chunks: AsyncIterable<Buffer>, table: string, sums: HourSums): AsyncGenerator<Buffer> {
  for await (const { bytes, rows } of piecesOfDump(chunks, `mariadb-dump of ${table}`)) {
    for (const row of rows) addRow(sums, row)
    yield bytes
  }
}

/** Takes over from the dump before what the table has no more, although it may stay. Returns what that is. */
async function keepMissing (file: string, draft: DraftWriter, { before, now }: { before: Manifest, now: readonly Hour[] }, { isDue }: TableRetention, { stop, log, tally }: Means): Promise<readonly Hour[]> {
  try {
    const keys = await missingKeys({ path: file, hours: before.hours }, { path: draftName(file), hours: now }, stop)
    if (keys === null || stop.aborted) return []
    const sums = new HourSums()
    await draft.compress(keptRows(file, (key, row) => keys.has(key) && !isDue(row), sums, stop))
    return sums.hours
  } catch (error) {
    if (!(error instanceof StreamError) || error.code !== 'cannot-read') throw error
    log.error('a file of the backup is damaged; it is made anew from what there is', { path: file, reason: messageOf(error) })
    tally.fail(`damaged: ${messageOf(error)}`)
    return []
  }
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
