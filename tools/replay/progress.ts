import type { WriteStream } from 'node:tty'
import type { Log } from '../../lib/log.js'
import { bytesText } from '../text.js'
import { number } from './report.js'
import type { ReplayTally } from './tally.js'

/** How often the bar is drawn, and how often a log says the same, in milliseconds. */
const drawMs = 200
const defaultSayMs = 10_000
const barWidth = 30
const eraseToEnd = '\x1b[K'

export interface ProgressOptions {
  readonly what: string
  /** May grow. */
  readonly total: number
  readonly tally: Pick<ReplayTally, 'read'>
  /** Lines so far, where what is counted in `tally` are bytes. */
  readonly lines?: () => number
  /** What is counted in `tally` are bytes. */
  readonly isOfBytes?: boolean
  /** What is waited for; null if nothing is. */
  readonly waitsFor: () => string | null
  /** Null for a log instead of a bar. */
  readonly terminal: WriteStream | null
  readonly log: Log
  /** How often a log is told. */
  readonly sayMs?: number
}

/** A bar on the terminal, or else a line of the log now and then. Returns what ends it. */
export function showProgress (options: ProgressOptions): () => void {
  const { what, tally, lines, isOfBytes = false, waitsFor, terminal, log, sayMs = defaultSayMs } = options
  const text = isOfBytes ? bytesText : number
  const startMs = performance.now()

  function state (): { percent: number, perSecond: number, secondsLeft: number } {
    const seconds = Math.max(0.001, (performance.now() - startMs) / 1000)
    const { total } = options
    const percent = total === 0 ? 100 : Math.min(100, Math.floor(tally.read / total * 100))
    const secondsLeft = tally.read === 0 ? 0 : Math.ceil(Math.max(0, total - tally.read) / tally.read * seconds)
    return { percent, perSecond: Math.round((lines?.() ?? tally.read) / seconds), secondsLeft }
  }

  function draw (): void {
    const { percent, perSecond, secondsLeft } = state()
    const full = Math.floor(percent / 100 * barWidth)
    const waiting = waitsFor()
    const of = lines === undefined ? text(options.total) : `${bytesText(options.total)} (${bytesText(tally.read)})`
    const end = waiting === null ? `${text(perSecond)}${lines === undefined ? '' : ' lines'}/s, ${secondsLeft} s left` : `waiting for ${waiting}`
    const line = `${what} [${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${percent} % of ${of}, ${end}`
    terminal?.write(`\r${line.slice(0, terminal.columns - 1)}${eraseToEnd}`)
  }

  function say (): void {
    const { percent, perSecond, secondsLeft } = state()
    const counts = lines === undefined ? { read: tally.read, of: options.total } : { bytes: tally.read, of: options.total, lines: lines() }
    log.info('progress', { what, percent, ...counts, per_second: perSecond, seconds_left: secondsLeft })
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
