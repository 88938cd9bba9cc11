import type { Context } from '../stream/contracts.js'
import { Backoff } from '../stream/backoff.js'
import { waitingKey, type Waiting } from '../stream/waiting.js'
import { messageOf, StreamError } from '../errors.js'
import { classify } from './errors.js'

export interface PatienceOptions {
  /** The store, as the log names it; holds no password. */
  readonly store: string
  /** Rows that wait for the store. */
  readonly held: () => number
  /** No pause between two attempts is longer. */
  readonly mostPauseMs?: number
  /** How long the store is waited for after `ctx.stop`, in milliseconds. */
  readonly graceMs?: number
  /** Called when the grace is over, or at `end`: break off what still runs. */
  readonly onExpired?: () => void
}

/** Outlives a store that is away. */
export interface Patience {
  /**
   * Does `work` again and again until it succeeds, with growing pauses. Throws at once what waiting does not cure, and
   * `StreamError` (`stopped`) when the store was still away some time after `ctx.stop`.
   */
  persist<T> (work: () => Promise<T>): Promise<T>
  /** No more waiting: what still waits throws. */
  end (): void
}

/** Long enough for a restart of the database, short enough for the daemon's own deadline (20 s). */
const defaultGraceMs = 10_000

export function createPatience (ctx: Context, { store, held, mostPauseMs, graceMs = defaultGraceMs, onExpired }: PatienceOptions): Patience {
  const stopping = new AbortController()
  const expired = new AbortController()
  let timer: NodeJS.Timeout | undefined

  function end (): void {
    clearTimeout(timer)
    ctx.stop.removeEventListener('abort', startGrace)
    if (expired.signal.aborted) return
    expired.abort()
    stopping.abort()
    onExpired?.()
  }

  function startGrace (): void {
    timer = setTimeout(end, graceMs)
    stopping.abort()
  }

  if (ctx.stop.aborted) startGrace()
  else ctx.stop.addEventListener('abort', startGrace, { once: true })

  /** False when there is no time left. A stop ends the present pause, so that there is one more attempt right then. */
  async function pause (backoff: Backoff): Promise<boolean> {
    if (!stopping.signal.aborted) await backoff.wait(stopping.signal)
    else await new Backoff({ firstMs: 500 }).wait(expired.signal)
    return !expired.signal.aborted
  }

  return {
    end,
    async persist (work) {
      const backoff = new Backoff(mostPauseMs === undefined ? {} : { mostMs: mostPauseMs })
      const waiting = new WaitLog(ctx, store, held)
      for (;;) {
        if (expired.signal.aborted) throw new StreamError('stopped', `${store} was waited for in vain`)
        try {
          const result = await work()
          waiting.over()
          return result
        } catch (error) {
          const kind = classify(error)
          if (kind === 'bug' || kind === 'row') throw error
          waiting.goesOn(error, kind === 'operator')
          if (!await pause(backoff)) throw new StreamError('stopped', `${store} was waited for in vain: ${messageOf(error)}`, { cause: error })
        }
      }
    }
  }
}

/** Without options, which say nothing of where it is. */
export function shortOf (store: string): string {
  return store.replace(/\?.*$/s, '')
}

/** Says what is waited for, since when, how many records wait, and when there will be no room for more. */
class WaitLog {
  readonly #ctx: Context
  readonly #store: string
  readonly #held: () => number
  #since: number | null = null

  constructor (ctx: Context, store: string, held: () => number) {
    this.#ctx = ctx
    this.#store = store
    this.#held = held
  }

  goesOn (error: unknown, mustAct: boolean): void {
    this.#since ??= Date.now()
    const fields = { ...this.#fields(this.#since), since: new Date(this.#since).toISOString(), reason: messageOf(error) }
    this.#note({ sinceMs: this.#since, store: this.#store, reason: messageOf(error) })
    this.#ctx.waiting(shortOf(this.#store), messageOf(error))
    if (mustAct) this.#ctx.log.error('the store refuses; it is tried again until somebody has corrected that', fields)
    else this.#ctx.log.warn('waiting for the store', fields)
  }

  over (): void {
    if (this.#since === null) return
    this.#note(null)
    this.#ctx.waiting(shortOf(this.#store), null)
    this.#ctx.log.info('the store is back', this.#fields(this.#since))
  }

  #note (waiting: Waiting | null): void {
    try {
      this.#ctx.stateIfAny?.remark(waitingKey, JSON.stringify(waiting))
    } catch { /* the state cannot be opened, which whoever needs it says */ }
  }

  #fields (since: number): Record<string, unknown> {
    const { lags } = this.#ctx
    const { records, fullAt } = lags.summary()
    return {
      store: this.#store,
      seconds: Math.round((Date.now() - since) / 1000),
      rows: this.#held(),
      ...(lags.isKnown ? { queued: records } : {}),
      ...(fullAt === null ? {} : { journal_full_at: fullAt.toISOString() })
    }
  }
}
