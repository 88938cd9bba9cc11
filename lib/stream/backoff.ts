import { setTimeout as sleep } from 'node:timers/promises'

export interface BackoffOptions {
  /** Milliseconds before the first retry. */
  readonly firstMs?: number
  /** No wait is longer than this. */
  readonly mostMs?: number
}

/** Waits that double up to a limit, each shortened by up to a half at random, so that daemons do not retry in step. */
export class Backoff {
  readonly #firstMs: number
  readonly #mostMs: number
  #attempts = 0

  constructor ({ firstMs = 200, mostMs = 15_000 }: BackoffOptions = {}) {
    this.#firstMs = firstMs
    this.#mostMs = mostMs
  }

  /** Retries since the last success. */
  get attempts (): number {
    return this.#attempts
  }

  reset (): void {
    this.#attempts = 0
  }

  /** The next wait in milliseconds. */
  next (): number {
    const full = Math.min(this.#firstMs * 2 ** Math.min(this.#attempts++, 30), this.#mostMs)
    return Math.round(full * (0.5 + Math.random() / 2))
  }

  /** Waits the next time. Returns false, at once, when `signal` is aborted. */
  async wait (signal: AbortSignal): Promise<boolean> {
    try {
      await sleep(this.next(), undefined, { signal })
      return true
    } catch {
      return false
    }
  }
}
