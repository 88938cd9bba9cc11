import { isIPv6 } from 'node:net'

/** A bucket holds what is allowed in so many seconds: short bursts are no abuse. */
const burstSeconds = 10

/** Addresses that are remembered; the one not seen for the longest time makes room, and has a full bucket when it comes back. */
const mostSources = 65_536

interface Bucket {
  tokens: number
  atMs: number
}

/** How many events a second one source may send, averaged over some seconds. 0: any number. */
export class Rates {
  readonly #perSecond: number
  /** In the order in which they were seen last. */
  readonly #buckets = new Map<string, Bucket>()

  constructor (perSecond: number) {
    this.#perSecond = perSecond
  }

  get size (): number {
    return this.#buckets.size
  }

  /** Whether the source may send another one; takes it into account. */
  allows (source: string, nowMs = performance.now()): boolean {
    if (this.#perSecond === 0) return true
    const bucket = this.#refilled(source, nowMs)
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  #refilled (source: string, nowMs: number): Bucket {
    const most = Math.max(1, this.#perSecond * burstSeconds)
    const bucket = this.#buckets.get(source) ?? { tokens: most, atMs: nowMs }
    bucket.tokens = Math.min(most, bucket.tokens + (nowMs - bucket.atMs) / 1000 * this.#perSecond)
    bucket.atMs = nowMs
    this.#buckets.delete(source)
    this.#buckets.set(source, bucket)
    if (this.#buckets.size > mostSources) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    return bucket
  }
}

/** Who has an address: of IPv6 the first 64 bits, as one host may take any of the others. */
export function sourceOf (address: string): string {
  if (!isIPv6(address)) return address
  const [before = '', after] = address.toLowerCase().replace(/%.*$/, '').split('::')
  const head = groupsOf(before)
  const tail = groupsOf(after ?? '')
  const groups = after === undefined ? head : [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail]
  return groups.slice(0, 4).map(group => parseInt(group, 16).toString(16)).join(':')
}

/** The last 32 bits may be written as an IPv4 address, and count as two groups. */
function groupsOf (text: string): string[] {
  return text === '' ? [] : text.split(':').flatMap(group => group.includes('.') ? ['0', '0'] : [group])
}
