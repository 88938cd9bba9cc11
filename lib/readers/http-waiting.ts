import type { ServerResponse } from 'node:http'
import type { Answers } from './http-answers.js'

interface Waiting {
  readonly sinceMs: number
  /** Null when the client was told already that nothing is known. */
  response: ServerResponse | null
}

/** The responses of events that are not safe yet, in the order of the records. Nobody is kept waiting for longer than `mostMs`. */
export class WaitingResponses {
  readonly #answers: Answers
  readonly #mostMs: number
  #queued: Waiting[] = []
  #handedOver: Waiting[] = []

  constructor (answers: Answers, mostMs: number) {
    this.#answers = answers
    this.#mostMs = mostMs
  }

  /** How many events are not safe yet. */
  get count (): number {
    return this.#handedOver.length + this.#queued.length
  }

  /** How long the oldest of them has waited; 0 if there is none. */
  oldestMs (nowMs = performance.now()): number {
    const oldest = this.#handedOver[0] ?? this.#queued[0]
    return oldest === undefined ? 0 : nowMs - oldest.sinceMs
  }

  add (response: ServerResponse): void {
    this.#queued.push({ sinceMs: performance.now(), response })
  }

  /** The oldest events are with the consumer. */
  handOver (count: number): void {
    this.#handedOver = this.#queued.splice(0, count)
  }

  /** Those are safe. */
  confirm (): void {
    for (const { response } of this.#handedOver.splice(0)) if (response !== null) this.#answers.confirm(response)
  }

  /** Answers those who have waited too long; their events stay. */
  expire (nowMs = performance.now()): void {
    for (const waiting of [...this.#handedOver, ...this.#queued]) {
      if (nowMs - waiting.sinceMs < this.#mostMs) return
      this.#giveUpOn(waiting)
    }
  }

  /** Answers all: nobody will know more. */
  giveUp (): void {
    for (const waiting of [...this.#handedOver.splice(0), ...this.#queued.splice(0)]) this.#giveUpOn(waiting)
  }

  #giveUpOn (waiting: Waiting): void {
    if (waiting.response !== null) this.#answers.giveUpOn(waiting.response)
    waiting.response = null
  }
}
