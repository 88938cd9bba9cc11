import { bothFailures, type Failure, type RawCount, type SchemaCount } from './read.js'
import { minuteMs } from './tables.js'

/** A failure in the minute in which it came. */
export interface TimedFailure extends Failure {
  readonly timeMs: number
}

/** What was counted since the last save; times are of the start of a minute. */
export interface Counted {
  readonly raw: readonly RawCount[]
  readonly schemas: readonly SchemaCount[]
  readonly failures: readonly TimedFailure[]
}

/** Adds up what is counted between two saves. Its size follows from how much a daemon takes in between, and from what the tally tells apart. */
export class Pending {
  readonly #raw = new Map<string, RawCount>()
  readonly #schemas = new Map<string, SchemaCount>()
  readonly #failures = new Map<string, TimedFailure>()

  addRaw (atMs: number, stream: string, raw: number): void {
    if (raw === 0) return
    const timeMs = minuteOf(atMs)
    const key = `${timeMs} ${stream}`
    this.#raw.set(key, { timeMs, stream, raw: (this.#raw.get(key)?.raw ?? 0) + raw })
  }

  addSchema (atMs: number, stream: string, schema: string, { valid = 0, invalid = 0 }: { readonly valid?: number, readonly invalid?: number }): void {
    const timeMs = minuteOf(atMs)
    const key = `${timeMs} ${stream} ${schema}`
    const there = this.#schemas.get(key)
    this.#schemas.set(key, { timeMs, stream, schema, valid: (there?.valid ?? 0) + valid, invalid: (there?.invalid ?? 0) + invalid })
  }

  addFailure (failure: Failure): void {
    const timeMs = minuteOf(failure.firstMs)
    const { schema, code, pointer, expected } = failure
    const key = JSON.stringify([timeMs, schema, code, pointer, expected])
    const there = this.#failures.get(key)
    this.#failures.set(key, { ...there === undefined ? failure : bothFailures(there, failure), timeMs })
  }

  /** All of it, which is then forgotten here. */
  take (): Counted {
    const counted = { raw: [...this.#raw.values()], schemas: [...this.#schemas.values()], failures: [...this.#failures.values()] }
    for (const map of [this.#raw, this.#schemas, this.#failures]) map.clear()
    return counted
  }
}

function minuteOf (atMs: number): number {
  return Math.floor(atMs / minuteMs) * minuteMs
}
