import type { Metrics } from '../metrics.js'

/** How far this instance is behind a journaled stream that it reads. */
export interface Lag {
  /** Published, and not committed here. */
  readonly records: number
  /** How long ago the oldest of them entered the pipeline; 0 if there is none. */
  readonly seconds: number
  /** Of the publisher's journal, and of what it holds at most. */
  readonly journalBytes: number
  readonly mostBytes: number
}

/** Publishers are asked every few seconds. */
const mostSamples = 100

/** Of all inputs together. */
export interface LagSummary {
  readonly records: number
  readonly seconds: number
  /** When the first of the journals will be full if it goes on growing as it has lately; null if none does. */
  readonly fullAt: Date | null
}

/** Growth is that of so long, in milliseconds, or a little more. */
const baseMs = 10_000

/** What each input is behind, as the publishers said last; sent as the gauges `lag` (records) and `lag_seconds`. */
export class Lags {
  readonly #metrics: Metrics
  /** As many as the daemon has inputs. */
  readonly #lags = new Map<string, { lag: Lag, growth: Growth }>()

  constructor (metrics: Metrics) {
    this.#metrics = metrics
  }

  set (stream: string, lag: Lag, nowMs = Date.now()): void {
    const growth = this.#lags.get(stream)?.growth ?? new Growth()
    growth.add(lag.journalBytes, nowMs)
    this.#lags.set(stream, { lag, growth })
    const { records, seconds } = this.summary(nowMs)
    this.#metrics.gauge('lag', records)
    this.#metrics.gauge('lag_seconds', seconds)
  }

  summary (nowMs = Date.now()): LagSummary {
    let [records, seconds, fullMs] = [0, 0, Infinity]
    for (const { lag, growth } of this.#lags.values()) {
      records += lag.records
      seconds = Math.max(seconds, lag.seconds)
      if (growth.bytesPerMs > 0) fullMs = Math.min(fullMs, nowMs + Math.max(0, lag.mostBytes - lag.journalBytes) / growth.bytesPerMs)
    }
    return { records, seconds, fullAt: Number.isFinite(fullMs) && fullMs < 8.64e15 ? new Date(fullMs) : null }
  }

  /** Whether any input has said how far it is behind. */
  get isKnown (): boolean {
    return this.#lags.size > 0
  }
}

/** How fast something grows, from what it was some time ago. */
class Growth {
  bytesPerMs = 0
  /** Oldest first, the first old enough if any is. */
  readonly #samples: Array<{ readonly bytes: number, readonly atMs: number }> = []

  add (bytes: number, atMs: number): void {
    this.#samples.push({ bytes, atMs })
    while (this.#samples.length > mostSamples || atMs - (this.#samples[1]?.atMs ?? atMs) >= baseMs) this.#samples.shift()
    const base = this.#samples[0] ?? { bytes, atMs }
    if (atMs - base.atMs >= baseMs) this.bytesPerMs = (bytes - base.bytes) / (atMs - base.atMs)
  }
}
