import { GrowingBuffer } from './growing-buffer.js'

const newline = 0x0a
const carriageReturn = 0x0d
const emptyLine = Buffer.from('\n\n')
const windowsEnd = Buffer.from('\r\n')

/** The option of every reader that splits a stream of bytes. */
export const maxLineParam = {
  type: 'integer',
  minimum: 1024,
  maximum: 64 << 20,
  default: 1 << 20,
  description: 'Bytes. Of a longer line the first so many become the record; the rest is dropped and the line counted as `truncated`.'
} as const

/**
 * Cuts a stream of bytes into whole lines, whatever the pieces it comes in. Lines end with `\n` or `\r\n`; empty ones are
 * skipped; of a line longer than `maxLine` the first `maxLine` bytes are given and `onTruncated` is called.
 *
 * What it gives is a buffer of lines for `batchOfBytes`, and costs no more than a look at each newline. Memory: the
 * unfinished line, at most `maxLine` bytes of it.
 */
export class Splitter {
  readonly #maxLine: number
  readonly #onTruncated: () => void
  readonly #tail: GrowingBuffer
  #held = 0

  constructor (maxLine: number, onTruncated: () => void) {
    this.#maxLine = maxLine
    this.#onTruncated = onTruncated
    // enough to tell a line that is too long from one that only ends in \r
    this.#tail = new GrowingBuffer(maxLine + 2)
  }

  /** Length of the unfinished line so far, in bytes of the stream: they are pushed and not given yet. */
  get held (): number {
    return this.#held
  }

  /** Takes ownership of `chunk`. Gives the lines that are whole now, each with its newline, or null if there are none. */
  push (chunk: Buffer): Buffer | null {
    const end = chunk.lastIndexOf(newline) + 1
    const whole = end === 0 ? null : this.#finish(chunk.subarray(0, end))
    this.#tail.append(chunk.subarray(end))
    this.#held += chunk.length - end
    return whole
  }

  /** The stream has ended: gives its last line if that has no newline. The splitter is as new. */
  end (): Buffer | null {
    return this.#held === 0 ? null : this.#finish(Buffer.alloc(0))
  }

  #finish (bytes: Buffer): Buffer | null {
    const whole = this.#held === 0 ? bytes : Buffer.concat([this.#tail.bytes, bytes])
    this.#tail.clear()
    this.#held = 0
    const lines = tidyLines(whole, this.#maxLine, this.#onTruncated)
    return lines.length === 0 ? null : lines
  }
}

/** Lines as records: without empty ones, `\n` for `\r\n`, none too long. The same buffer if there is nothing to do. */
export function tidyLines (bytes: Buffer, maxLine = Infinity, onTruncated = (): void => {}): Buffer {
  const tidy = bytes.length <= maxLine && bytes[0] !== newline && !bytes.includes(emptyLine) && !bytes.includes(windowsEnd)
  return tidy ? bytes : rebuild(bytes, maxLine, onTruncated)
}

function rebuild (bytes: Buffer, maxLine: number, onTruncated: () => void): Buffer {
  const lines = Buffer.allocUnsafe(bytes.length + 1)
  let length = 0
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(newline, start)
    const next = found === -1 ? bytes.length : found
    let end = next
    if (found > start && bytes[found - 1] === carriageReturn) end--
    if (end - start > maxLine) {
      end = start + maxLine
      onTruncated()
    }
    if (end > start) {
      length += bytes.copy(lines, length, start, end)
      lines[length++] = newline
    }
    start = next + 1
  }
  return lines.subarray(0, length)
}
