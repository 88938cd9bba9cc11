import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
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

/** Reads a file, one that is being written as far as it was when `size` was asked, or up to a stop. Throws `StreamError` for what cannot be read. */
export async function readFile (path: string, size: number, lines: HeldLines, reading: Reading): Promise<void> {
  if (isGzipped(path)) await readGzipped(path, lines, reading)
  else await readPlain(path, size, lines, reading)
  if (!reading.stop.aborted) lines.finish()
}

async function readPlain (path: string, size: number, lines: HeldLines, { stop, passed }: Reading): Promise<void> {
  const file = await open(path).catch((cause: unknown) => { throw unreadable(path, cause) })
  try {
    for (let left = size; left > 0 && !stop.aborted;) {
      const room = lines.room()
      const { bytesRead } = await file.read(room, 0, Math.min(room.length, left), null).catch((cause: unknown) => { throw unreadable(path, cause) })
      if (bytesRead === 0) throw new StreamError('cannot-read', `${path} has become shorter while it was read; begin again`)
      left -= bytesRead
      lines.take(bytesRead)
      passed(bytesRead)
    }
  } finally {
    await file.close()
  }
}

async function readGzipped (path: string, lines: HeldLines, { stop, passed }: Reading): Promise<void> {
  const file = createReadStream(path, { highWaterMark: 256 << 10 })
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
