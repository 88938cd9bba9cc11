import { setTimeout as sleep } from 'node:timers/promises'

export interface PaceOptions {
  /** Rows of the first batch. */
  readonly firstRows?: number
  /** A batch is to take this long, in milliseconds: whoever waits for its rows waits no longer. */
  readonly targetMs?: number
}

/** More would make statements that some servers plan otherwise: MariaDB's in_predicate_conversion_threshold is 1000. */
const mostRows = 999
const fewestRows = 10

/** How many rows go into a batch, and how long others have the database to themselves after it. */
export class Pace {
  readonly #targetMs: number
  #rows: number

  constructor ({ firstRows = 200, targetMs = 100 }: PaceOptions = {}) {
    this.#rows = Math.max(fewestRows, Math.min(firstRows, mostRows))
    this.#targetMs = targetMs
  }

  get rows (): number {
    return this.#rows
  }

  /** After a batch of so many rows that took so long: rests half as long again. */
  async rest (rows: number, elapsedMs: number, stop: AbortSignal): Promise<void> {
    if (rows > 0) {
      const wanted = Math.round(rows * this.#targetMs / Math.max(elapsedMs, 1))
      // grows slowly, so that a batch that happened to be light does not make the next one too long
      this.#rows = Math.max(fewestRows, Math.min(wanted, Math.round(this.#rows * 1.5), mostRows))
    }
    if (elapsedMs > 0) await sleep(Math.min(elapsedMs / 2, mostRestMs), undefined, { signal: stop }).catch(() => {})
  }

  /** Somebody waited, or we did: the next batch is half of that. */
  shrink (): void {
    this.#rows = Math.max(fewestRows, this.#rows >> 1)
  }
}

const mostRestMs = 2000
