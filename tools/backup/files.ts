import { codeOf, messageOf, VanadiumError } from '../../lib/errors.js'
import { sameHours } from '../../lib/backup/sums.js'
import { openForWriting } from '../../lib/file/open-for-writing.js'
import { openArchive, type Archive } from './archive.js'
import { backUpFile, type FileMeans } from './file.js'
import { keepRetention } from './file-retention.js'
import { lineRetention } from './line-retention.js'
import type { Means } from './means.js'
import { partsOfName, sourcesOf } from './sources.js'

/** A file that was written to since may be written to now, by a process of which this user knows nothing. */
const restingMs = 3_600_000

/** Backs up logs and archives, then takes out of the backup what may not stay. What is wrong with one file does not keep the others. */
export async function backUpFiles (means: Means): Promise<void> {
  const { configuration: { files, oldestDays }, rules, tally, stop, log } = means
  const sources = sourcesOf(files, tally.fail)
  const rotated = new Set(sources.map(({ path }) => partsOfName(path)).filter(parts => parts.rotated !== '').map(parts => parts.log))
  const isOpen = openForWriting()
  const of: FileMeans = {
    archive: openArchive(means),
    retention: lineRetention(rules, oldestDays),
    isLive: async ({ stat }) => Number(stat.mtimeMs) > Date.now() - restingMs || await isOpen(stat),
    isRotated: log => log.endsWith('.log') || rotated.has(log)
  }
  for (const source of sources) {
    if (stop.aborted) return
    // it would go again at once
    if (of.retention.isOver([], Number(source.stat.mtimeMs))) continue
    await attempt(async () => { await backUpFile(source, of, means) })
  }
  if (!means.isDry) dropDoubles(of.archive, means)
  for (const archived of of.archive.all) {
    if (stop.aborted) return
    await attempt(async () => { await keepRetention(archived, of, means) })
  }

  async function attempt (work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (stop.aborted) return
      if (!(error instanceof VanadiumError)) throw error
      log.error('a file is not backed up as it is now', { reason: messageOf(error) })
      tally.fail(messageOf(error))
      // a disk that is full, or took damage, is so for all
      if (['ENOSPC', 'EDQUOT', 'EROFS'].includes(codeOf(error.cause) ?? '')) throw error
    }
  }
}

/** A run that was interrupted may have left a copy that another one, which is compressed, has taken the place of. */
function dropDoubles (archive: Archive, { removals }: Means): void {
  const compressed = archive.all.filter(({ path }) => path.endsWith('.gz'))
  for (const { path, source, manifest } of archive.all) {
    if (path.endsWith('.gz') || !compressed.some(other => other.source.log === source.log && other.source.head === source.head && sameHours(other.manifest.hours, manifest.hours))) continue
    removals.remove(path)
    archive.drop(path)
  }
}
