import type { RunReader } from './runs.js'

/** The records of several runs in order. */
export class MergedRuns {
  /** A binary heap: none is before the one at half its place. */
  readonly #heap: RunReader[]

  constructor (readers: readonly RunReader[]) {
    this.#heap = readers.filter(reader => reader.next())
    for (let at = this.#heap.length >> 1; at >= 0; at--) this.#sink(at)
  }

  /** The next record; null if there is none. */
  get head (): RunReader | null {
    return this.#heap[0] ?? null
  }

  advance (): void {
    const [head] = this.#heap
    if (head === undefined) return
    if (!head.next()) {
      const last = this.#heap.pop()
      if (last === undefined || last === head) return
      this.#heap[0] = last
    }
    this.#sink(0)
  }

  #sink (from: number): void {
    const heap = this.#heap
    const reader = heap[from]
    if (reader === undefined) return
    let at = from
    for (;;) {
      let child = 2 * at + 1
      const [left, right] = [heap[child], heap[child + 1]]
      if (left === undefined) break
      let least = left
      if (right !== undefined && isBefore(right, left)) {
        least = right
        child++
      }
      if (!isBefore(least, reader)) break
      heap[at] = least
      at = child
    }
    heap[at] = reader
  }
}

function isBefore (a: RunReader, b: RunReader): boolean {
  if (a.k0 !== b.k0) return a.k0 < b.k0
  if (a.k1 !== b.k1) return a.k1 < b.k1
  if (a.k2 !== b.k2) return a.k2 < b.k2
  if (a.k3 !== b.k3) return a.k3 < b.k3
  return a.k4 < b.k4
}
