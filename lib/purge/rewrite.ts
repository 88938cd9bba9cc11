import { type BigIntStats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { codeOf, StreamError } from '../errors.js'
import { isGzipped, readLines } from './file-content.js'
import type { Judge } from './verdict.js'

/** What changes directories and files. */
export type FileSystem = Pick<typeof fs, 'open' | 'rename' | 'unlink' | 'stat'>

/** Beside the file: what an interrupted run leaves, and the next one removes. */
export function asideName (path: string): string {
  return `${path}.purging`
}

export function isAside (path: string): boolean {
  return path.endsWith('.purging')
}

/**
 * Writes a file anew beside itself, without what has to go, and puts it in its place: whatever is interrupted, one of the two is there,
 * whole. Mode, owner and times stay. False, and the file is as it was, when `stop` was aborted. Throws the system's error, or
 * `StreamError` if the file is not the one any more that it was.
 */
export async function rewrite (path: string, before: BigIntStats, fileMs: number, judge: Judge, stop: AbortSignal, system: FileSystem = fs): Promise<boolean> {
  const aside = asideName(path)
  await removeIfThere(aside, system)
  try {
    await writeAside(aside, before, { isCompressed: isGzipped(path), chunks: remaining(path, fileMs, judge, stop) }, system)
    if (stop.aborted) {
      await removeIfThere(aside, system)
      return false
    }
    await refuseOther(path, before, system)
    await system.rename(aside, path)
  } catch (error) {
    await removeIfThere(aside, system)
    throw error
  }
  await syncDirectory(path, system)
  return true
}

interface Content {
  readonly isCompressed: boolean
  readonly chunks: AsyncIterable<Buffer>
}

/** Makes a file, with what another one has besides its content, and makes it safe. */
async function writeAside (aside: string, before: BigIntStats, { isCompressed, chunks }: Content, system: FileSystem): Promise<void> {
  const file = await system.open(aside, 'wx', 0o600)
  try {
    const { uid, gid } = await file.stat({ bigint: true })
    if (uid !== before.uid || gid !== before.gid) await file.chown(Number(before.uid), Number(before.gid))
    await file.chmod(Number(before.mode & 0o7777n))
    const source = Readable.from(chunks)
    const write = async (chunks: AsyncIterable<Buffer>): Promise<void> => { for await (const chunk of chunks) await file.writeFile(chunk) }
    await (isCompressed ? pipeline(source, createGzip(), write) : pipeline(source, write))
    await file.utimes(Number(before.atimeNs) / 1e9, Number(before.mtimeNs) / 1e9)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Removes a file of which nothing stays. Throws as `rewrite`. */
export async function remove (path: string, before: BigIntStats, system: FileSystem = fs): Promise<void> {
  await refuseOther(path, before, system)
  await system.unlink(path)
  await syncDirectory(path, system)
}

export async function removeIfThere (path: string, system: FileSystem = fs): Promise<void> {
  await system.unlink(path).catch((error: unknown) => { if (codeOf(error) !== 'ENOENT') throw error })
}

async function * remaining (path: string, fileMs: number, judge: Judge, stop: AbortSignal): AsyncGenerator<Buffer> {
  for await (const lines of readLines(path, stop)) {
    const kept = lines.flatMap(line => {
      const verdict = judge(line, fileMs)
      return verdict.action === 'delete' ? [] : [verdict.action === 'strip' ? verdict.bytes : line.bytes]
    })
    if (kept.length > 0) yield Buffer.concat(kept)
  }
}

/** Rotated, compressed or written to since it was looked at. */
async function refuseOther (path: string, before: BigIntStats, system: FileSystem): Promise<void> {
  const now = await system.stat(path, { bigint: true })
  if (now.ino === before.ino && now.dev === before.dev && now.size === before.size && now.mtimeNs === before.mtimeNs) return
  throw new StreamError('cannot-write', `${path} was changed while it was looked at`)
}

async function syncDirectory (path: string, system: FileSystem): Promise<void> {
  const directory = await system.open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
