import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { chunksOf } from '../stream/chunks.js'
import { linesOf, type Line } from './lines.js'

/** A longer line is not looked into. */
const mostLineBytes = 16 << 20

export function isGzipped (path: string): boolean {
  return path.endsWith('.gz')
}

/** Compressed as we do not read it. */
export function isUnreadable (path: string): boolean {
  return /\.(xz|lzma|bz2|zst|lz4|lzo|Z|zip)$/.test(path)
}

/** The lines of a file, decompressed; ends early when `stop` is aborted. Throws `StreamError` for what is damaged. */
export async function * readLines (path: string, stop: AbortSignal, isCompressed = isGzipped(path)): AsyncGenerator<Line[]> {
  const file = createReadStream(path)
  if (!isCompressed) {
    yield * linesOf(chunksOf(file, path, stop), mostLineBytes)
    return
  }
  const gunzip = createGunzip({ chunkSize: 64 << 10 })
  pipeline(file, gunzip, () => { /* chunksOf sees the error */ })
  yield * linesOf(chunksOf(gunzip, path, stop), mostLineBytes)
}
