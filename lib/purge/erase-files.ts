import { type BigIntStats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { codeOf, messageOf } from '../errors.js'
import type { OptOut } from '../event/opt-out.js'
import { openForWriting } from '../file/open-for-writing.js'
import type { Erased, EraseStore, Looking } from './erase.js'
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
  readonly looking?: Looking
}

interface Scan {
  readonly rows: number
  readonly bytes: number
  readonly kept: number
  /** Lines that have an identifier in them, and may be anybody's. */
  readonly mentions: number
}

/** Files of events, raw lines, event errors and dead letters, plain or gzipped; each is written anew without the lines of these users. */
export function eraseFromFiles ({ paths, isLive, optOut, holds, looking = () => {} }: EraseFilesOptions): EraseStore {
  const isOpenForWriting = openForWriting()
  const isTheirs = ({ bytes, isWhole }: Line): boolean => isWhole && optOut.inRecord(partsOf(bytes).text.toString())
  const judge = (line: Line): Verdict => isTheirs(line) ? { action: 'delete', schema: null, atMs: 0 } : { action: 'keep', untilMs: Infinity }

  /** Null when stopped: what was not looked at may be anybody's. */
  async function scan (path: string, stop: AbortSignal): Promise<Scan | null> {
    let [rows, bytes, kept, mentions, through] = [0, 0, 0, 0, 0]
    for await (const lines of readLines(path, stop)) {
      for (const line of lines) {
        const theirs = isTheirs(line)
        rows += theirs ? 1 : 0
        bytes += theirs ? line.bytes.length : 0
        kept += theirs ? 0 : 1
        mentions += !theirs && holds(line.bytes) ? 1 : 0
        through += line.bytes.length
      }
      looking(path, `${Math.round(through / 1e6)} MB`)
    }
    return stop.aborted ? null : { rows, bytes, kept, mentions }
  }

  /** One that cannot be dealt with keeps none of the others, and is told. */
  async function * each (stop: AbortSignal, work: (path: string, stat: BigIntStats) => Promise<Erased | null>, dropAside: (path: string) => Promise<void>): AsyncGenerator<Erased> {
    for (const path of paths) {
      if (stop.aborted) return
      try {
        const erased = await look(path, work, dropAside)
        if (erased !== null) yield erased
      } catch (error) {
        if (codeOf(error) === undefined) throw error
        yield leftAlone(path, codeOf(error) === 'ENOENT' ? 'it was renamed or deleted meanwhile; give the same command again' : messageOf(error))
      }
    }
  }

  async function look (path: string, work: (path: string, stat: BigIntStats) => Promise<Erased | null>, dropAside: (path: string) => Promise<void>): Promise<Erased | null> {
    if (isAside(path)) {
      await dropAside(path)
      return null
    }
    const stat = await fs.stat(path, { bigint: true })
    if (!stat.isFile()) return null
    return isUnreadable(path) ? leftAlone(path, 'it is compressed in a way that is not read; decompress it, or delete it') : await work(path, stat)
  }

  async function erase (path: string, stat: BigIntStats, stop: AbortSignal): Promise<Erased | null> {
    const before = await scan(path, stop)
    if (before === null) return null
    const { rows, bytes, kept, mentions } = before
    if (rows > 0 && (isLive(path) || await isOpenForWriting(stat))) return { place: path, rows: 0, bytes: 0, left: rows + mentions, why: 'a daemon appends to it; rotate it (logrotate --force), then give the same command again' }
    if (rows > 0 && stat.nlink > 1n) return { place: path, rows: 0, bytes: 0, left: rows + mentions, why: `it has ${stat.nlink} names (hard links: find / -xdev -samefile), and the others would keep it as it is; delete all but one` }
    if (rows > 0 && kept === 0) await remove(path, stat)
    else if (rows > 0 && !await rewrite(path, stat, Number(stat.mtimeMs), judge, stop)) return null
    const after = rows === 0 ? before : kept === 0 ? { rows: 0, mentions: 0 } : await scan(path, stop)
    if (after === null) return { place: path, rows, bytes, left: null }
    const why = after.rows === 0 && after.mentions > 0 ? 'lines that have the identifier elsewhere, or that cannot be read; look at them' : null
    return { place: path, rows, bytes, left: after.rows + after.mentions, ...why === null ? {} : { why } }
  }

  return {
    find: stop => each(stop, async path => {
      const found = await scan(path, stop)
      return found === null ? null : { place: path, rows: found.rows, bytes: found.bytes, left: null }
    }, async () => {}),
    erase: stop => each(stop, async (path, stat) => await erase(path, stat, stop), removeIfThere),
    close: async () => {}
  }
}

function leftAlone (path: string, why: string): Erased {
  return { place: path, rows: 0, bytes: 0, left: 1, why }
}
