import { setTimeout as sleep } from 'node:timers/promises'
import { imbalances, type Imbalance } from './balance.js'
import type { Books, Shelf } from './books.js'

/** The states are not read at the very same moment: what seems to be missing is looked at again, so often, after so many milliseconds. */
const looks = 3
const pauseMs = 1500

/** What is missing at every look, with the books of the last one. `open` is called for each. */
export async function missingAtEveryLook (open: () => Shelf, stop: AbortSignal): Promise<{ shelf: readonly Books[], found: Imbalance[] }> {
  for (let look = 1; ; look++) {
    const { books: shelf, close } = open()
    try {
      const found = imbalances(shelf)
      if (found.length === 0 || look === looks || stop.aborted) return { shelf, found }
    } finally {
      close()
    }
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => {})
  }
}
