import type { WriteStream } from 'node:tty'
import type { Log } from '../../lib/log.js'
import { number } from './report.js'
import type { ReplayTally } from './tally.js'

/** How often the bar is drawn, and how often a log says the same, in milliseconds. */
const drawMs = 200
const sayMs = 10_000
const barWidth = 30
const eraseToEnd = '\x1b[K'

export interface ProgressOptions {
  readonly what: string
  /** May grow. */
  readonly total: number
  readonly tally: Pick<ReplayTally, 'read'>
  /** What is waited for; null if nothing is. */
  readonly waitsFor: () => string | null
  /** Null for a log instead of a bar. */
  readonly terminal: WriteStream | null
  readonly log: Log
}

/** A bar on the terminal, or else a line of the log now and then. Returns what ends it. */
export function showProgress (options: ProgressOptions): () => void {
  const { what, tally, waitsFor, terminal, log } = options
  const startMs = performance.now()

  function state (): { percent: number, perSecond: number, secondsLeft: number } {
    const seconds = Math.max(0.001, (performance.now() - startMs) / 1000)
    const perSecond = tally.read / seconds
    const percent = options.total === 0 ? 100 : Math.min(100, Math.floor(tally.read / options.total * 100))
    return { percent, perSecond: Math.round(perSecond), secondsLeft: perSecond === 0 ? 0 : Math.ceil(Math.max(0, options.total - tally.read) / perSecond) }
  }

  function draw (): void {
    const { percent, perSecond, secondsLeft } = state()
    const full = Math.floor(percent / 100 * barWidth)
    const waiting = waitsFor()
    const end = waiting === null ? `${number(perSecond)}/s, ${secondsLeft} s left` : `waiting for ${waiting}`
    const line = `${what} [${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${percent} % of ${number(options.total)}, ${end}`
    terminal?.write(`\r${line.slice(0, terminal.columns - 1)}${eraseToEnd}`)
  }

  function say (): void {
    const { percent, perSecond, secondsLeft } = state()
    log.info('progress', { what, percent, read: tally.read, of: options.total, per_second: perSecond, seconds_left: secondsLeft })
  }

  const timer = setInterval(terminal === null ? say : draw, terminal === null ? sayMs : drawMs)
  timer.unref()
  if (terminal !== null) draw()
  return () => {
    clearInterval(timer)
    if (terminal === null) return
    draw()
    terminal.write('\n')
  }
}
