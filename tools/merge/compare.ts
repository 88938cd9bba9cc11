import { linesOfFile } from './held-lines.js'
import { noTime } from './identity.js'
import type { KeySorter } from './key-sorter.js'
import type { MergedRuns } from './merged-runs.js'
import type { HostTally, Span } from './tally.js'

/** What several hosts have of the same events. */
export interface Compared {
  /** Each once. */
  events: number
  /** Those that all hosts have. */
  inAll: number
  /** Lines of an event whose time is another than in its first line. */
  otherTimes: number
}

/** To be asked often by what goes on for long: what it returns must be waited for, so that others have their turn. Throws `StreamError` after a stop. */
export type Pause = () => Promise<void> | null

export interface Watched {
  readonly pause: Pause
  /** Told of each line, with its bytes. */
  readonly passed: (bytes: number) => void
}

/** Of the key of an event, on the disk. */
export const keyBytes = 48

/**
 * Goes through the keys of all events, by uuid and then in the order of their lines, and counts into `tallies` which host has what. Of an event with several times all but
 * that of its first line are added to `lost`: among lines that are sorted by time it is not seen that there is another.
 */
export async function compare (keys: MergedRuns, hostOfFile: readonly number[], tallies: readonly HostTally[], lost: KeySorter, { pause, passed }: Watched): Promise<Compared> {
  const compared: Compared = { events: 0, inAll: 0, otherTimes: 0 }
  const linesOf = new Float64Array(tallies.length)
  for (let { head } = keys; head !== null; head = keys.head) {
    const { k0: a, k1: b, k2: c, k4: timeMs } = head
    linesOf.fill(0)
    for (let next: typeof head | null = head; next !== null && next.k0 === a && next.k1 === b && next.k2 === c; next = keys.head) {
      const host = hostOfFile[Math.floor(next.k3 / linesOfFile)] as number
      linesOf[host] = (linesOf[host] as number) + 1
      if (next.k4 !== timeMs) {
        compared.otherTimes++
        lost.add(next.k4, a, b, c, 0)
      }
      passed(keyBytes)
      keys.advance()
      const pausing = pause()
      if (pausing !== null) await pausing
    }
    count(compared, linesOf, tallies, timeMs)
  }
  return compared
}

/** An event, of which each host has so many lines. */
function count (compared: Compared, linesOf: Float64Array, tallies: readonly HostTally[], timeMs: number): void {
  let holders = 0
  for (let host = 0; host < linesOf.length; host++) if (linesOf[host] !== 0) holders++
  compared.events++
  if (holders === tallies.length) compared.inAll++
  for (let host = 0; host < linesOf.length; host++) {
    const tally = tallies[host] as HostTally
    const lines = linesOf[host] as number
    if (lines === 0) {
      tally.missing++
      widen(tally.missingSpan, timeMs)
      continue
    }
    tally.events++
    tally.duplicates += lines - 1
    if (holders === 1 && tallies.length > 1) tally.only++
    widen(tally.span, timeMs)
  }
}

function widen (span: Span, timeMs: number): void {
  if (timeMs === noTime) return
  if (timeMs < span.firstMs) span.firstMs = timeMs
  if (timeMs > span.lastMs) span.lastMs = timeMs
}
