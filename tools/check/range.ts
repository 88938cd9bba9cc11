import { ConfigError } from '../../lib/errors.js'

/** When a figure is worth an alert, in the notation of the Monitoring Plugins guidelines. */
export interface Range {
  /** As it was written: it stands in the performance data. */
  readonly text: string
  isAlert (value: number): boolean
}

const shape = /^(@?)(?:(~|-?\d+(?:\.\d+)?)?(:))?(-?\d+(?:\.\d+)?)?$/

/**
 * `10`: outside 0 to 10; `10:`: below 10; `~:10`: above 10; `10:20`: outside; `@10:20`: inside, ends included
 * (https://www.monitoring-plugins.org/doc/guidelines.html#THRESHOLDFORMAT). Throws `ConfigError` that names the option.
 */
export function parseRange (option: string, text: string): Range {
  const [, at, first, colon, last] = shape.exec(text) ?? []
  const wrong = new ConfigError('bad-option', `${option} "${text}": give a range: 10 (alert outside 0 to 10), 10: (below 10), ~:10 (above 10), 10:20 (outside), @10:20 (inside)`)
  if (at === undefined || (last === undefined && (colon === undefined || first === undefined))) throw wrong
  const start = first === '~' ? -Infinity : Number(first ?? 0)
  const end = last === undefined ? Infinity : Number(last)
  if (start > end) throw wrong
  const isInside = at === '@'
  return { text, isAlert: value => (value >= start && value <= end) === isInside }
}
