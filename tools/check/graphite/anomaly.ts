import type { GraphiteClient, Series, Window } from '../../../lib/graphite/client.js'
import type { Finding } from '../findings.js'
import type { Range } from '../range.js'
import { short, stateOf } from '../result.js'
import { mean, measured } from './points.js'

interface AnomalyOptions {
  readonly warning: Range | undefined
  readonly critical: Range | undefined
  /** Averages that are both below it are not compared. */
  readonly minimum: number
}

const weekSeconds = 7 * 24 * 3600

/**
 * The change of the average of each series of `metric` against the same window a week before. One without data has neither figure nor
 * alert; one that has no data of a week before is new, which is said.
 */
export async function findChanges (metric: string, series: readonly Series[], client: GraphiteClient, options: AnomalyOptions): Promise<Finding[]> {
  const window = weekBefore(series)
  const before = window === null ? [] : await client.series([metric], window)
  const byName = new Map(before.map(one => [one.target, one]))
  return series.map(one => findChange(one, byName.get(one.target), options))
}

/** By the times of the points: what was asked for may be in words (`noon yesterday`). */
function weekBefore (series: readonly Series[]): Window | null {
  const times = series.flatMap(({ points }) => points.map(({ time }) => time))
  const [first, second] = times
  if (first === undefined) return null
  const [start, end] = times.reduce(([start, end], time) => [Math.min(start, time), Math.max(end, time)], [first, first])
  // from is left out by Graphite
  const step = second !== undefined && second > first ? second - first : 1
  return { from: String(start - step - weekSeconds), until: String(end - weekSeconds) }
}

function findChange (series: Series, before: Series | undefined, { warning, critical, minimum }: AnomalyOptions): Finding {
  const name = series.target
  const found = measured(series)
  if (found === null) return { name, state: 'ok', text: 'no data', weight: 0 }
  const figure = { label: name, unit: '%', warning, critical } as const
  const now = mean(found.values)
  const foundBefore = before === undefined ? null : measured(before)
  if (foundBefore === null) return { name, state: 'ok', text: `${short(now)}, new: no data of a week before`, weight: 0, figure: { ...figure, value: NaN } }
  const then = mean(foundBefore.values)
  const change = changeOf(now, then)
  const text = `${inWords(change)}, ${short(now)} against ${short(then)} a week before`
  if (Math.max(now, then) < minimum) return { name, state: 'ok', text: `${text}: too small to compare`, weight: 0, figure: { ...figure, value: change } }
  return { name, state: stateOf(change, warning, critical), text, weight: Math.abs(change), figure: { ...figure, value: change } }
}

/** In percent; infinite from nothing to something. */
function changeOf (now: number, then: number): number {
  if (now === then) return 0
  return then === 0 ? Math.sign(now) * Infinity : (now - then) / Math.abs(then) * 100
}

function inWords (change: number): string {
  if (change === 0) return 'unchanged'
  return Number.isFinite(change) ? `${change > 0 ? 'up' : 'down'} ${short(Math.abs(change))} %` : 'up from nothing'
}
