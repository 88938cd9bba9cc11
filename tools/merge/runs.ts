import type { Watched } from './compare.js'
import { MergedRuns } from './merged-runs.js'
import { TemporaryFile } from './temporary-file.js'

/** A record in a block of a run: five numbers by which it is sorted, and where its bytes end. */
const numbersOfRecord = 6
const mostRecords = 512
/** Of the bytes of a block's records; the last of these may be longer by as much as a record has. */
const payloadBytes = 32 << 10
/** No record has more. */
export const longestRecord = 16 << 10
/** How many records a block has, and how many bytes those have. */
const headerBytes = 16
const blockBytes = headerBytes + mostRecords * numbersOfRecord * 8 + payloadBytes + longestRecord

/** Sorted records, one after the other in a file. */
interface Run {
  readonly start: number
  readonly end: number
}

const nothing = Buffer.alloc(0)

/** Runs on the disk, to be merged when all are there. */
export class Runs {
  readonly #file: TemporaryFile
  readonly #mostAtOnce: number
  readonly #runs: Run[] = []

  /** So many are merged at once; a block of each, at most 73 KB, is in memory. */
  constructor (directory: string, mostAtOnce: number) {
    this.#file = new TemporaryFile(directory)
    this.#mostAtOnce = mostAtOnce
  }

  /** Begins a run; its records must come in order. `end` must be called before the next one is begun. */
  begin (): RunWriter {
    return new RunWriter(this.#file, run => { this.#runs.push(run) })
  }

  /** How many bytes, about, `merged` writes before it gives the first record: 0 unless there are many runs. */
  get bytesToRewrite (): number {
    const sizes = this.#runs.map(({ start, end }) => end - start)
    let bytes = 0
    while (sizes.length > this.#mostAtOnce) {
      const size = sizes.splice(0, this.#step(sizes.length)).reduce((sum, size) => sum + size, 0)
      sizes.push(size)
      bytes += size
    }
    return bytes
  }

  /** All records in order. Of many runs some are merged on the disk before. */
  async merged ({ pause, passed }: Watched): Promise<MergedRuns> {
    while (this.#runs.length > this.#mostAtOnce) {
      const some = this.#runs.splice(0, this.#step(this.#runs.length))
      const writer = this.begin()
      const merged = this.#merge(some)
      for (; merged.head !== null; merged.advance()) {
        const { k0, k1, k2, k3, k4, bytes, start, end } = merged.head
        writer.add(k0, k1, k2, k3, k4, bytes, start, end)
        passed(numbersOfRecord * 8 + end - start)
        const pausing = pause()
        if (pausing !== null) await pausing
      }
      writer.end()
    }
    return this.#merge(this.#runs)
  }

  close (): void {
    this.#file.close()
  }

  /** How many of so many runs become one, so that as little as possible is written again. */
  #step (runs: number): number {
    return Math.min(this.#mostAtOnce, runs - this.#mostAtOnce + 1)
  }

  #merge (runs: readonly Run[]): MergedRuns {
    return new MergedRuns(runs.map(({ start, end }) => new RunReader(this.#file, start, end)))
  }
}

export class RunWriter {
  readonly #file: TemporaryFile
  readonly #done: (run: Run) => void
  readonly #start: number
  readonly #header = new Float64Array(headerBytes / 8)
  readonly #numbers = new Float64Array(mostRecords * numbersOfRecord)
  readonly #payload = Buffer.allocUnsafeSlow(payloadBytes + longestRecord)
  #count = 0
  #end = 0

  constructor (file: TemporaryFile, done: (run: Run) => void) {
    this.#file = file
    this.#start = file.size
    this.#done = done
  }

  /** A record and its bytes, if it has any. */
  add (k0: number, k1: number, k2: number, k3: number, k4: number, bytes: Buffer = nothing, start = 0, end = 0): void {
    if (this.#count === mostRecords || this.#end >= payloadBytes) this.#writeBlock()
    if (end > start) this.#end += bytes.copy(this.#payload, this.#end, start, end)
    const numbers = this.#numbers
    const at = this.#count++ * numbersOfRecord
    numbers[at] = k0
    numbers[at + 1] = k1
    numbers[at + 2] = k2
    numbers[at + 3] = k3
    numbers[at + 4] = k4
    numbers[at + 5] = this.#end
  }

  end (): void {
    if (this.#count > 0) this.#writeBlock()
    if (this.#file.size > this.#start) this.#done({ start: this.#start, end: this.#file.size })
  }

  #writeBlock (): void {
    this.#header[0] = this.#count
    this.#header[1] = this.#end
    this.#file.append(bytesOf(this.#header))
    this.#file.append(bytesOf(this.#numbers.subarray(0, this.#count * numbersOfRecord)))
    this.#file.append(this.#payload.subarray(0, this.#end))
    this.#count = 0
    this.#end = 0
  }
}

/** The record of a run that is next. */
export class RunReader {
  k0 = 0
  k1 = 0
  k2 = 0
  k3 = 0
  k4 = 0
  /** Where its bytes are, until `next` is called. */
  readonly bytes: Buffer
  start = 0
  end = 0
  readonly #file: TemporaryFile
  readonly #end: number
  readonly #block = new ArrayBuffer(blockBytes)
  readonly #header = new Float64Array(this.#block, 0, headerBytes / 8)
  readonly #numbers = new Float64Array(this.#block, headerBytes, mostRecords * numbersOfRecord)
  #offset: number
  /** Of the block, in which records are left, and where the bytes of its records begin. */
  #at = 0
  #count = 0
  #payload = 0

  constructor (file: TemporaryFile, start: number, end: number) {
    this.#file = file
    this.#offset = start
    this.#end = end
    this.bytes = Buffer.from(this.#block)
  }

  /** Moves to the first, then to the next record; false if there is none. */
  next (): boolean {
    if (this.#at === this.#count && !this.#readBlock()) return false
    const numbers = this.#numbers
    const at = this.#at++ * numbersOfRecord
    this.k0 = numbers[at] as number
    this.k1 = numbers[at + 1] as number
    this.k2 = numbers[at + 2] as number
    this.k3 = numbers[at + 3] as number
    this.k4 = numbers[at + 4] as number
    this.start = this.end
    this.end = this.#payload + (numbers[at + 5] as number)
    return true
  }

  #readBlock (): boolean {
    if (this.#offset === this.#end) return false
    this.#file.read(bytesOf(this.#header), this.#offset)
    this.#count = this.#header[0] as number
    const numbersBytes = this.#count * numbersOfRecord * 8
    const rest = numbersBytes + (this.#header[1] as number)
    this.#file.read(new Uint8Array(this.#block, headerBytes, rest), this.#offset + headerBytes)
    this.#offset += headerBytes + rest
    this.#at = 0
    this.#payload = this.start = this.end = headerBytes + numbersBytes
    return true
  }
}

function bytesOf (numbers: Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
}
