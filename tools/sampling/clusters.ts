/** Events that are kept or dropped together. */
export interface Cluster {
  /** For how many such clusters it stands, as a part of what came was dropped already. */
  readonly arrivals: number
  /** Sum of what its events stand for. */
  total: number
  /** The same of those events that have a value, by the value's number. */
  readonly values: Map<number, number>
}

/** Clusters that are in memory at most: a thousandth of error is no matter here. */
const mostClusters = 50_000

/**
 * Clusters by the place of their token. When there are too many, those at higher places are let go, and the rest stands for all: it
 * is a sample, made as any other.
 */
export class Clusters {
  readonly #most: number
  #clusters = new Map<number, Cluster>()
  #below = 1

  constructor (most = mostClusters) {
    this.#most = most
  }

  /** `values` are the numbers of the values that the event has. */
  add (place: number, arrivals: number, amount: number, values: readonly number[]): void {
    if (place >= this.#below) return
    let cluster = this.#clusters.get(place)
    if (cluster === undefined) {
      this.#clusters.set(place, cluster = { arrivals, total: 0, values: new Map() })
      if (this.#clusters.size > this.#most) this.#letGo()
    }
    cluster.total += amount
    for (const value of values) cluster.values.set(value, (cluster.values.get(value) ?? 0) + amount)
  }

  /** Over all clusters that came. */
  sum (of: (cluster: Cluster) => number): number {
    let sum = 0
    for (const cluster of this.#clusters.values()) sum += cluster.arrivals * of(cluster)
    return sum / this.#below
  }

  /** How many came, and of how many the events are kept by a rate: those that are, unless only some clusters are known. */
  count (rate: number): { all: number, kept: number } {
    const all = this.sum(() => 1)
    if (this.#below < 1) return { all, kept: all * rate }
    let kept = 0
    for (const [place, { arrivals }] of this.#clusters) kept += arrivals === 1 ? Number(place < rate) : arrivals * rate
    return { all, kept }
  }

  #letGo (): void {
    while (this.#clusters.size > this.#most) {
      this.#below /= 2
      this.#clusters = new Map([...this.#clusters].filter(([place]) => place < this.#below))
    }
  }
}
