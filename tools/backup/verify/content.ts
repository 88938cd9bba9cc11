import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { addRow, contentOfRow, keyOfRow, piecesOfDump, timeOfRow, type DumpRow } from '../../../lib/backup/dump-rows.js'
import { addLine } from '../../../lib/backup/hours.js'
import { undated, type Hour, type Source } from '../../../lib/backup/manifest.js'
import { HourSums, numberOfContent, numberOfKey } from '../../../lib/backup/sums.js'
import { messageOf, StreamError } from '../../../lib/errors.js'
import { isGzipped, isUnreadable } from '../../../lib/purge/file-content.js'
import { linesOf } from '../../../lib/purge/lines.js'
import { chunksOf } from '../../../lib/stream/chunks.js'

/** Bytes of a file. */
export interface Digest {
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
  /** The same of its first bytes, by their number, as far as it has so many. */
  readonly beginnings: ReadonlyMap<number, string>
}

/** What is in a file, as far as it can be read. */
export interface Content {
  readonly hours: readonly Hour[]
  /** Whole lines, and bytes of them, decompressed. */
  readonly lines: number
  readonly bytes: number
  /** Why it ends there although the file does not; null if it does. */
  readonly broken: string | null
}

/** Told how many bytes more of the work are done. */
export type Advance = (bytes: number) => void

/** Of bytes as they are on disk; of `.gz` too. `lengths`: of which beginnings. */
export async function digestOf (path: string, lengths: readonly number[], advance: Advance, stop: AbortSignal): Promise<Digest> {
  return await digestOfChunks(untilStopped(chunksOf(createReadStream(path, { highWaterMark: 1 << 20 }), path, stop), path, stop), lengths, advance)
}

/** Of what a `.gz` holds. Of what cannot be decompressed as far as it can. */
export async function plainDigestOf (path: string, lengths: readonly number[], stop: AbortSignal): Promise<Digest> {
  return await digestOfChunks(untilStopped(untilBroken(plainChunks(path, stop)), path, stop), lengths)
}

async function * untilBroken<T> (items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield * items
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
  }
}

/** What is stopped has not come to its end: nobody is to take that for the end of the file. */
async function * untilStopped<T> (items: AsyncIterable<T>, path: string, stop: AbortSignal): AsyncGenerator<T> {
  yield * items
  if (stop.aborted) throw new StreamError('stopped', `stopped while ${path} was read`)
}

async function digestOfChunks (chunks: AsyncIterable<Buffer>, lengths: readonly number[], advance: Advance = () => {}): Promise<Digest> {
  const wanted = [...new Set(lengths)].sort((a, b) => a - b)
  const beginnings = new Map<number, string>()
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of chunks) {
    let rest = chunk
    for (let next = wanted[0]; next !== undefined && next <= bytes + rest.length; next = wanted[0]) {
      hash.update(rest.subarray(0, next - bytes))
      rest = rest.subarray(next - bytes)
      bytes = next
      beginnings.set(next, hash.copy().digest('hex'))
      wanted.shift()
    }
    hash.update(rest)
    bytes += rest.length
    advance(chunk.length)
  }
  return { bytes, sha256: hash.digest('hex'), beginnings }
}

/** Of what is compressed as we do not read it, and of the statement that makes a table: nobody has looked into it. */
const unread: Content = { hours: [], lines: 0, bytes: 0, broken: null }

/** As far as it can be read: what is behind a damage is not looked for. `kind`: of what its manifest is. */
export async function contentOf (path: string, kind: Source['kind'], stop: AbortSignal): Promise<Content> {
  if (kind === 'schema' || isUnreadable(path)) return unread
  const content = await readContent(path, kind, wholePieceBytes, stop)
  return content.broken === null ? content : await readContent(path, kind, smallPieceBytes, stop)
}

/** What is decompressed at a time: of the piece in which the damage is, nothing is seen. */
const [wholePieceBytes, smallPieceBytes] = [64 << 10, 1 << 10]

async function readContent (path: string, kind: Source['kind'], pieceBytes: number, stop: AbortSignal): Promise<Content> {
  const sums = new HourSums()
  let [lines, bytes] = [0, 0]
  try {
    const chunks = untilStopped(plainChunks(path, stop, pieceBytes), path, stop)
    if (kind === 'dump') {
      for await (const piece of piecesOfDump(chunks, path)) {
        for (const row of piece.rows) addRow(sums, row)
        for (let at = piece.bytes.indexOf(newline); at !== -1; at = piece.bytes.indexOf(newline, at + 1)) lines++
        bytes += piece.bytes.length
      }
    } else {
      for await (const some of linesOf(chunks, mostLineBytes)) {
        for (const line of some) addLine(sums, line)
        lines += some.length
        bytes += some.reduce((sum, line) => sum + line.bytes.length, 0)
      }
    }
    return { hours: sums.hours, lines, bytes, broken: null }
  } catch (error) {
    if (stop.aborted || !(error instanceof StreamError)) throw error
    return { hours: sums.hours, lines, bytes, broken: messageOf(error.cause ?? error) }
  }
}

const newline = 0x0a
/** A longer line is not looked into: as a purge has it. */
const mostLineBytes = 16 << 20

/** What a file holds, decompressed. */
export async function * plainChunks (path: string, stop: AbortSignal, pieceBytes = wholePieceBytes): AsyncGenerator<Buffer> {
  const file = createReadStream(path)
  if (!isGzipped(path)) {
    yield * chunksOf(file, path, stop)
    return
  }
  const gunzip = createGunzip({ chunkSize: pieceBytes })
  pipeline(file, gunzip, () => { /* chunksOf sees the error */ })
  yield * chunksOf(gunzip, path, stop)
}

/** Of these hours in a dump, key and content of each row, in hex. */
export async function dumpedRows (path: string, hours: ReadonlySet<string>, stop: AbortSignal): Promise<Map<string, Map<string, string>>> {
  const found = new Map([...hours].map(hour => [hour, new Map<string, string>()]))
  for await (const { rows } of piecesOfDump(untilStopped(plainChunks(path, stop), path, stop), path)) {
    for (const row of rows) found.get(timeOfRow(row)?.slice(0, 13) ?? undated)?.set(hex(numberOf(row), 32), hex(numberOfContent(contentOfRow(row)), 64))
  }
  return found
}

function numberOf (row: DumpRow): bigint {
  const key = keyOfRow(row)
  return key === null ? 0n : numberOfKey(key)
}

function hex (number: bigint, digits: number): string {
  return number.toString(16).padStart(digits, '0')
}

/** What of two files is not the same, line by line. */
export interface LineDifference {
  /** Numbers of lines of the second that are not those of the first, from 1 on: at most so many. */
  readonly lines: readonly number[]
  /** Lines, and bytes of them, before the first such. */
  readonly good: { readonly lines: number, readonly bytes: number }
  /** Whether the second ends, or cannot be read any more, before the first does. */
  readonly isCut: boolean
  /** Whether any line is where it is in the first. */
  readonly isAlike: boolean
}

const mostLines = 1000

export async function lineDifference (good: string, bad: string, stop: AbortSignal): Promise<LineDifference> {
  if (isUnreadable(bad)) return { lines: [], good: { lines: 0, bytes: 0 }, isCut: false, isAlike: false }
  const [ones, others] = [single(good, wholePieceBytes, stop), single(bad, smallPieceBytes, stop)]
  const lines: number[] = []
  let before = { lines: 0, bytes: 0 }
  let isAlike = false
  try {
    for (let number = 1; ; number++) {
      const [one, other] = [(await ones.next()).value, (await others.next()).value]
      if (stop.aborted) throw new StreamError('stopped', `stopped while ${bad} was compared`)
      if (one === undefined || other === undefined) return { lines, good: before, isCut: one !== undefined, isAlike }
      isAlike ||= one.equals(other)
      if (!one.equals(other)) lines.push(number)
      else if (lines.length === 0) before = { lines: number, bytes: before.bytes + one.length }
      if (lines.length === mostLines) return { lines, good: before, isCut: false, isAlike }
    }
  } finally {
    await Promise.all([ones.return(undefined), others.return(undefined)])
  }
}

async function * single (path: string, pieceBytes: number, stop: AbortSignal): AsyncGenerator<Buffer, undefined> {
  // where it cannot be read any more it ends
  for await (const batch of untilBroken(linesOf(plainChunks(path, stop, pieceBytes), mostLineBytes))) for (const { bytes } of batch) yield bytes
}
