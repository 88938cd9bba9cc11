import type { Context } from '../stream/contracts.js'
import { taken } from '../stream/drive.js'
import type { State } from '../stream/state.js'

/** What a daemon notes about itself in its state, for `vanadium status`. */
export interface Pulse {
  /** Milliseconds since 1970. */
  readonly atMs: number
  readonly startedMs: number
  readonly pid: number
  /** Records a second since the last pulse. */
  readonly rate: number
  /** Resident memory. */
  readonly memoryBytes: number
  /** As publishers say, which may be on other hosts; null if there is no journaled input, or none has answered. */
  readonly lag: { readonly records: number, readonly seconds: number } | null
}

/** What was logged at `error` last. */
export interface LastError {
  readonly atMs: number
  readonly message: string
}

export const pulseKey = 'pulse'
export const lastErrorKey = 'last-error'

/** Between two pulses, in milliseconds. */
export const pulseMs = 5000

export interface Pulsing {
  /** Noted with the next pulse: errors can be many. */
  note (error: LastError): void
  /** After a last pulse. */
  end (): void
}

/** Notes a pulse now and then, from now on until its `end`. A disk that is full is no reason to end. */
export function startPulse (state: State, { metrics, lags }: Pick<Context, 'metrics' | 'lags'>): Pulsing {
  const startedMs = Math.round(Date.now() - process.uptime() * 1000)
  let before = { atMs: Date.now(), count: metrics.count(taken) }

  let lastError: LastError | null = null

  function beat (): void {
    const now = { atMs: Date.now(), count: metrics.count(taken) }
    const rate = (now.count - before.count) / Math.max(1, now.atMs - before.atMs) * 1000
    before = now
    const { records, seconds } = lags.summary()
    const pulse: Pulse = { atMs: now.atMs, startedMs, pid: process.pid, rate, memoryBytes: process.memoryUsage.rss(), lag: lags.isKnown ? { records, seconds } : null }
    state.remark(pulseKey, JSON.stringify(pulse))
    if (lastError !== null) state.remark(lastErrorKey, JSON.stringify(lastError))
    lastError = null
  }

  const timer = setInterval(beat, pulseMs)
  timer.unref()
  beat()
  return {
    note (error) { lastError = error },
    end () {
      clearInterval(timer)
      beat()
    }
  }
}
