/** Rates are averages over this many samples. */
const window = 10

/** How fast counters grow, from samples taken about once a second. */
export class Rates {
  readonly #samples: Array<{ atMs: number, values: ReadonlyMap<string, number> }> = []

  sample (values: ReadonlyMap<string, number>, atMs: number): void {
    this.#samples.push({ atMs, values: new Map(values) })
    if (this.#samples.length > window + 1) this.#samples.shift()
  }

  /** Per second; 0 before the second sample. */
  of (name: string): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.atMs === first.atMs) return 0
    return ((last.values.get(name) ?? 0) - (first.values.get(name) ?? 0)) * 1000 / (last.atMs - first.atMs)
  }
}
