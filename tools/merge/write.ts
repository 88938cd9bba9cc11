import type { Watched } from './compare.js'
import type { Differences } from './differences.js'
import { linesOfFile, referenceBytes } from './held-lines.js'
import { hasUuid } from './identity.js'
import type { MergedRuns } from './merged-runs.js'
import type { Sink } from './output.js'
import { longestRecord, type RunReader } from './runs.js'
import type { TemporaryFile } from './temporary-file.js'

const newline = 0x0a
/** Written at once. */
const outBytes = 1 << 20

export interface WriteParts extends Watched {
  /** By time and uuid. */
  readonly lines: MergedRuns
  /** Times and uuids of events that are kept with another time, in the same order. */
  readonly lost: MergedRuns
  /** What lines refer to. */
  readonly aside: TemporaryFile
  readonly hostOfFile: readonly number[]
  readonly hosts: number
  /** Of which host only what it lacks is written; its lines are the first of each event. Null: everything is. */
  readonly lacking: number | null
  readonly differences: Differences
  readonly sink: Sink
}

/**
 * Writes each event once, by its first line. Of what has no uuid and is byte for byte the same, as many as the host has that has most: nobody knows whether
 * these are one or several. Returns how many lines were written.
 */
export async function writeLines (parts: WriteParts): Promise<number> {
  const { lines, pause } = parts
  const writer = new LineWriter(parts)
  for (let { head } = lines; head !== null; head = lines.head) {
    if (writer.isFull) await writer.flush()
    if (!hasUuid(head.k1)) {
      await writer.others(head)
      continue
    }
    const kept = writer.isLost(head) || writer.isHad(head) ? null : isReference(head) ? await writer.putLong(head) : writer.put(head)
    writer.begin(head)
    do {
      const pausing = pause()
      if (pausing !== null) await pausing
    } while (writer.next(kept))
  }
  await writer.flush()
  return writer.written
}

class LineWriter {
  written = 0
  readonly #parts: WriteParts
  readonly #out = Buffer.allocUnsafeSlow(outBytes)
  #used = 0
  #k0 = 0
  #k1 = 0
  #k2 = 0
  #k3 = 0

  constructor (parts: WriteParts) {
    this.#parts = parts
  }

  /** There may be no room for another line. */
  get isFull (): boolean {
    return outBytes - this.#used < longestRecord + 1
  }

  async flush (): Promise<void> {
    if (this.#used > 0) await this.#parts.sink.write(this.#out.subarray(0, this.#used))
    this.#used = 0
  }

  /** Whether the event is kept with another time. To be asked in the order of the lines. */
  isLost ({ k0, k1, k2, k3 }: RunReader): boolean {
    const { lost } = this.#parts
    for (let { head } = lost; head !== null; head = lost.head) {
      const order = head.k0 - k0 || head.k1 - k1 || head.k2 - k2 || head.k3 - k3
      if (order >= 0) return order === 0
      lost.advance()
    }
    return false
  }

  /** Whether the line is of the host of which only what it lacks is written. */
  isHad (line: RunReader): boolean {
    return this.#hostOf(line) === this.#parts.lacking
  }

  #hostOf ({ k4 }: RunReader): number {
    return this.#parts.hostOfFile[Math.floor(k4 / linesOfFile)] as number
  }

  /** The lines that follow have this time and uuid, or are byte for byte the same. */
  begin ({ k0, k1, k2, k3 }: RunReader): void {
    this.#k0 = k0
    this.#k1 = k1
    this.#k2 = k2
    this.#k3 = k3
  }

  /** Passes a line of the event; false if that was the last one. The next one is compared to the one that was kept, unless that has another time. */
  next (kept: Buffer | null): boolean {
    const { head } = this.#parts.lines
    if (head !== null) this.#advance(head)
    const next = this.#same()
    if (next === null || kept === null) return next !== null
    const other = isReference(next) ? this.#long(next) : next.bytes.subarray(next.start, next.end)
    if (!kept.equals(other)) this.#parts.differences.note(kept, other)
    return true
  }

  /** All lines that are byte for byte the same. */
  async others (first: RunReader): Promise<void> {
    const linesOf = new Float64Array(this.#parts.hosts)
    let most = 0
    this.begin(first)
    for (let next = this.#same(); next !== null; next = this.#same()) {
      const pausing = this.#parts.pause()
      if (pausing !== null) await pausing
      const host = this.#hostOf(next)
      const lines = linesOf[host] = (linesOf[host] as number) + 1
      if (lines > most) {
        most = lines
        if (!this.isHad(next)) await this.#putOther(next)
      }
      this.#advance(next)
    }
  }

  async #putOther (line: RunReader): Promise<void> {
    if (this.isFull) await this.flush()
    if (isReference(line)) await this.#putPieces(line)
    else this.put(line)
  }

  /** Where there must be room. Returns the line as it is until the next `flush`. */
  put ({ bytes, start, end }: RunReader): Buffer {
    const from = this.#used
    this.#used += bytes.copy(this.#out, from, start, end)
    const line = this.#out.subarray(from, this.#used)
    this.#out[this.#used++] = newline
    this.written++
    return line
  }

  async putLong (reference: RunReader): Promise<Buffer> {
    const line = this.#long(reference)
    await this.flush()
    await this.#parts.sink.write(line)
    this.#out[this.#used++] = newline
    this.written++
    return line
  }

  async #putPieces (reference: RunReader): Promise<void> {
    const { offset, length } = placeOf(reference)
    for (let done = 0; done < length;) {
      await this.flush()
      this.#used = Math.min(length - done, outBytes - 1)
      this.#parts.aside.read(this.#out.subarray(0, this.#used), offset + done)
      done += this.#used
    }
    this.#out[this.#used++] = newline
    this.written++
  }

  /** Of an event, which has so few bytes that it was looked into. */
  #long (reference: RunReader): Buffer {
    const { offset, length } = placeOf(reference)
    const line = Buffer.allocUnsafeSlow(length)
    this.#parts.aside.read(line, offset)
    return line
  }

  #same (): RunReader | null {
    const { head } = this.#parts.lines
    return head !== null && head.k3 === this.#k3 && head.k2 === this.#k2 && head.k1 === this.#k1 && head.k0 === this.#k0 ? head : null
  }

  #advance (head: RunReader): void {
    this.#parts.passed(isReference(head) ? placeOf(head).length + 1 : head.end - head.start + 1)
    this.#parts.lines.advance()
  }
}

function isReference ({ bytes, start, end }: RunReader): boolean {
  return end - start === referenceBytes && bytes[start] === newline
}

function placeOf ({ bytes, start }: RunReader): { offset: number, length: number } {
  return { offset: bytes.readDoubleLE(start + 8), length: bytes.readDoubleLE(start + 16) }
}
