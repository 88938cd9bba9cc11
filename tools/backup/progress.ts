import type { Log } from '../../lib/log.js'
import { createProgress } from '../text.js'

const sayMs = 10_000

/** A line on the terminal for whoever watches; for others one of the log now and then. */
export function startProgress (log: Log): { show (what: string): void, end (): void } {
  const line = createProgress()
  let doing = ''
  const timer = setInterval(() => { log.info('progress', { doing }) }, sayMs)
  timer.unref()
  return {
    show (what) {
      doing = what
      line.show(what)
    },
    end () {
      clearInterval(timer)
      line.end()
    }
  }
}
