import { dayMs } from './rules.js'
import type { Leftover, Work } from './store.js'
import type { Verdict } from './verdict.js'

/** Fields of a place that are told apart: their names come from strangers. */
const mostFields = 50
/** Schemas, likewise. */
const mostSchemas = 1000

interface Entry {
  readonly schema: string | null
  readonly action: 'delete' | 'strip'
  readonly fields: Set<string>
  rows: number
  bytes: number
  oldestMs: number
}

/** Adds up what has to go from a place. */
export class Tally {
  readonly #entries = new Map<string, Entry>()
  #kept = 0
  #untilMs = Infinity

  /** `bytes`: of the record, as it is. */
  add (verdict: Verdict, bytes: number): void {
    if (verdict.action === 'keep') {
      this.#kept++
      this.#untilMs = Math.min(this.#untilMs, verdict.untilMs)
      return
    }
    const { action, schema, atMs } = verdict
    const entry = this.#entry(action, schema)
    entry.rows++
    entry.bytes += bytes - (action === 'strip' ? verdict.bytes.length : 0)
    entry.oldestMs = Math.min(entry.oldestMs, atMs)
    if (action === 'delete') return
    this.#kept++
    for (const field of verdict.fields) if (entry.fields.size < mostFields) entry.fields.add(field)
  }

  #entry (action: Entry['action'], schema: string | null): Entry {
    const key = `${action} ${schema ?? ''}`
    let entry = this.#entries.get(key)
    if (entry === undefined && this.#entries.size >= mostSchemas && schema !== null) return this.#entry(action, null)
    if (entry === undefined) this.#entries.set(key, entry = { schema, action, fields: new Set(), rows: 0, bytes: 0, oldestMs: Infinity })
    return entry
  }

  /** Records that stay. */
  get kept (): number {
    return this.#kept
  }

  get isEmpty (): boolean {
    return this.#entries.size === 0
  }

  /** Until then nothing has to go of what stays now. */
  get untilMs (): number {
    return this.#untilMs
  }

  works (place: string): Work[] {
    return [...this.#entries.values()].map(({ schema, action, rows, bytes, fields }) => ({ place, schema, action, rows, bytes: Math.max(0, bytes), fields: [...fields].sort() }))
  }

  leftovers (place: string, nowMs: number): Leftover[] {
    return [...this.#entries.values()].map(({ schema, rows, fields, oldestMs }) => ({ place, schema, rows, oldestDays: Math.floor((nowMs - oldestMs) / dayMs), fields: [...fields].sort() }))
  }
}
