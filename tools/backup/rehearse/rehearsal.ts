import type { CommandContext } from '../../../lib/cli/command.js'
import { addLine } from '../../../lib/backup/hours.js'
import { HourSums } from '../../../lib/backup/sums.js'
import { setUpSession } from '../../../lib/backup/table.js'
import { StreamError } from '../../../lib/errors.js'
import { readLines } from '../../../lib/purge/file-content.js'
import { numberText } from '../../text.js'
import { finding, type Finding } from '../verify/finding.js'
import type { VerifyProgress } from '../verify/progress.js'
import type { ReadLine } from './lines.js'
import type { Source } from '../restore/source.js'
import { compare, restoreTable, type Restored, type Target } from '../restore/table.js'
import type { Sample, SampledFile } from './sample.js'

/** What was restored and read. */
export interface Rehearsed extends Restored {
  files: number
  lines: number
}

export interface RehearsalOptions {
  readonly sample: Sample
  readonly source: Source
  readonly target: Target
  readonly readLine: ReadLine
  readonly progress: VerifyProgress
  see (found: Finding): void
}

/** Lines of one archive that are named. */
const mostLines = 100

/** Restores a sample, and compares what came of it with what its manifests say. */
export async function rehearse (options: RehearsalOptions, { stop }: Pick<CommandContext, 'stop'>): Promise<Rehearsed> {
  const done: Rehearsed = { tables: 0, days: 0, rows: 0, files: 0, lines: 0 }
  const { sample: { tables, files }, source, target, progress, see } = options
  progress.expect([...files, ...tables.flatMap(({ dumps }) => dumps)].reduce((sum, { source: { bytes } }) => sum + bytes, 0))
  await setUpSession(target.query)
  for (const table of tables) {
    if (stop.aborted) return done
    await restoreTable(table, { source, target, stop, see, passed: ({ source: { bytes } }) => { progress.advance(bytes) } }, done)
  }
  for (const file of files) {
    if (stop.aborted) return done
    await source.fetch([file.path])
    await readArchive(file, options, done, stop)
    source.release([file.path])
    progress.advance(file.source.bytes)
  }
  return done
}

async function readArchive ({ path, hours }: SampledFile, { source, readLine, see }: RehearsalOptions, done: Rehearsed, stop: AbortSignal): Promise<void> {
  const sums = new HourSums()
  const bad: number[] = []
  let [number, why] = [0, '']
  try {
    for await (const lines of readLines(source.local(path), stop)) {
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
    see(finding('damaged', source.name, path, `it cannot be read behind line ${numberText(number)}: ${error.message}`))
    return
  }
  if (stop.aborted) return
  done.files++
  done.lines += number
  if (bad.length > 0) see(finding('damaged', source.name, path, `a processor would not take all of its lines: ${why}`, { lines: bad }))
  else compare(path, hours, sums.hours, { source, see })
}
