import type { GraphiteClient, Series, Window } from '../../lib/graphite/client.js'
import { short } from '../check/result.js'

/** What is counted of each schema: the part of a metric's name behind it. */
export const kinds = { valid: '', invalid: '.invalid', inserted: '.inserted' } as const
export type Kind = keyof typeof kinds

/** Events a second of one schema. */
export interface Change {
  /** As metrics call it. */
  readonly schema: string
  readonly now: number
  /** At the same time last week; null if Graphite has nothing of then. */
  readonly before: number | null
}

export interface Changes {
  readonly kind: Kind
  /** The largest first. */
  readonly list: readonly Change[]
  /** Whether Graphite has anything of last week, of any schema. */
  readonly hasWeek: boolean
}

const weekMs = 7 * 86_400_000
/** Last week is averaged over at least so long: a few minutes of a rare schema are chance. */
const leastWeekMs = 3_600_000

/** The average rate of each schema in the last `windowMs`, and around the same time a week before. Throws `StreamError`. */
export async function changesOf (client: GraphiteClient, prefix: string, kind: Kind, windowMs: number, nowMs = Date.now()): Promise<Changes> {
  const target = `${prefix}.schema.*${kinds[kind]}.rate`
  const halfMs = Math.max(windowMs, leastWeekMs) / 2
  const [now, week] = await Promise.all([
    averages(client, target, around(nowMs - windowMs, nowMs)),
    averages(client, target, around(nowMs - weekMs - halfMs, nowMs - weekMs + halfMs))
  ])
  const at = prefix.split('.').length + 1
  const names = new Set([...now.keys(), ...week.keys()])
  const list = [...names].map(name => ({ schema: name.split('.')[at] ?? name, now: now.get(name) ?? 0, before: week.get(name) ?? null }))
  return { kind, list: list.sort((a, b) => size(b) - size(a)), hasWeek: week.size > 0 }
}

function around (fromMs: number, untilMs: number): Window {
  return { from: String(Math.floor(fromMs / 1000)), until: String(Math.ceil(untilMs / 1000)) }
}

async function averages (client: GraphiteClient, target: string, window: Window): Promise<Map<string, number>> {
  const series = await client.series([target], window)
  return new Map(series.flatMap(one => {
    const average = averageOf(one)
    return average === null ? [] : [[one.target, average] as const]
  }))
}

function averageOf ({ points }: Series): number | null {
  const values = points.flatMap(({ value }) => value ?? [])
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

function size ({ now, before }: Change): number {
  return Math.abs(now - (before ?? 0))
}

/** Of what a schema had, to be worth a line. */
const leastChange = 0.2
const leastRate = 0.001

/** Those that have grown or fallen by a fifth at least. */
export function notable ({ list }: Changes, most: number): readonly Change[] {
  return list.filter(change => size(change) >= leastRate && size(change) >= leastChange * Math.max(change.before ?? 0, leastRate)).slice(0, most)
}

/** Of all change in one direction, and of what the schema had before. */
const guiltyShare = 0.3
const guiltyFactor = 1.5

/** The schemas without which there would be nothing to tell: those that make a good part of the change, and have changed a lot themselves. */
export function guilty ({ list }: Changes, direction: 'up' | 'down'): string[] {
  const moved = list.map(change => ({ ...change, by: (change.now - (change.before ?? 0)) * (direction === 'up' ? 1 : -1) })).filter(({ by }) => by >= leastRate)
  const all = moved.reduce((sum, { by }) => sum + by, 0)
  return moved
    .filter(({ by, now, before }) => by >= all * guiltyShare && Math.max(now, before ?? 0) >= guiltyFactor * Math.min(now, before ?? 0))
    .map(({ schema }) => schema)
}

/** Of a subject: `12 times last week's`. */
export function inWords ({ now, before }: Change): string {
  if (before === null || before < leastRate) return 'new: last week there was nothing'
  if (now < leastRate) return `nothing, last week ${perSecond(before)}`
  const factor = now / before
  if (factor >= 2) return `${factor >= 10 ? Math.round(factor) : Number(factor.toPrecision(2))} times last week's`
  const percent = Math.round(Math.abs(factor - 1) * 100)
  return percent === 0 ? 'as last week' : `${percent} % ${factor > 1 ? 'more' : 'less'} than last week`
}

export function perSecond (rate: number): string {
  return `${short(rate)}/s`
}
