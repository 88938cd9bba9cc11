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
  /** Whether it was told to stop: the last pulse of a run that nobody need ask about. */
  readonly asked: boolean
}

/** One of the last starts. */
export interface Start {
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** Whether the run before had been told to stop. If not, it was killed, or had failed. Null if there was none. */
  readonly asked: boolean | null
}

/** What was logged at `error` last. */
export interface LastError {
  readonly atMs: number
  readonly message: string
}

export const pulseKey = 'pulse'
export const lastErrorKey = 'last-error'
export const startsKey = 'starts'

/** Of the starts are kept. */
const mostStarts = 100

/** Between two pulses, in milliseconds. */
export const pulseMs = 5000

export interface Pulsing {
  /** Noted with the next pulse: errors can be many. */
  note (error: LastError): void
  /** After a last pulse. */
  end (): void
}

/** Where there is no state nothing is noted. */
export const nowhere: Pick<State, 'remark' | 'remarked'> = { remark: () => {}, remarked: () => null }

/** Notes a pulse now and then, and tells it to `show`, from now on until its `end`. A disk that is full is no reason to end. */
export function startPulse (state: Pick<State, 'remark' | 'remarked'>, { metrics, lags, stop }: Pick<Context, 'metrics' | 'lags' | 'stop'>, show: (pulse: Pulse) => void): Pulsing {
  const startedMs = Math.round(Date.now() - process.uptime() * 1000)
  noteStart(state, startedMs)
  let before = { atMs: Date.now(), count: metrics.count(taken) }

  let lastError: LastError | null = null

  function beat (asked = false): void {
    const now = { atMs: Date.now(), count: metrics.count(taken) }
    const rate = (now.count - before.count) / Math.max(1, now.atMs - before.atMs) * 1000
    before = now
    const { records, seconds } = lags.summary()
    const pulse: Pulse = { atMs: now.atMs, startedMs, pid: process.pid, rate, memoryBytes: process.memoryUsage.rss(), lag: lags.isKnown ? { records, seconds } : null, asked }
    show(pulse)
    state.remark(pulseKey, JSON.stringify(pulse))
    if (lastError !== null) state.remark(lastErrorKey, JSON.stringify(lastError))
    lastError = null
  }

  const timer = setInterval(() => { beat() }, pulseMs)
  timer.unref()
  beat()
  return {
    note (error) { lastError = error },
    end () {
      clearInterval(timer)
      beat(stop.aborted)
    }
  }
}

function noteStart (state: Pick<State, 'remark' | 'remarked'>, atMs: number): void {
  const before = parsed<Pulse>(state.remarked(pulseKey))
  const starts = parsed<Start[]>(state.remarked(startsKey)) ?? []
  const start: Start = { atMs, asked: before === null ? null : before.asked }
  state.remark(startsKey, JSON.stringify([...starts, start].slice(-mostStarts)))
}

/** What cannot be understood is as good as none: it is for people. */
function parsed<T> (text: string | null): T | null {
  try {
    return text === null ? null : JSON.parse(text) as T
  } catch {
    return null
  }
}
