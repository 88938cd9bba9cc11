/** Those who wait for something to change. */
export class Bell {
  readonly #waiters = new Set<() => void>()

  /** Resolves after `ms`, or when it rings. */
  async wait (ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiters.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#waiters.add(done)
    })
  }

  ring (): void {
    for (const done of [...this.#waiters]) done()
  }
}
