import { createHash } from 'node:crypto'
import { StreamError } from '../../../lib/errors.js'
import { isUnreadable, readLines } from '../../../lib/purge/file-content.js'
import { partsOfName, sourcesOf } from '../sources.js'
import type { Archive } from './archives.js'

/** The logs and archives that are to be backed up, as they are now. `fail` is told what could not be looked at. */
export async function archivesOf (patterns: readonly string[], fail: (what: string) => void, stop: AbortSignal): Promise<Archive[]> {
  const archives: Archive[] = []
  for (const { path, stat } of sourcesOf(patterns, fail)) {
    if (stop.aborted) break
    archives.push({ path, log: partsOfName(path).log, head: await headOf(path, stop), bytes: Number(stat.size), changedMs: Number(stat.ctimeMs), writtenMs: Number(stat.mtimeMs) })
  }
  return archives
}

/** SHA-256 of its first line, hex; empty if there is none that can be read. */
async function headOf (path: string, stop: AbortSignal): Promise<string> {
  if (isUnreadable(path)) return ''
  try {
    for await (const [line] of readLines(path, stop)) if (line !== undefined) return createHash('sha256').update(line.bytes).digest('hex')
    return ''
  } catch (error) {
    // it is told when it is looked into
    if (error instanceof StreamError) return ''
    throw error
  }
}
