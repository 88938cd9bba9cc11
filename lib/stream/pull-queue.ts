import { batchLimits, batchOfBytes } from './batch.js'
import type { Batch } from './contracts.js'

const newline = 0x0a

/** Records are copied together into slabs of this size, so that a small record costs its bytes and no object. */
const slabBytes = 256 << 10

/** Consecutive records in one slab: a batch to be. */
interface Region {
  readonly slab: Buffer
  readonly start: number
  end: number
  count: number
}

export interface QueueLimits {
  readonly records: number
  readonly bytes: number
}

/**
 * Between a transport that pushes and a consumer that pulls. Holds no more than its limits and the one record that
 * crosses them; when it is `full` the transport has to refuse or drop. Batches grow when the consumer is slower.
 */
export class PullQueue {
  readonly #limits: QueueLimits
  readonly #regions: Region[] = []
  #slab = Buffer.alloc(0)
  #used = 0
  #records = 0
  #bytes = 0
  #ended = false
  #error: Error | null = null
  #wake: (() => void) | null = null

  constructor (limits: QueueLimits) {
    this.#limits = limits
  }

  /** True when nothing more may be pushed: at a limit, or after `end`. */
  get full (): boolean {
    return this.#ended || this.#records >= this.#limits.records || this.#bytes >= this.#limits.bytes
  }

  /** Copies `count` records, separated by `\n`, with none at the end. */
  push (records: Buffer, count = 1): void {
    const region = this.#place(records.length)
    this.#used += records.copy(this.#slab, this.#used)
    region.end = this.#used
    region.count += count
    this.#records += count
    this.#bytes += records.length
    this.#ring()
  }

  /** Resolves with the oldest records as soon as there are any; with null after `end`. One caller at a time. */
  async take (): Promise<Batch | null> {
    for (;;) {
      const region = this.#regions.shift()
      if (region !== undefined) return this.#give(region)
      if (this.#error !== null) throw this.#error
      if (this.#ended) return null
      await new Promise<void>(resolve => { this.#wake = resolve })
    }
  }

  /** Nothing more will come. What is held can still be taken; after it `take` throws `error`, if one is given. */
  end (error: Error | null = null): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#ring()
  }

  /** Where `length` bytes fit: at the end of the newest region, after a separator, or in a new one. */
  #place (length: number): Region {
    const newest = this.#regions.at(-1)
    if (newest !== undefined && newest.count < batchLimits.records && this.#used + 1 + length <= this.#slab.length) {
      this.#slab[this.#used++] = newline
      this.#bytes++
      return newest
    }
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, length))
      this.#used = 0
    }
    const region = { slab: this.#slab, start: this.#used, end: this.#used, count: 0 }
    this.#regions.push(region)
    return region
  }

  #give ({ slab, start, end, count }: Region): Batch | null {
    const bytes = slab.subarray(start, end)
    this.#records -= count
    this.#bytes -= bytes.length
    return batchOfBytes(bytes)
  }

  /** Wakes the consumer when the transport has delivered all that this turn of the event loop brought: one batch, not many. */
  #ring (): void {
    if (this.#wake === null) return
    setImmediate(this.#wake)
    this.#wake = null
  }
}
