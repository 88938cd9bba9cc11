import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { chunksOf } from '../stream/chunks.js'
import { linesOf, type Line } from './lines.js'
import { dayMs } from './rules.js'

/** A longer line is not looked into. */
const mostLineBytes = 16 << 20
/** What a rotated file's name says is in some time zone, and of the day on which it was rotated, or began. */
const nameToleranceMs = 2 * dayMs

export function isGzipped (path: string): boolean {
  return path.endsWith('.gz')
}

/** Compressed as we do not read it. */
export function isUnreadable (path: string): boolean {
  return /\.(xz|lzma|bz2|zst|lz4|lzo|Z|zip)$/.test(path)
}

/** The lines of a file, decompressed; ends early when `stop` is aborted. Throws `StreamError` for what is damaged. */
export async function * readLines (path: string, stop: AbortSignal): AsyncGenerator<Line[]> {
  const file = createReadStream(path)
  if (!isGzipped(path)) {
    yield * linesOf(chunksOf(file, path, stop), mostLineBytes)
    return
  }
  const gunzip = createGunzip({ chunkSize: 64 << 10 })
  pipeline(file, gunzip, () => { /* chunksOf sees the error */ })
  yield * linesOf(chunksOf(gunzip, path, stop), mostLineBytes)
}

/** No line of a file can be younger: when it was last written, or the date in its name if a copy has lost that. */
export function fileTime (path: string, mtimeMs: number): number {
  const [, year, month, day] = /[.-](\d{4})-?(\d\d)-?(\d\d)[\d-]*(?:\.[a-z0-9]+)*$/.exec(basename(path)) ?? []
  const named = Date.UTC(Number(year), Number(month) - 1, Number(day))
  const isDate = year !== undefined && new Date(named).getUTCMonth() === Number(month) - 1
  return isDate ? Math.min(mtimeMs, named + nameToleranceMs) : mtimeMs
}
