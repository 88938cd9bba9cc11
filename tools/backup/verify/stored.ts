import type { LedgerEntry } from '../../../lib/stream/ledger.js'
import { hourMs } from './finding.js'

/** Events by schema, then by hour, in milliseconds since 1970. */
export type EventsByHour = ReadonlyMap<string, ReadonlyMap<number, number>>

/** The books of an instance, as far as they say what was stored. */
export interface StoreBooks {
  /** `consumer` stores; what a `replay` has sent is of another time than that at which it came. */
  readonly daemon: string
  readonly entries: readonly LedgerEntry[]
}

/** Fewer events are there than were stored. */
export interface Deficit {
  readonly schema: string
  readonly hourMs: number
  readonly stored: number
  /** Of these, that are nowhere. */
  readonly missing: number
}

/** What consumers stored, by the hour in which it came. `isStore`: whether an output is what is compared. */
export function storedIn (shelf: readonly StoreBooks[], isStore: (stream: string) => boolean): EventsByHour {
  const sums = new Map<string, Map<number, number>>()
  for (const { daemon, entries } of shelf) {
    if (daemon === 'consumer' && !isBackFill(entries)) for (const entry of entries) if (entry.side === 'output' && entry.fate === 'passed' && isStore(entry.stream)) add(sums, entry, entry.count)
  }
  for (const { daemon, entries } of shelf) {
    if (daemon === 'replay') for (const entry of entries) if (entry.side === 'output' && entry.fate === 'passed') add(sums, entry, -entry.count)
  }
  return sums
}

/** What is read from a file may be of any time. */
function isBackFill (entries: readonly LedgerEntry[]): boolean {
  return entries.some(({ side, stream }) => side === 'input' && /^(?:file|stdin):/.test(stream))
}

/** Event errors have one table. */
function add (sums: Map<string, Map<number, number>>, { schema, minute }: LedgerEntry, count: number): void {
  const name = schema.replace(/:.*/s, '')
  const hours = sums.get(name) ?? new Map<number, number>()
  const hour = Math.floor(minute / hourMs) * hourMs
  sums.set(name, hours.set(hour, (hours.get(hour) ?? 0) + count))
}

/**
 * Where more was stored than is there. Books count an event in the hour in which it came, tables in that in which it happened: so what came in
 * one hour may be in the next (a clock is ahead) or in any before it (it came late), as far as there is more than came then. What is said to be
 * missing is missing; what is missing is not always seen, if others write to the same tables.
 */
export function deficitsOf (stored: EventsByHour, held: EventsByHour): Deficit[] {
  return [...stored].flatMap(([schema, came]) => deficitsOfSchema(schema, came, held.get(schema) ?? new Map<number, number>()))
}

function deficitsOfSchema (schema: string, came: ReadonlyMap<number, number>, held: ReadonlyMap<number, number>): Deficit[] {
  const first = Math.min(...came.keys()) - hourMs
  const hours = [...new Set([...came.keys(), ...held.keys()])].filter(hour => hour >= first).sort((a, b) => a - b)
  const spare = new Map(hours.map(hour => [hour, Math.max(0, (held.get(hour) ?? 0) - (came.get(hour) ?? 0))]))
  return hours.flatMap(hour => {
    const count = came.get(hour) ?? 0
    let missing = Math.max(0, count - (held.get(hour) ?? 0))
    // the nearest first
    for (const other of [hour + hourMs, ...hours.filter(one => one < hour).reverse()]) {
      const taken = Math.min(missing, spare.get(other) ?? 0)
      if (taken > 0) spare.set(other, (spare.get(other) ?? 0) - taken)
      missing -= taken
      if (missing === 0) break
    }
    return missing === 0 ? [] : [{ schema, hourMs: hour, stored: count, missing }]
  })
}
