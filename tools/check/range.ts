import { ConfigError } from '../../lib/errors.js'

/** When a figure is worth an alert, in the notation of the Monitoring Plugins guidelines. */
export interface Range {
  /** As it was written: it stands in the performance data. */
  readonly text: string
  /** Where the alert is: `above 10`, `below 2`, `outside 10:20`, `inside 10:20`. */
  readonly words: string
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
  return { text, words: inWords(isInside, start, end), isAlert: value => (value >= start && value <= end) === isInside }
}

/** `~:10`. */
export function above (limit: number): Range {
  return parseRange('limit', `~:${plain(limit)}`)
}

/** `10:`. */
export function below (limit: number): Range {
  return parseRange('limit', `${plain(limit)}:`)
}

/** Digits only: ranges have no exponents. */
function plain (limit: number): string {
  if (Number.isInteger(limit)) return String(BigInt(limit))
  return Math.abs(limit) >= 1e-6 ? String(limit) : limit.toFixed(20).replace(/\.?0+$/, '')
}

function inWords (isInside: boolean, start: number, end: number): string {
  if (start === -Infinity && end === Infinity) return isInside ? 'anything' : 'nothing'
  if (!isInside && start === -Infinity) return `above ${end}`
  if (!isInside && end === Infinity) return `below ${start}`
  if (isInside && start === -Infinity) return `${end} or below`
  if (isInside && end === Infinity) return `${start} or above`
  return `${isInside ? 'inside' : 'outside'} ${start}:${end}`
}
