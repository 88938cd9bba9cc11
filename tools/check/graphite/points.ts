import type { Point, Series } from '../../../lib/graphite/client.js'
import { short, stateOf, type State } from '../result.js'
import type { Range } from '../range.js'

/** What was measured. */
export interface Measured {
  /** Oldest first, at least one. */
  readonly values: readonly number[]
  readonly last: number
}

/** At the end so many points, or this share of them, may not have reached Graphite yet. */
const mostLate = 2
const shareLate = 0.1

/** Null if there is nothing, or if most points lack: then what is there says nothing. */
export function measured ({ points }: Series): Measured | null {
  const { length } = points
  let end = length
  while (end > 0 && length - end < Math.max(mostLate, length * shareLate) && isNull(points[end - 1])) end--
  const values = points.slice(0, end).map(({ value }) => value).filter(value => value !== null)
  const last = values.at(-1)
  return last === undefined || values.length < end / 2 ? null : { values, last }
}

function isNull (point: Point | undefined): boolean {
  return point?.value === null
}

export function mean (values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** For how many points there is an alert. */
export interface Judgement {
  readonly state: State
  /** Of the range that the state follows from; null if all is well. */
  readonly range: Range | null
  readonly beyond: number
  /** The latest of them, or the last value. */
  readonly value: number
}

/** An alert when at least `percent` of the points are in its range. What is worth an alarm is worth a warning. */
export function judge ({ values, last }: Measured, warning: Range | undefined, critical: Range | undefined, percent: number): Judgement {
  const isEnough = (found: readonly number[]): boolean => found.length > 0 && found.length >= values.length * percent / 100
  const alarming = values.filter(value => stateOf(value, warning, critical) === 'critical')
  if (critical !== undefined && isEnough(alarming)) return { state: 'critical', range: critical, beyond: alarming.length, value: alarming.at(-1) ?? last }
  const worrying = values.filter(value => stateOf(value, warning, critical) !== 'ok')
  if (warning !== undefined && isEnough(worrying)) return { state: 'warning', range: warning, beyond: worrying.length, value: worrying.at(-1) ?? last }
  return { state: 'ok', range: null, beyond: 0, value: last }
}

/** `412, 13 of 14 points above 350`. */
export function inWords ({ range, beyond, value }: Judgement, { values }: Measured, unit = ''): string {
  const points = `${values.length} point${values.length === 1 ? '' : 's'}`
  return range === null ? `${short(value)}${unit}, ${points}` : `${short(value)}${unit}, ${beyond} of ${points} ${range.words}`
}
