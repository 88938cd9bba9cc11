import { type BigIntStats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { messageOf, StreamError } from '../errors.js'
import { openForWriting } from '../file/open-for-writing.js'
import { createAnonymise } from './anonymous-json.js'
import { isUnreadable, readLines } from './file-content.js'
import { findFiles, type FoundFile } from './find-files.js'
import { isAside, remove, removeIfThere, rewrite, type FileSystem } from './rewrite.js'
import { dayMs } from './rules.js'
import type { Leftover, PurgeStore, Rules, Work } from './store.js'
import { Tally } from './tally.js'
import { createJudge, type Judge } from './verdict.js'

/** Spares looking again, each night, into files of which nothing has to go for weeks. */
export interface FileMemory {
  /** Whether the file, as it is, was found to have nothing that has to go now. */
  isClean (file: BigIntStats, nowMs: number): boolean
  /** Until then. */
  note (file: BigIntStats, untilMs: number): void
}

export interface FilesOptions {
  /** Absolute paths of the files that there are; asked anew each time. */
  list (): Promise<readonly string[]>
  /** Whether a daemon appends to it. */
  isLive (path: string): boolean
  readonly memory: FileMemory
  /** Ends plans and proofs early. */
  readonly stop: AbortSignal
  readonly system?: FileSystem
}

/**
 * Files of lines: events as JSON, raw lines, dead letters; plain or gzipped. One that a daemon appends to is left alone, and proved.
 * A file that cannot be looked at is passed over; after all others `StreamError` says which.
 */
export function openFiles ({ list, isLive, memory, stop: end, system = fs }: FilesOptions): PurgeStore {
  const anonymise = createAnonymise()
  const isOpenForWriting = openForWriting()

  /** Null when stopped. What cannot be looked into goes, as a whole, when no policy could keep anything that is in it. */
  async function scan (file: FoundFile, rules: Rules, judge: Judge, stop: AbortSignal): Promise<Tally | null> {
    const tally = new Tally()
    if (isUnreadable(file.path) || isAside(file.path)) return tallyOfUnreadable(file, rules)
    try {
      for await (const lines of readLines(file.path, stop)) for (const line of lines) tally.add(judge(line, file.fileMs), line.bytes.length)
    } catch (error) {
      if (rules.nowMs > endOf(file, rules)) return tallyOfUnreadable(file, rules)
      throw error
    }
    return stop.aborted ? null : tally
  }

  async function clean (file: FoundFile, rules: Rules, judge: Judge, stop: AbortSignal): Promise<Work[]> {
    // of a run that was interrupted, whatever has become of its file since
    if (isAside(file.path)) await removeIfThere(file.path, system)
    if (isAside(file.path) || memory.isClean(file.stat, rules.nowMs)) return []
    const tally = await scan(file, rules, judge, stop)
    if (tally === null) return []
    if (!tally.isEmpty) {
      if (file.hindrance !== null) throw new StreamError('cannot-write', file.hindrance)
      if (await isOpenForWriting(file.stat)) throw new StreamError('cannot-write', 'a process has it open for writing')
      if (tally.kept === 0) await remove(file.path, file.stat, system)
      else if (!await rewrite(file.path, file.stat, file.fileMs, judge, stop, system)) return []
    }
    if (tally.kept > 0) memory.note(await fs.stat(file.path, { bigint: true }), tally.untilMs)
    return tally.works(file.path)
  }

  async function * each<T> (stop: AbortSignal, look: (file: FoundFile) => Promise<T[]>): AsyncGenerator<T> {
    const failures: string[] = []
    for await (const file of findFiles(await list(), failures)) {
      if (stop.aborted) break
      try {
        yield * await look(file)
      } catch (error) {
        failures.push(messageOf(error).includes(file.path) ? messageOf(error) : `${file.path}: ${messageOf(error)}`)
      }
    }
    if (failures.length > 0) throw new StreamError('cannot-read', `${failures.length} of the files could not be dealt with: ${failures.slice(0, mostNamed).join('; ')}`)
  }

  return {
    name: 'files',
    plan (rules) {
      const judge = createJudge(rules, anonymise)
      return each<Work>(end, async file => isLive(file.path) || isAside(file.path) || memory.isClean(file.stat, rules.nowMs) ? [] : (await scan(file, rules, judge, end))?.works(file.path) ?? [])
    },
    purge (rules, stop) {
      const judge = createJudge(rules, anonymise)
      return each<Work>(stop, async file => isLive(file.path) ? [] : await clean(file, rules, judge, stop))
    },
    prove (rules) {
      const judge = createJudge(rules, anonymise)
      const placeOf = (path: string): string => isLive(path) ? `${path} (being written)` : path
      return each<Leftover>(end, async file => (await scan(file, rules, judge, end))?.leftovers(placeOf(file.path), rules.nowMs) ?? [])
    },
    close: async () => {}
  }
}

/** In an error. */
const mostNamed = 5

/** From then on nothing of it may be there, whatever it holds. */
function endOf ({ fileMs }: FoundFile, { mostDays }: Rules): number {
  return fileMs + mostDays * dayMs
}

function tallyOfUnreadable (file: FoundFile, rules: Rules): Tally {
  const tally = new Tally()
  const untilMs = endOf(file, rules)
  tally.add(rules.nowMs > untilMs ? { action: 'delete', schema: null, atMs: file.fileMs } : { action: 'keep', untilMs }, Number(file.stat.size))
  return tally
}
