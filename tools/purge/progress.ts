import type { Log } from '../../lib/log.js'
import type { PurgeStore, Rules, Work } from '../../lib/purge/store.js'
import { showProgress } from '../replay/progress.js'

const sayMs = 10_000

export interface PurgeProgress {
  add (work: Work): void
  end (): void
}

/** A bar for whoever watches, which costs a look at everything before; for others a line of the log now and then. */
export async function startProgress (stores: readonly PurgeStore[], rules: Rules, stop: AbortSignal, log: Log): Promise<PurgeProgress> {
  const tally = { read: 0 }
  let place = ''
  const end = process.stderr.isTTY
    ? showProgress({ what: 'purge', total: await rowsPlanned(stores, rules, stop), tally, waitsFor: () => null, terminal: process.stderr, log })
    : sayNowAndThen(() => { log.info('progress', { rows: tally.read, place }) })
  return {
    add ({ rows, place: at }) {
      tally.read += rows
      place = at
    },
    end
  }
}

/** What cannot be planned is said when it is tried. */
async function rowsPlanned (stores: readonly PurgeStore[], rules: Rules, stop: AbortSignal): Promise<number> {
  let rows = 0
  for (const store of stores) {
    try {
      for await (const work of store.plan(rules)) {
        rows += work.rows
        if (stop.aborted) return rows
      }
    } catch { /* it is tried again at once */ }
  }
  return rows
}

function sayNowAndThen (say: () => void): () => void {
  const timer = setInterval(say, sayMs)
  timer.unref()
  return () => { clearInterval(timer) }
}
