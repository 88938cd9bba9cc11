import type { Capsule } from '../../lib/event/capsule.js'
import { parsed, schemaAtFault } from '../../lib/event/composition.js'
import { isEventError } from '../../lib/event/event-error.js'
import { identifyEvent } from '../../lib/event/identity.js'

/** What passed by of one schema. Rates are per second. */
export interface SchemaRow {
  readonly name: string
  /** Over the last interval, minute and five minutes, or since the start where that is less. */
  readonly now: number
  readonly minute: number
  readonly fiveMinutes: number
  readonly valid: number
  readonly invalid: number
  /** Over the last minute. */
  readonly bytes: number
  readonly lastMs: number
}

/** Names that have a row of their own: they come from the network. */
const mostNames = 200
/** Whatever comes under other names; lines that nobody has parsed; event errors about schemas that nobody knows. */
export const others = { more: '(others)', raw: '(raw lines)', unknown: '(unknown)' } as const

/** Seconds that are remembered, and the one that is not over yet. */
const slots = 301

class Counter {
  valid = 0
  invalid = 0
  lastMs = 0
  readonly records = new Float64Array(slots)
  readonly bytes = new Float64Array(slots)
}

/** Counts records by second and schema. Its memory has a bound whatever comes. */
export class StreamCounts {
  readonly #isKnown: (schema: string) => boolean
  readonly #counters = new Map<string, Counter>()
  readonly #total = new Counter()
  readonly #beganAt: number
  #second: number

  /** `isKnown`: whether there is a schema of that name, for those that only event errors name. */
  constructor (isKnown: (schema: string) => boolean, nowMs: number) {
    this.#isKnown = isKnown
    this.#beganAt = this.#second = Math.floor(nowMs / 1000)
  }

  add (records: readonly string[], nowMs: number): void {
    this.#advance(nowMs)
    const slot = this.#second % slots
    for (const record of records) {
      const { name, isValid } = this.#classify(record)
      const bytes = Buffer.byteLength(record)
      for (const counter of [this.#counterOf(name), this.#total]) {
        counter.records[slot] = (counter.records[slot] ?? 0) + 1
        counter.bytes[slot] = (counter.bytes[slot] ?? 0) + bytes
        if (isValid === true) counter.valid++
        if (isValid === false) counter.invalid++
        counter.lastMs = nowMs
      }
    }
  }

  /** One a name, and all together; `seconds` is how long "now" is. */
  rows (nowMs: number, seconds: number): { rows: SchemaRow[], total: SchemaRow } {
    this.#advance(nowMs)
    return { rows: [...this.#counters].map(([name, counter]) => this.#rowOf(name, counter, seconds)), total: this.#rowOf('all', this.#total, seconds) }
  }

  #rowOf (name: string, { records, bytes, valid, invalid, lastMs }: Counter, seconds: number): SchemaRow {
    return {
      name,
      now: this.#rate(records, seconds),
      minute: this.#rate(records, 60),
      fiveMinutes: this.#rate(records, 300),
      valid,
      invalid,
      bytes: this.#rate(bytes, 60),
      lastMs
    }
  }

  /** Over seconds that have ended. */
  #rate (values: Float64Array, seconds: number): number {
    const span = Math.min(Math.max(1, Math.round(seconds)), slots - 1, this.#second - this.#beganAt)
    let sum = 0
    for (let back = 1; back <= span; back++) sum += values[(this.#second - back) % slots] ?? 0
    return span === 0 ? 0 : sum / span
  }

  /** A clock that was set back stands still for that long. */
  #advance (nowMs: number): void {
    const second = Math.max(this.#second, Math.floor(nowMs / 1000))
    const passed = Math.min(second - this.#second, slots)
    for (let step = 0; step < passed; step++) {
      const slot = (second - step) % slots
      for (const { records, bytes } of [...this.#counters.values(), this.#total]) records[slot] = bytes[slot] = 0
    }
    this.#second = second
  }

  #classify (record: string): { name: string, isValid: boolean | null } {
    const event = parsed(record) as Capsule
    if (isEventError(event)) {
      const name = schemaAtFault(event)
      return { name: this.#counters.has(name) || this.#isKnown(name) ? name : others.unknown, isValid: false }
    }
    const identity = identifyEvent(event)
    return identity === null ? { name: others.raw, isValid: null } : { name: identity.name, isValid: true }
  }

  #counterOf (name: string): Counter {
    const known = this.#counters.get(name)
    if (known !== undefined) return known
    const isRoom = this.#counters.size < mostNames || Object.values(others).includes(name as typeof others.more)
    if (!isRoom) return this.#counterOf(others.more)
    const counter = new Counter()
    this.#counters.set(name, counter)
    return counter
  }
}
