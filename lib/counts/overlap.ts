import { hourMs } from './tables.js'

/** What a monitor has counted of a stream in a minute or an hour. */
export interface Spanned {
  readonly spanMs: number
  readonly timeMs: number
  readonly stream: string
}

/**
 * The rows of all monitors; of a time and a stream that several have, those of the monitor that has most. Two that read the same
 * streams, or the same one under its old name and its new one, are not added up. By hour where one has only hours.
 */
export function largest<R extends Spanned> (monitors: ReadonlyArray<readonly R[]>, sizeOf: (row: R) => number): R[] {
  if (monitors.length <= 1) return [...monitors[0] ?? []]
  const hours = new Set<string>()
  for (const row of monitors.flat()) if (row.spanMs === hourMs) hours.add(hourKey(row))
  const slotOf = (row: R): string => {
    const hour = hourKey(row)
    return hours.has(hour) ? hour : `${row.timeMs} ${row.stream} minute`
  }
  const winners = new Map<string, { monitor: number, size: number }>()
  for (const [monitor, rows] of monitors.entries()) {
    const sizes = new Map<string, number>()
    for (const row of rows) sizes.set(slotOf(row), (sizes.get(slotOf(row)) ?? 0) + sizeOf(row))
    for (const [slot, size] of sizes) if (size > (winners.get(slot)?.size ?? -1)) winners.set(slot, { monitor, size })
  }
  return monitors.flatMap((rows, monitor) => rows.filter(row => winners.get(slotOf(row))?.monitor === monitor))
}

function hourKey ({ timeMs, stream }: Spanned): string {
  return `${hourOf(timeMs)} ${stream}`
}

function hourOf (timeMs: number): number {
  return Math.floor(timeMs / hourMs) * hourMs
}

/** In which streams a monitor has seen a schema fail in an hour, and how often. */
export interface FailingStream {
  readonly hourMs: number
  readonly schema: string
  readonly stream: string
  readonly invalid: number
}

/**
 * Whose failures of an hour and a schema count. Failures do not tell their stream, so a monitor's count if it has a stream that none
 * before has, the one with most being first.
 */
export function failuresThatCount (monitors: ReadonlyArray<readonly FailingStream[]>): (monitor: number, timeMs: number, schema: string) => boolean {
  if (monitors.length <= 1) return () => true
  const bySlot = new Map<string, Array<{ monitor: number, invalid: number, streams: string[] }>>()
  for (const [monitor, rows] of monitors.entries()) {
    for (const { hourMs, schema, stream, invalid } of rows) {
      const slot = `${hourMs} ${schema}`
      const there = bySlot.get(slot) ?? []
      bySlot.set(slot, there)
      const own = there.find(one => one.monitor === monitor)
      if (own === undefined) {
        there.push({ monitor, invalid, streams: [stream] })
      } else {
        own.invalid += invalid
        own.streams.push(stream)
      }
    }
  }
  const counting = new Set<string>()
  for (const [slot, found] of bySlot) {
    const covered = new Set<string>()
    for (const { monitor, streams } of found.sort((a, b) => b.invalid - a.invalid)) {
      if (streams.some(stream => !covered.has(stream))) counting.add(`${monitor} ${slot}`)
      for (const stream of streams) covered.add(stream)
    }
  }
  return (monitor, timeMs, schema) => counting.has(`${monitor} ${hourOf(timeMs)} ${schema}`)
}
