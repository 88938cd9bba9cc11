/** Loads that are under way with a lease, and whether any more may begin. */
export class Loads {
  readonly #onEnded: () => void
  #running = 0
  /** Since when somebody else is to have the lease. */
  #yieldsSinceMs: number | null = null

  /** `onEnded`: the last one is over, of a member that is to let go. */
  constructor (onEnded: () => void) {
    this.#onEnded = onEnded
  }

  get yields (): boolean {
    return this.#yieldsSinceMs !== null
  }

  get isRunning (): boolean {
    return this.#running > 0
  }

  /** The load that has to end before the lease is let go does not. */
  hangs (seconds: number): boolean {
    return this.#yieldsSinceMs !== null && this.isRunning && performance.now() - this.#yieldsSinceMs > seconds * 1000
  }

  yield (): void {
    this.#yieldsSinceMs ??= performance.now()
  }

  /** False if they go on as it is. */
  goOn (): boolean {
    const yielded = this.yields
    this.#yieldsSinceMs = null
    return yielded
  }

  async run<T> (work: () => Promise<T>): Promise<T> {
    this.#running++
    try {
      return await work()
    } finally {
      this.#running--
      if (this.yields && !this.isRunning) this.#onEnded()
    }
  }
}
