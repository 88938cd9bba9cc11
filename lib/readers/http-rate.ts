import { isIPv6 } from 'node:net'

/** A bucket holds what is allowed in so many seconds: short bursts are no abuse. */
const burstSeconds = 10

/** Sources that are remembered. Those not seen for the longest time make room, and have a full bucket when they come back. */
const mostSources = 65_536

interface Bucket {
  tokens: number
  atMs: number
}

/** How many events a second one source may send, averaged over some seconds. 0: any number. */
export class Rates {
  readonly #perSecond: number
  /** Those seen since the last time that half of all were, and those seen before: finding the oldest single one would take longer. */
  #recent = new Map<string, Bucket>()
  #older = new Map<string, Bucket>()

  constructor (perSecond: number) {
    this.#perSecond = perSecond
  }

  get size (): number {
    return this.#recent.size + this.#older.size
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
    const bucket = this.#recent.get(source) ?? this.#remember(source, this.#older.get(source) ?? { tokens: most, atMs: nowMs })
    bucket.tokens = Math.min(most, bucket.tokens + (nowMs - bucket.atMs) / 1000 * this.#perSecond)
    bucket.atMs = nowMs
    return bucket
  }

  #remember (source: string, bucket: Bucket): Bucket {
    if (this.#recent.size >= mostSources / 2) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#older.delete(source)
    this.#recent.set(source, bucket)
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
