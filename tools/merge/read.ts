import type { Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { messageOf, StreamError } from '../../lib/errors.js'
import { isGzipped } from '../../lib/purge/file-content.js'
import { chunksOf } from '../../lib/stream/chunks.js'
import type { HeldLines } from './held-lines.js'

export interface Reading {
  readonly stop: AbortSignal
  /** Told of bytes of the file, as it is on the disk. */
  readonly passed: (bytes: number) => void
}

/**
 * Reads the file that had been there when it was inspected, one that is being written as far as it was then, or up to a stop. Throws `StreamError` for what cannot be read, or is
 * another file by now: lines that were in one that was not read yet would be in one that was.
 */
export async function readFile (path: string, inspected: Stats, lines: HeldLines, reading: Reading): Promise<void> {
  const file = await open(path).catch((cause: unknown) => { throw unreadable(path, cause) })
  try {
    if (!isSame(await file.stat(), inspected, isGzipped(path))) throw new StreamError('cannot-read', `${path} was rotated while others were read; begin again`)
    if (isGzipped(path)) await readGzipped(path, file, lines, reading)
    else await readPlain(path, file, inspected.size, lines, reading)
  } finally {
    await file.close()
  }
  if (!reading.stop.aborted) lines.finish()
}

/** To a log lines are added; what is compressed stays as it is, or is another one. */
function isSame (now: Stats, before: Stats, isWhole: boolean): boolean {
  return now.dev === before.dev && now.ino === before.ino && (!isWhole || (now.size === before.size && now.mtimeMs === before.mtimeMs))
}

async function readPlain (path: string, file: FileHandle, size: number, lines: HeldLines, { stop, passed }: Reading): Promise<void> {
  for (let left = size; left > 0 && !stop.aborted;) {
    const room = lines.room()
    const { bytesRead } = await file.read(room, 0, Math.min(room.length, left), null).catch((cause: unknown) => { throw unreadable(path, cause) })
    if (bytesRead === 0) throw new StreamError('cannot-read', `${path} has become shorter while it was read; begin again`)
    left -= bytesRead
    lines.take(bytesRead)
    passed(bytesRead)
  }
}

async function readGzipped (path: string, handle: FileHandle, lines: HeldLines, { stop, passed }: Reading): Promise<void> {
  const file = handle.createReadStream({ highWaterMark: 256 << 10 })
  const gunzip = createGunzip({ chunkSize: 256 << 10 })
  pipeline(file, gunzip, () => { /* chunksOf sees the error */ })
  let told = 0
  for await (const chunk of chunksOf(gunzip, path, stop)) {
    for (let at = 0; at < chunk.length;) {
      const room = lines.room()
      const length = chunk.copy(room, 0, at)
      lines.take(length)
      at += length
    }
    passed(file.bytesRead - told)
    told = file.bytesRead
  }
}

function unreadable (path: string, cause: unknown): StreamError {
  return new StreamError('cannot-read', `${path} cannot be read: ${messageOf(cause)}`, { cause })
}
