import type { Counts } from '../../lib/counts/read.js'
import { unknownSchema } from '../../lib/event/composition.js'
import { metricName } from '../../lib/event/tally.js'
import { dayMs, dayOf, hourMs, type Day } from './day.js'
import type { Difference } from './differences.js'
import type { Store } from './inserted.js'

/** A figure of the day, and of the days with which it is compared; null where nothing is known. */
export interface Trend {
  readonly count: number | null
  readonly dayBefore: number | null
  readonly weekBefore: number | null
}

export interface SchemaLine {
  /** As metrics call it; `unknown` for all that are known to nobody. */
  readonly schema: string
  readonly valid: Trend
  readonly invalid: Trend
  /** Rows, in the order of the report's `stores`. */
  readonly inserted: readonly Trend[]
}

export interface Report {
  /** `2014-05-21`, in UTC. */
  readonly day: string
  readonly isOver: boolean
  /** What is not known, or not whole. */
  readonly notes: readonly string[]
  /** SQL stores in which events are inserted. */
  readonly stores: readonly string[]
  /** Lines before any processor; null in an owner's report. */
  readonly raw: Trend | null
  readonly total: Omit<SchemaLine, 'schema'>
  /** Most events first. */
  readonly schemas: readonly SchemaLine[]
  /** Schemas with events on this day and none before, as far back as is looked; null if nothing is known of the time before. */
  readonly newSchemas: readonly string[] | null
  /** Schemas without an event on this day that had one before, or are in the registry. `last`: the day of the last event that is known. */
  readonly silentSchemas: ReadonlyArray<{ readonly schema: string, readonly last: string | null }> | null
  /** Null if there are no books of that day. */
  readonly differences: readonly Difference[] | null
}

/** Where the figures come from. */
export interface Sources {
  /** Null if no monitor keeps counts here. */
  readonly counts: Counts | null
  /** States of monitors that cannot be read, with the reason. */
  readonly unreadable?: readonly string[]
  storesOf (day: Day): readonly Store[]
  readonly differences: readonly Difference[] | null
  /** Schemas of the registry. */
  readonly registered: readonly string[]
  readonly nowMs: number
}

/** So far back it is looked whether a schema is new. */
const historyDays = 30
/** A row of this table of SQL stores is an event error. */
const eventErrors = 'EventError'

/** What is known of one day. */
interface DayFigures {
  readonly raw: number | null
  readonly schemas: ReadonlyMap<string, { readonly valid: number, readonly invalid: number }> | null
  /** By store; null if there were no books of it. */
  readonly inserted: ReadonlyMap<string, ReadonlyMap<string, number> | null>
  /** Hours in which something was counted. */
  readonly hours: ReadonlySet<number>
}

export function reportOf (sources: Sources, day: Day): Report {
  const [now, before, week] = [0, 1, 7].map(days => figuresOf(sources, dayOf(day.fromMs, days))) as [DayFigures, DayFigures, DayFigures]
  const stores = sources.storesOf(day).map(({ name }) => name)
  const past = pastOf(sources.counts, day)
  const seen = new Set([now, before, week].flatMap(({ schemas, inserted }) => [...schemas?.keys() ?? [], ...[...inserted.values()].flatMap(rows => [...rows?.keys() ?? []])]))
  const trend = (pick: (figures: DayFigures) => number | null): Trend => ({ count: pick(now), dayBefore: pick(before), weekBefore: pick(week) })
  const lines = [...seen].filter(schema => schema !== eventErrors).map((schema): SchemaLine => ({
    schema,
    valid: trend(({ schemas }) => schemas === null ? null : schemas.get(schema)?.valid ?? 0),
    invalid: trend(({ schemas }) => schemas === null ? null : schemas.get(schema)?.invalid ?? 0),
    inserted: stores.map(store => trend(({ inserted }) => rowsOf(inserted.get(store), schema)))
  }))
  const schemas = lines.sort((a, b) => eventsIn(b) - eventsIn(a) || a.schema.localeCompare(b.schema))
  return {
    day: day.name,
    isOver: day.toMs <= sources.nowMs,
    notes: notesOf(sources, day, now, before),
    stores,
    raw: trend(({ raw }) => raw),
    total: totalOf(schemas, stores.length),
    schemas,
    newSchemas: now.schemas === null || past === null ? null : [...now.schemas.keys()].filter(schema => !past.has(schema)).sort(),
    silentSchemas: now.schemas === null ? null : silentIn(now.schemas, past ?? new Map(), sources.registered),
    differences: sources.differences
  }
}

/** The same of some schemas only. */
export function reportAbout (report: Report, schemaNames: ReadonlySet<string>): Report {
  const names = new Set([...schemaNames].map(metricName))
  const schemas = report.schemas.filter(({ schema }) => names.has(schema))
  return {
    ...report,
    raw: null,
    total: totalOf(schemas, report.stores.length),
    schemas,
    newSchemas: report.newSchemas?.filter(schema => names.has(schema)) ?? null,
    silentSchemas: report.silentSchemas?.filter(({ schema }) => names.has(schema)) ?? null,
    differences: report.differences?.filter(({ schema }) => names.has(metricName(schema.replace(/^EventError:/, '')))) ?? null
  }
}

/** Added up; null where nothing is known of any. */
export function totalOf (lines: readonly SchemaLine[], stores: number): Report['total'] {
  const add = (trends: readonly Trend[]): Trend => ({ count: sum(trends.map(one => one.count)), dayBefore: sum(trends.map(one => one.dayBefore)), weekBefore: sum(trends.map(one => one.weekBefore)) })
  return {
    valid: add(lines.map(({ valid }) => valid)),
    invalid: add(lines.map(({ invalid }) => invalid)),
    inserted: Array.from({ length: stores }, (_, at) => add(lines.flatMap(({ inserted }) => inserted[at] ?? [])))
  }
}

function sum (numbers: ReadonlyArray<number | null>): number | null {
  const known = numbers.filter(number => number !== null)
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0)
}

function figuresOf ({ counts, storesOf }: Sources, day: Day): DayFigures {
  const found = counts?.bySchema(day.fromMs, day.toMs) ?? []
  const lines = counts?.raw(day.fromMs, day.toMs) ?? []
  const isKnown = found.length + lines.length > 0
  const schemas = new Map<string, { valid: number, invalid: number }>()
  for (const { schema, valid, invalid } of found) {
    const there = schemas.get(schema) ?? { valid: 0, invalid: 0 }
    schemas.set(schema, { valid: there.valid + valid, invalid: there.invalid + invalid })
  }
  return {
    raw: isKnown ? lines.reduce((total, { raw }) => total + raw, 0) : null,
    schemas: isKnown ? schemas : null,
    inserted: new Map(storesOf(day).map(({ name, beganMs, inserted }) => [name, beganMs < day.toMs ? inMetrics(inserted) : null])),
    hours: new Set([...found, ...lines].map(({ timeMs }) => Math.floor((timeMs - day.fromMs) / hourMs)))
  }
}

/** The ledger has the names as they are. */
function inMetrics (rows: ReadonlyMap<string, number>): Map<string, number> {
  const renamed = new Map<string, number>()
  for (const [schema, count] of rows) renamed.set(metricName(schema), (renamed.get(metricName(schema)) ?? 0) + count)
  return renamed
}

function rowsOf (rows: ReadonlyMap<string, number> | null | undefined, schema: string): number | null {
  return rows === null || rows === undefined ? null : rows.get(schema) ?? 0
}

function eventsIn ({ valid, invalid, inserted }: SchemaLine): number {
  return (valid.count ?? inserted[0]?.count ?? 0) + (invalid.count ?? 0)
}

/** Schemas of the days before, with the time of the last count of each; null if nothing was counted. */
function pastOf (counts: Counts | null, day: Day): ReadonlyMap<string, number> | null {
  const from = day.fromMs - historyDays * dayMs
  const found = counts?.bySchema(from, day.fromMs) ?? []
  if (found.length === 0) return null
  const last = new Map<string, number>()
  for (const { schema, timeMs } of found) last.set(schema, Math.max(timeMs, last.get(schema) ?? 0))
  return last
}

function silentIn (seen: ReadonlyMap<string, unknown>, past: ReadonlyMap<string, number>, registered: readonly string[]): Array<{ schema: string, last: string | null }> {
  const names = [...new Set([...past.keys(), ...registered.map(metricName)])].filter(schema => !seen.has(schema) && schema !== unknownSchema).sort()
  return names.map(schema => ({ schema, last: past.has(schema) ? dayOf(past.get(schema) ?? 0).name : null }))
}

function notesOf ({ counts, unreadable = [], nowMs, storesOf }: Sources, day: Day, now: DayFigures, before: DayFigures): string[] {
  const notes: string[] = []
  const hours = Math.ceil((Math.min(nowMs, day.toMs) - day.fromMs) / hourMs)
  if (day.toMs > nowMs) notes.push(`the day is not over: it is compared with whole days, at ${new Date(nowMs).toISOString().slice(11, 16)} UTC`)
  for (const why of unreadable) notes.push(`counts of a monitor cannot be read: ${why}`)
  if (counts === null) notes.push(unreadable.length > 0 ? 'valid and invalid are not known' : 'valid and invalid are not known: no monitor keeps counts on this host')
  else if (now.schemas === null) notes.push(`nothing was counted on this day: ${beginningOf(counts, day)}`)
  else if (now.hours.size < hours) notes.push(`in ${hours - now.hours.size} of ${hours} hours nothing was counted: no monitor ran, or nothing came`)
  if (before.schemas !== null && now.schemas !== null && before.hours.size < now.hours.size) notes.push(`of the day before, ${before.hours.size} of 24 hours were counted`)
  for (const { name, beganMs } of storesOf(day)) {
    if (beganMs > day.fromMs) notes.push(`the books of ${name} begin at ${new Date(beganMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`)
  }
  return notes
}

function beginningOf (counts: Counts, day: Day): string {
  const times = [...counts.raw(0, Number.MAX_SAFE_INTEGER), ...counts.bySchema(0, Number.MAX_SAFE_INTEGER)].map(({ timeMs }) => timeMs)
  const first = times.reduce((least, timeMs) => Math.min(least, timeMs), Infinity)
  if (first === Infinity) return 'the monitor has counted nothing yet'
  return first >= day.toMs ? `the records begin on ${dayOf(first).name}` : 'no monitor ran, or nothing came'
}
