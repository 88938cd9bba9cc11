import { type BigIntStats } from 'node:fs'
import * as fs from 'node:fs/promises'
import type { OptOut } from '../event/opt-out.js'
import { openForWriting } from '../file/open-for-writing.js'
import type { Erased, EraseStore } from './erase.js'
import { isUnreadable, readLines } from './file-content.js'
import { partsOf, type Line } from './lines.js'
import { isAside, remove, removeIfThere, rewrite } from './rewrite.js'
import type { Verdict } from './verdict.js'

export interface EraseFilesOptions {
  readonly paths: readonly string[]
  /** Whether a daemon appends to it. */
  isLive (path: string): boolean
  /** Whose lines go. */
  readonly optOut: Pick<OptOut, 'inRecord'>
  /** Tells whether an identifier stands in a line, as bytes: whatever the line is. */
  readonly holds: (line: Buffer) => boolean
}

interface Scan {
  readonly rows: number
  readonly bytes: number
  readonly kept: number
  /** Lines that have an identifier in them, and may be anybody's. */
  readonly mentions: number
}

/** Files of events, raw lines, event errors and dead letters, plain or gzipped; each is written anew without the lines of these users. */
export function eraseFromFiles ({ paths, isLive, optOut, holds }: EraseFilesOptions): EraseStore {
  const isOpenForWriting = openForWriting()
  const isTheirs = ({ bytes, isWhole }: Line): boolean => isWhole && optOut.inRecord(partsOf(bytes).text.toString())
  const judge = (line: Line): Verdict => isTheirs(line) ? { action: 'delete', schema: null, atMs: 0 } : { action: 'keep', untilMs: Infinity }

  async function scan (path: string, stop: AbortSignal): Promise<Scan> {
    let [rows, bytes, kept, mentions] = [0, 0, 0, 0]
    for await (const lines of readLines(path, stop)) {
      for (const line of lines) {
        const theirs = isTheirs(line)
        rows += theirs ? 1 : 0
        bytes += theirs ? line.bytes.length : 0
        kept += theirs ? 0 : 1
        mentions += !theirs && holds(line.bytes) ? 1 : 0
      }
    }
    return { rows, bytes, kept, mentions }
  }

  async function * each (stop: AbortSignal, work: (path: string, stat: BigIntStats) => Promise<Erased>, dropAside: (path: string) => Promise<void>): AsyncGenerator<Erased> {
    for (const path of paths) {
      if (stop.aborted) return
      if (isAside(path)) {
        await dropAside(path)
        continue
      }
      const stat = await fs.stat(path, { bigint: true })
      if (!stat.isFile()) continue
      if (isUnreadable(path)) yield { place: path, rows: 0, bytes: 0, left: 1, why: 'it is compressed in a way that is not read; decompress it, or delete it' }
      else yield await work(path, stat)
    }
  }

  async function erase (path: string, stat: BigIntStats, stop: AbortSignal): Promise<Erased> {
    const { rows, bytes, kept, mentions } = await scan(path, stop)
    if (rows > 0 && (isLive(path) || await isOpenForWriting(stat))) return { place: path, rows: 0, bytes: 0, left: rows + mentions, why: 'a daemon appends to it; rotate it (logrotate --force), then give the same command again' }
    if (rows > 0 && kept === 0) await remove(path, stat)
    else if (rows > 0) await rewrite(path, stat, Number(stat.mtimeMs), judge, stop)
    if (kept === 0) return { place: path, rows, bytes, left: 0 }
    const after = rows === 0 ? { rows, mentions } : await scan(path, stop)
    const why = after.rows === 0 && after.mentions > 0 ? 'lines that have the identifier elsewhere, or that cannot be read; look at them' : null
    return { place: path, rows, bytes, left: after.rows + after.mentions, ...why === null ? {} : { why } }
  }

  return {
    find: stop => each(stop, async path => {
      const { rows, bytes } = await scan(path, stop)
      return { place: path, rows, bytes, left: null }
    }, async () => {}),
    erase: stop => each(stop, async (path, stat) => await erase(path, stat, stop), removeIfThere),
    close: async () => {}
  }
}
