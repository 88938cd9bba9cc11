import type { Context } from '../stream/contracts.js'
import type { Uri } from '../stream/uri.js'
import type { Security } from './curve.js'
import { ReplayConnection } from './dealer.js'
import { parseMessage, type Origin, type StatusRequest } from './journal-messages.js'

/** Between two questions, in milliseconds, unless told otherwise. */
const usualMs = 5000
const longestAnswer = 128 << 10

/** Where a subscriber is: what it has committed of which journal; null before it has heard of one. */
export type Whereabouts = () => { readonly origin: Origin, readonly committed: number } | null

/**
 * Asks the publisher now and then how far its subscriber is behind, on a connection of its own and by the clock: also while the
 * subscriber waits for its store and reads nothing. The answers are in `ctx.lags`; while there is none, the last one stays. With
 * the question the publisher is told again what is committed: it may have been killed before it had kept that, and it forgets
 * subscribers that are silent.
 */
export class LagProbe {
  readonly #as: string
  readonly #ctx: Context
  readonly #whereabouts: Whereabouts
  readonly #timer: NodeJS.Timeout
  readonly #connection: ReplayConnection
  #asking = false

  constructor (uri: Uri, { as, security, askMs = usualMs }: { readonly as: string, readonly security: Security, readonly askMs?: number }, ctx: Context, whereabouts: Whereabouts) {
    this.#as = as
    this.#connection = new ReplayConnection(uri, security, longestAnswer)
    this.#ctx = ctx
    this.#whereabouts = whereabouts
    this.#timer = setInterval(() => { void this.ask() }, askMs)
    this.#timer.unref()
  }

  /** Resolves when there is an answer, or none in time. */
  async ask (): Promise<void> {
    const where = this.#whereabouts()
    if (where === null || this.#asking) return
    this.#asking = true
    const { origin, committed } = where
    const request: StatusRequest = { as: this.#as, id: origin.id, status: committed }
    try {
      const socket = this.#connection.to(origin)
      await socket.send(JSON.stringify(request))
      const message = parseMessage(await socket.receive())
      if (message?.kind !== 'state' || message.origin.id !== origin.id || message.status === null) return
      const { bytes, most, time } = message.status
      const seconds = time === null ? 0 : Math.max(0, (Date.now() - time) / 1000)
      this.#ctx.lags.set(origin.journal, { records: Math.max(0, message.next - committed), seconds: Math.round(seconds), journalBytes: bytes, mostBytes: most })
    } catch {
      // the publisher is away: the subscription says so; an answer that comes late must not be taken for the next one
      this.#connection.close()
    } finally {
      this.#asking = false
    }
  }

  close (): void {
    clearInterval(this.#timer)
    this.#connection.close()
  }
}
