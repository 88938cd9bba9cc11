/** What is said of one thing is worth saying again after so many milliseconds. */
const againMs = 600_000
/** Things that are remembered; with one more all are forgotten. */
const mostThings = 1000

/** True for what it was not asked about for a while: for messages that strangers can cause. */
export function createSeldom (): (what: string) => boolean {
  const saidAt = new Map<string, number>()
  return what => {
    const now = performance.now()
    if (now - (saidAt.get(what) ?? -Infinity) < againMs) return false
    if (saidAt.size >= mostThings) saidAt.clear()
    saidAt.set(what, now)
    return true
  }
}
