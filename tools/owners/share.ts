import type { Counts, SchemaCount } from '../../lib/counts/read.js'
import { unknownSchema } from '../../lib/event/composition.js'
import type { Limits } from '../../lib/registry/entry.js'

/** How bad it is: from which of the registry's limits on. */
export type Level = 'warning' | 'critical'

/** What is seen of a schema of which events have just come. */
export interface Observation {
  readonly schema: string
  readonly invalid: number
  /** Events, valid or not; of the schema `unknown` those of all schemas. */
  readonly events: number
  /** In so many milliseconds before now. */
  readonly windowMs: number
  readonly level: Level | null
  /** So far below the limit that it may be over. */
  readonly isCalm: boolean
  /** Since when the share is above the limit, as far as a day back. */
  readonly sinceMs: number
}

const minuteMs = 60_000
/** The shortest of these that has enough events is looked at, so that one bad event of two is no alarm, and a rare schema is judged at all. */
const windowsMs = [15, 60, 180, 1440].map(minutes => minutes * minuteMs) as [number, ...number[]]
const [recentMs] = windowsMs
const longestMs = Math.max(...windowsMs)
const enoughEvents = 20
/** In the longest of them. */
const leastEvents = 5
/** Of the limit of a warning: where it begins to be over is below where it began. */
const calmShare = 0.8

/** Of all schemas that had an event in the last quarter of an hour, and enough of them: of a silent one nothing can be told. */
export function observe (counts: Counts, limitsOf: (schema: string) => Limits | undefined, nowMs: number): Observation[] {
  const rows = counts.bySchema(nowMs - longestMs, nowMs + minuteMs)
  const all = countsByTime(rows)
  return [...grouped(rows, ({ schema }) => schema)].flatMap(([schema, own]) => {
    const limits = limitsOf(schema)
    const byTime = countsByTime(own)
    // whatever is unknown is never valid, so it is compared with everything
    const events = schema === unknownSchema ? withEventsOf(byTime, all) : byTime
    const found = limits === undefined ? null : judgeShare(events, limits, nowMs)
    return found === null ? [] : [{ schema, ...found }]
  })
}

interface Point { readonly timeMs: number, readonly events: number, readonly invalid: number }

function countsByTime (rows: readonly SchemaCount[]): Point[] {
  const points = new Map<number, { timeMs: number, events: number, invalid: number }>()
  for (const { timeMs, valid, invalid } of rows) {
    const there = points.get(timeMs) ?? { timeMs, events: 0, invalid: 0 }
    points.set(timeMs, { timeMs, events: there.events + valid + invalid, invalid: there.invalid + invalid })
  }
  return [...points.values()].sort((a, b) => a.timeMs - b.timeMs)
}

function withEventsOf (own: readonly Point[], all: readonly Point[]): Point[] {
  const invalid = new Map(own.map(point => [point.timeMs, point.invalid]))
  return all.map(({ timeMs, events }) => ({ timeMs, events, invalid: invalid.get(timeMs) ?? 0 }))
}

function judgeShare (points: readonly Point[], { warning, critical }: Limits, nowMs: number): Omit<Observation, 'schema'> | null {
  const within = (windowMs: number): Point => addUp(points.filter(({ timeMs }) => timeMs > nowMs - windowMs))
  const windowMs = windowsMs.find(windowMs => within(windowMs).events >= enoughEvents) ?? longestMs
  const { events, invalid } = within(windowMs)
  if (events < leastEvents || within(recentMs).events === 0) return null
  const share = invalid / events
  const level = invalid === 0 || share < warning ? null : share >= critical ? 'critical' : 'warning'
  return { events, invalid, windowMs, level, isCalm: invalid === 0 || share < warning * calmShare, sinceMs: beginning(points, windowMs, warning, nowMs) }
}

/**
 * When the share was not above the limit for the last time. Windows are gone back over, those without events passed over; then, as the
 * beginning may be in the middle of one, times one by one.
 */
function beginning (points: readonly Point[], windowMs: number, limit: number, nowMs: number): number {
  const isAbove = ({ events, invalid }: Point): boolean => invalid > 0 && invalid / events >= limit
  const windows = [...grouped(points, ({ timeMs }) => Math.floor((nowMs - timeMs) / windowMs))].sort(([a], [b]) => a - b).map(([, window]) => window)
  const good = windows.findIndex(window => !isAbove(addUp(window)))
  const bad = windows.slice(0, good === -1 ? undefined : good).flat().sort((a, b) => a.timeMs - b.timeMs)
  let sinceMs = bad.find(({ invalid }) => invalid > 0)?.timeMs ?? nowMs
  for (const point of points.filter(({ timeMs }) => timeMs < sinceMs).reverse()) {
    if (!isAbove(point)) break
    sinceMs = point.timeMs
  }
  return sinceMs
}

/** With the time of the first. */
function addUp (points: readonly Point[]): Point {
  return points.reduce((sum, { events, invalid }) => ({ ...sum, events: sum.events + events, invalid: sum.invalid + invalid }), { timeMs: points[0]?.timeMs ?? 0, events: 0, invalid: 0 })
}

function grouped<T, K> (items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
