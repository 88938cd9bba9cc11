import { existsSync, statSync } from 'node:fs'
import type { CommandContext } from '../../../lib/cli/command.js'
import { addLine, hoursOfTable } from '../../../lib/backup/hours.js'
import type { Hour } from '../../../lib/backup/manifest.js'
import { HourSums } from '../../../lib/backup/sums.js'
import { backupTables, setUpSession } from '../../../lib/backup/table.js'
import { StreamError } from '../../../lib/errors.js'
import { readLines } from '../../../lib/purge/file-content.js'
import type { Uri } from '../../../lib/stream/uri.js'
import { numberText } from '../../text.js'
import { affected, differencesOf } from '../verify/differences.js'
import { finding, type Finding } from '../verify/finding.js'
import type { VerifyProgress } from '../verify/progress.js'
import type { ReadLine } from './lines.js'
import { restoreFiles } from './restore.js'
import type { Sample, SampledDump, SampledFile } from './sample.js'
import type { Scratch } from './scratch.js'

/** What was restored and read. */
export interface Rehearsed {
  tables: number
  days: number
  rows: number
  files: number
  lines: number
}

export interface RehearsalOptions {
  readonly sample: Sample
  readonly scratch: Scratch
  readonly uri: Uri
  readonly defaultsFile: string
  readonly readLine: ReadLine
  readonly progress: VerifyProgress
  see (found: Finding): void
}

/** Lines of one archive that are named. */
const mostLines = 100

/** Restores a sample, and compares what came of it with what its manifests say. */
export async function rehearse (options: RehearsalOptions, { stop }: Pick<CommandContext, 'stop'>): Promise<Rehearsed> {
  const done: Rehearsed = { tables: 0, days: 0, rows: 0, files: 0, lines: 0 }
  const { sample: { tables, files, place }, scratch: { query }, progress } = options
  const size = (path: string): number => statSync(place.local(path), { throwIfNoEntry: false })?.size ?? 0
  progress.expect([...files, ...tables.flatMap(({ dumps }) => dumps)].reduce((sum, { path }) => sum + size(path), 0))
  await setUpSession(query)
  for (const { table, schema, dumps } of tables) {
    if (stop.aborted) return done
    await restoreTable(table, schema, dumps, options, done, stop)
    for (const { path } of dumps) progress.advance(size(path))
  }
  for (const file of files) {
    if (stop.aborted) return done
    await readArchive(file, options, done, stop)
    progress.advance(size(file.path))
  }
  return done
}

async function restoreTable (name: string, schema: string, dumps: readonly SampledDump[], { sample: { place }, scratch: { query }, uri, defaultsFile, see }: RehearsalOptions, done: Rehearsed, stop: AbortSignal): Promise<void> {
  const paths = [schema, ...dumps.map(({ path }) => path)]
  const absent = paths.filter(path => !existsSync(place.local(path)))
  for (const path of absent) see(finding('missing', place.name, path, 'it is not there, so it cannot be restored'))
  if (absent.includes(schema)) return
  for (const files of [[schema], ...dumps.filter(({ path }) => !absent.includes(path)).map(({ path }) => [path])]) {
    try {
      await restoreFiles(files.map(path => place.local(path)), uri, defaultsFile, stop)
    } catch (error) {
      if (!(error instanceof StreamError) || stop.aborted) throw error
      see(finding('damaged', place.name, files.join(', '), `it cannot be restored: ${error.message}`))
    }
  }
  const table = (await backupTables(query)).find(table => table.name === name)
  if (table === undefined) return
  done.tables++
  for (const { path, source, hours } of dumps.filter(({ path }) => !absent.includes(path))) {
    const restored = await hoursOfTable(query, table, source.day, stop)
    done.days++
    done.rows += restored.reduce((sum, { count }) => sum + count, 0)
    tellDifferences(hours, restored, path, place.name, see)
  }
}

function tellDifferences (was: readonly Hour[], is: readonly Hour[], path: string, place: string, see: (found: Finding) => void): void {
  const differences = differencesOf(was, is)
  if (differences.length > 0) see(finding('damaged', place, path, 'what was restored is not what it was', { hours: differences.map(affected) }))
}

async function readArchive ({ path, hours }: SampledFile, { sample: { place }, readLine, see }: RehearsalOptions, done: Rehearsed, stop: AbortSignal): Promise<void> {
  const sums = new HourSums()
  const bad: number[] = []
  let [number, why] = [0, '']
  try {
    for await (const lines of readLines(place.local(path), stop)) {
      for (const line of lines) {
        number++
        addLine(sums, line)
        const wrong = readLine(line)
        if (wrong === null) continue
        why ||= wrong
        if (bad.length < mostLines) bad.push(number)
      }
    }
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    see(finding('damaged', place.name, path, `it cannot be read behind line ${numberText(number)}: ${error.message}`))
    return
  }
  if (stop.aborted) return
  done.files++
  done.lines += number
  if (bad.length > 0) see(finding('damaged', place.name, path, `a processor would not take all of its lines: ${why}`, { lines: bad }))
  else tellDifferences(hours, sums.hours, path, place.name, see)
}
