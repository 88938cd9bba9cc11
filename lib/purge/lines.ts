const newline = 0x0a

/** A line with its end, byte for byte; or a part of one that is too long to be looked into. */
export interface Line {
  readonly bytes: Buffer
  readonly isWhole: boolean
}

/**
 * Cuts bytes into lines of which nothing is lost, empty ones and ends included: joined again they are what came. Memory: a chunk and
 * one line, at most `mostBytes` of it. Gives the lines of a chunk together.
 */
export async function * linesOf (chunks: AsyncIterable<Buffer>, mostBytes: number): AsyncGenerator<Line[]> {
  let held: Buffer[] = []
  let heldBytes = 0
  let isLong = false

  function take (bytes: Buffer, isEnd: boolean): Line[] {
    held.push(bytes)
    heldBytes += bytes.length
    isLong ||= heldBytes > mostBytes
    if (!isEnd && !isLong) return []
    const line = { bytes: held.length === 1 ? bytes : Buffer.concat(held), isWhole: !isLong }
    held = []
    heldBytes = 0
    isLong &&= !isEnd
    return line.bytes.length === 0 ? [] : [line]
  }

  for await (const chunk of chunks) {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      lines.push(...take(chunk.subarray(start, end + 1), true))
      start = end + 1
    }
    if (start < chunk.length) lines.push(...take(chunk.subarray(start), false))
    if (lines.length > 0) yield lines
  }
  const last = take(Buffer.alloc(0), true)
  if (last.length > 0) yield last
}

/** Of the text and the end of a line. */
export function partsOf (bytes: Buffer): { text: Buffer, end: Buffer } {
  const length = bytes.at(-1) !== newline ? bytes.length : bytes.at(-2) === carriageReturn ? bytes.length - 2 : bytes.length - 1
  return { text: bytes.subarray(0, length), end: bytes.subarray(length) }
}

const carriageReturn = 0x0d
