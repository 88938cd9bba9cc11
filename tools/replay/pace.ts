import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from '../../lib/stream/contracts.js'
import type { Journal } from '../../lib/stream/journal.js'

/** Records that a journal may be ahead of its slowest subscriber: far below what its bytes are bounded to. */
const mostAhead = 50_000
const lookMs = 100
/** How often is said what is waited for, in milliseconds. */
const sayMs = 5000

/** No more than `rate` records a second, evenly; 0 for no limit. Resolves at once after `stop`. */
export function createPace (rate: number, stop: AbortSignal): (count: number) => Promise<void> {
  let dueMs = 0
  return async count => {
    if (rate === 0) return
    const nowMs = performance.now()
    dueMs = Math.max(dueMs, nowMs)
    const waitMs = dueMs - nowMs
    dueMs += count / rate * 1000
    if (waitMs > 1) await sleep(waitMs, undefined, { signal: stop }).catch(() => {})
  }
}

/** What the subscribers of journals have not committed yet. */
export interface Backlog {
  /** Waits while the slowest subscriber is too far behind, or there is none and the journal has as much as it should hold. */
  room (): Promise<void>
  /** Waits until every journal has a subscriber, and all its known ones have committed everything. False if stopped before. */
  empty (): Promise<boolean>
  /** What is waited for, for people; null if nothing. */
  readonly waitsFor: string | null
}

/** What a subscriber lacks; or, if there is none, what there is for one. */
interface Lag {
  readonly journal: Journal
  readonly subscriber: string | null
  readonly records: number
}

function lagsOf (journal: Journal): Lag[] {
  const known: Lag[] = [...journal.committedBy()].map(([subscriber, next]) => ({ journal, subscriber, records: Math.max(0, journal.next - next) }))
  return known.length > 0 || journal.next === 0 ? known : [{ journal, subscriber: null, records: journal.next - journal.oldest }]
}

export function backlogOf (journals: readonly Journal[], ctx: Context): Backlog {
  const lags = (): Lag[] => journals.flatMap(lagsOf)
  let waitsFor: string | null = null

  async function until (isDone: () => boolean): Promise<boolean> {
    let sayAtMs = performance.now() + sayMs
    while (!isDone()) {
      const lagging = lags().filter(({ subscriber, records }) => subscriber === null || records > 0)
      waitsFor = lagging.map(({ journal, subscriber, records }) => subscriber === null ? `a subscriber of ${journal.name}` : `${subscriber} (${records} records)`).join(', ')
      if (performance.now() >= sayAtMs) {
        sayAtMs += sayMs
        if (lagging.some(({ subscriber }) => subscriber === null)) ctx.log.warn('nobody has subscribed to what is replayed; waiting', { wanted: 'a forwarder with --input <address of --output>?as=NAME' })
        else ctx.log.info('waiting for subscribers', { subscribers: Object.fromEntries(lagging.map(({ subscriber, records }) => [subscriber, records])) })
      }
      await sleep(lookMs, undefined, { signal: ctx.stop }).catch(() => {})
      if (ctx.stop.aborted) return isDone()
    }
    waitsFor = null
    return true
  }

  return {
    room: async () => { await until(() => lags().every(({ records }) => records < mostAhead)) },
    empty: async () => await until(() => lags().every(({ subscriber, records }) => subscriber !== null && records === 0)),
    get waitsFor () { return waitsFor }
  }
}
