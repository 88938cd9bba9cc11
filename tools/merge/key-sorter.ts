import type { Watched } from './compare.js'
import type { MergedRuns } from './merged-runs.js'
import { Runs } from './runs.js'
import { IndexSort } from './sort.js'

/** Sorts any number of records of five numbers. Memory: 48 bytes for each of those that are sorted at once. */
export class KeySorter {
  readonly #capacity: number
  readonly #columns: readonly [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]
  readonly #sort: IndexSort
  readonly #runs: Runs
  #count = 0

  constructor (directory: string, capacity: number, runsAtOnce: number) {
    const column = (): Float64Array => new Float64Array(capacity)
    this.#capacity = capacity
    this.#columns = [column(), column(), column(), column(), column()]
    this.#sort = new IndexSort(capacity)
    this.#runs = new Runs(directory, runsAtOnce)
  }

  add (k0: number, k1: number, k2: number, k3: number, k4: number): void {
    if (this.#count === this.#capacity) this.#write()
    const at = this.#count++
    const [c0, c1, c2, c3, c4] = this.#columns
    c0[at] = k0
    c1[at] = k1
    c2[at] = k2
    c3[at] = k3
    c4[at] = k4
  }

  /** Nothing may be added afterwards. To be called before what follows. */
  end (): void {
    this.#write()
  }

  /** As that of `Runs`. */
  get bytesToRewrite (): number {
    return this.#runs.bytesToRewrite
  }

  /** All of them in order. */
  async merged (watched: Watched): Promise<MergedRuns> {
    return await this.#runs.merged(watched)
  }

  close (): void {
    this.#runs.close()
  }

  #write (): void {
    const writer = this.#runs.begin()
    const [c0, c1, c2, c3, c4] = this.#columns
    for (const i of this.#sort.sorted(this.#columns, this.#count)) writer.add(c0[i] as number, c1[i] as number, c2[i] as number, c3[i] as number, c4[i] as number)
    writer.end()
    this.#count = 0
  }
}
