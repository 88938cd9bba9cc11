import { existsSync, readdirSync } from 'node:fs'
import type { BackupConfiguration } from '../../../lib/backup/configuration.js'
import type { CommandContext } from '../../../lib/cli/command.js'
import { messageOf, VanadiumError } from '../../../lib/errors.js'
import { openMysqlReader } from '../../../lib/sql/mysql/reader.js'
import { openShelf, type Books } from '../../ledger/books.js'
import { isOfDatabase } from '../database-error.js'
import { compareArchives, type ArchiveBackup } from './archives.js'
import { digestOf, dumpedRows, plainDigestOf } from './content.js'
import type { Backup, Reading } from './copies.js'
import { compareDump, findUndumped, type Dump, type DumpLook } from './dumps.js'
import type { Finding } from './finding.js'
import type { Horizon } from './horizon.js'
import { compareLedger } from './ledger.js'
import { lookAtPlaces, openPlaces } from './places.js'
import type { Place } from './place.js'
import { startProgress, type VerifyProgress } from './progress.js'
import { readingOf } from './reading.js'
import type { Looked } from './report.js'
import { archivesOf } from './sources.js'
import { openLiveTables, type LiveTables } from './tables.js'

export interface Verified {
  readonly findings: readonly Finding[]
  readonly failures: readonly string[]
  readonly looked: Looked
}

/** One look at everything that a configuration names. What cannot be looked at does not keep the rest. */
export class Verification {
  readonly #configuration: BackupConfiguration
  readonly #horizon: Horizon
  readonly #ctx: CommandContext
  readonly #progress: VerifyProgress
  readonly #reading: Reading
  readonly #findings: Finding[] = []
  readonly #failures: string[] = []
  readonly #looked: Looked = { places: 0, files: 0, bytes: 0, archives: 0, tables: 0, days: 0, books: 0 }

  constructor (configuration: BackupConfiguration, horizon: Horizon, ctx: CommandContext) {
    this.#configuration = configuration
    this.#horizon = horizon
    this.#ctx = ctx
    this.#progress = startProgress(ctx)
    this.#reading = readingOf(this.#progress, ctx.stop)
  }

  async run (stateDirectory: string): Promise<Verified> {
    try {
      // before any table, which must have by then what the books say
      const books = await this.#attempt('the ledger', () => booksIn(stateDirectory)) ?? []
      const look = { reading: this.#reading, horizon: this.#horizon, see: this.#see, fail: this.#fail, waiting: this.#progress.waiting }
      const places = await openPlaces(this.#configuration, look, this.#ctx)
      this.#expect(places)
      const backups = await lookAtPlaces(places, look, this.#ctx.stop)
      if (this.#configuration.files.length > 0) await this.#attempt('archives', async () => { await this.#lookAtArchives(backups) })
      const { tables } = this.#configuration
      if (tables !== null) await this.#attempt(tables.uri.text.replace(/\?.*$/, ''), async () => { await this.#lookAtTables(tables, backups, books) })
      return { findings: this.#findings, failures: this.#failures, looked: this.#looked }
    } finally {
      this.#progress.end()
    }
  }

  readonly #see = (found: Finding): void => { this.#findings.push(found) }
  readonly #fail = (what: string): void => { this.#failures.push(what) }

  /** Null if it could not be done, or is not to be any more. */
  async #attempt<T> (what: string, work: () => Promise<T> | T): Promise<T | null> {
    if (this.#ctx.stop.aborted) return null
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof VanadiumError) && !isOfDatabase(error)) throw error
      if (!this.#ctx.stop.aborted) this.#fail(`${what}: ${messageOf(error)}`)
      return null
    }
  }

  #expect (places: readonly Place[]): void {
    const sizes = places.map(({ files }) => [...files.values()].reduce((sum, bytes) => sum + bytes, 0))
    this.#looked.places = places.length
    this.#looked.files = places.reduce((sum, { files }) => sum + files.size, 0)
    this.#looked.bytes = sizes.reduce((sum, bytes) => sum + bytes, 0)
    // each is read once for its bytes, one copy of each for what is in it
    this.#progress.expect(this.#looked.bytes + Math.max(0, ...sizes))
  }

  async #lookAtArchives (all: readonly Backup[]): Promise<void> {
    const archives = await archivesOf(this.#configuration.files, this.#fail, this.#ctx.stop)
    this.#looked.archives = archives.length
    this.#progress.expect(archives.reduce((sum, { bytes }) => sum + bytes, 0))
    const backups = all.flatMap((backup): ArchiveBackup[] => backup.manifest.source.kind === 'file' ? [{ ...backup, source: backup.manifest.source }] : [])
    await compareArchives(backups, archives, {
      ...this.#reading,
      digest: async (file, lengths) => await digestOf(file, lengths, this.#progress.advance, this.#ctx.stop),
      plainDigest: async (file, lengths) => await plainDigestOf(file, lengths, this.#ctx.stop),
      ...this.#horizon,
      to: this.#configuration.to,
      see: this.#see
    })
  }

  async #lookAtTables ({ uri, defaultsFile }: NonNullable<BackupConfiguration['tables']>, all: readonly Backup[], books: readonly Books[]): Promise<void> {
    const ended = new AbortController()
    this.#ctx.defer('the database', () => { ended.abort() })
    const { query } = await openMysqlReader(uri, defaultsFile, 'backup verify', AbortSignal.any([this.#ctx.stop, ended.signal]))
    const live = await openLiveTables(query, this.#ctx.stop)
    const dumps = all.flatMap((backup): Dump[] => backup.manifest.source.kind === 'dump' && backup.manifest.source.database === live.database ? [{ ...backup, source: backup.manifest.source }] : [])
    const name = uri.text.replace(/\?.*$/, '')
    const rows: DumpLook['rows'] = async (file, hours) => await dumpedRows(file, hours, this.#ctx.stop)
    const look: DumpLook = { ...this.#horizon, name, to: this.#configuration.to, live, rows, see: this.#see }
    this.#progress.expect(dumps.reduce((sum, { source }) => sum + source.bytes, 0))
    await this.#compareDumps(dumps, look, live)
    if (this.#ctx.stop.aborted) return
    this.#looked.books = books.filter(({ daemon }) => daemon === 'consumer').length
    await compareLedger(uri, { name, shelf: books, live, dumps, claims: this.#horizon.claims, see: this.#see })
  }

  async #compareDumps (dumps: readonly Dump[], look: DumpLook, { tables }: LiveTables): Promise<void> {
    const names = [...new Set([...tables.keys(), ...dumps.map(({ source }) => source.table)])].sort()
    for (const name of names) {
      const own = dumps.filter(({ source }) => source.table === name)
      this.#looked.tables++
      for (const dump of own) {
        if (this.#ctx.stop.aborted) return
        await compareDump(dump, look)
        this.#looked.days++
        this.#progress.advance(dump.source.bytes)
      }
      await findUndumped(name, own, look)
    }
  }
}

/** None where there is no daemon. */
function booksIn (directory: string): readonly Books[] {
  if (!existsSync(directory) || !readdirSync(directory).some(name => name.endsWith('.sqlite'))) return []
  const { books, close } = openShelf(directory, 0, Number.MAX_SAFE_INTEGER)
  close()
  return books
}
