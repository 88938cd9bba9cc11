import type { SqlValue } from '../values.js'
import { escapeText } from './literals.js'

/** A row as text in UTF-8, `(…),` and a newline: from `from` to `to` of `bytes`, which it shares with others. */
export interface RowBytes {
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
}

/** Bytes behind the bracket that ends a row. */
export const separatorBytes = 2

const sharedBytes = 256 << 10

const [nul, newline, quote, open, close, comma, zero, backslash] = [0, 0x0a, 0x27, 0x28, 0x29, 0x2c, 0x30, 0x5c] as const

/**
 * Writes rows one behind the other, for a session whose backslash escapes. Rows that wait for the database are so no burden to the garbage
 * collector, which strings are: it copies what lives longer than a moment, twice.
 */
export function rowEncoder (): (values: readonly SqlValue[]) => RowBytes {
  let bytes = Buffer.allocUnsafe(sharedBytes)
  /** Of the present row. */
  let from = 0
  let end = 0

  function reserve (more: number): void {
    if (end + more <= bytes.length) return
    const next = Buffer.allocUnsafe(Math.max(sharedBytes, (end - from + more) * 2))
    bytes.copy(next, 0, from, end)
    bytes = next
    end -= from
    from = 0
  }

  /** False, with some of it written, if there is more than ASCII in it. */
  function putAscii (text: string): boolean {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code > 0x7f) return false
      if (code === quote || code === backslash || code === nul) bytes[end++] = backslash
      bytes[end++] = code === nul ? zero : code
    }
    return true
  }

  function putText (text: string): void {
    // three bytes are the most that a UTF-16 code unit becomes, and room for what follows a value
    reserve(text.length * 3 + 8)
    bytes[end++] = quote
    const start = end
    if (!putAscii(text)) end = start + bytes.write(escapeText(text), start)
    bytes[end++] = quote
  }

  function putWord (word: string): void {
    reserve(word.length + 8)
    putAscii(word)
  }

  return values => {
    from = end
    reserve(1)
    bytes[end++] = open
    for (let at = 0; at < values.length; at++) {
      const value = values[at]
      if (typeof value === 'string') putText(value)
      else putWord(value === null || value === undefined ? 'NULL' : `${value}`)
      bytes[end++] = comma
    }
    // of the bracket, the comma and the newline the first is in the place of the last comma
    bytes[end - 1] = close
    bytes[end++] = comma
    bytes[end++] = newline
    return { bytes, from, to: end }
  }
}

/** The rows' text in pieces of whole rows: of no more than `most` bytes, unless a row alone is longer. */
export function * piecesOf (rows: readonly RowBytes[], most: number): Generator<Buffer> {
  let runs: Buffer[] = []
  let size = 0
  for (const run of runsOf(rows, most)) {
    if (size > 0 && size + run.length > most) {
      yield together(runs)
      runs = []
      size = 0
    }
    runs.push(run)
    size += run.length
  }
  if (size > 0) yield together(runs)
}

function together (runs: Buffer[]): Buffer {
  return runs.length === 1 && runs[0] !== undefined ? runs[0] : Buffer.concat(runs)
}

/** Rows that lie one behind the other need no copying. */
function * runsOf (rows: readonly RowBytes[], most: number): Generator<Buffer> {
  let [first] = rows
  if (first === undefined) return
  let last = first
  for (const row of rows.slice(1)) {
    if (row.bytes !== first.bytes || row.from !== last.to || row.to - first.from > most) {
      yield first.bytes.subarray(first.from, last.to)
      first = row
    }
    last = row
  }
  yield first.bytes.subarray(first.from, last.to)
}
