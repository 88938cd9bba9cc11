import { parsed, schemaAtFault, unknownSchema } from '../event/composition.js'
import { eventErrorSchema, isEventError } from '../event/event-error.js'
import { detached } from '../event/lru.js'
import type { SchemaRepository } from '../event/schemas.js'
import { metricName, type Counts } from '../event/tally.js'
import { diagnose, type Diagnosis } from './diagnosis.js'
import { otherFailure } from './failure-table.js'
import type { Failure } from './read.js'

/** What is looked at in a second, so that a flood of invalid events costs no more than counting them: of all schemas, and of each. */
const most = { inAll: 300, ofSchema: 100, bytes: 2 << 20 } as const
const periodMs = 1000

const mark = Buffer.from(`"schema":"${eventErrorSchema.name}"`)
const newline = 0x0a

/** Looks at the event errors among records, as many as it has time for. */
export class FailureFinder {
  readonly #schemas: SchemaRepository
  readonly #now: () => number
  readonly #looked = new Map<string, number>()
  #inAll = 0
  #bytes = 0
  #periodEndMs = 0

  constructor (schemas: SchemaRepository, now: () => number = Date.now) {
    this.#schemas = schemas
    this.#now = now
  }

  /** The failures of a batch, as many as `invalid` says that it has of each schema. */
  find (payload: Buffer, { invalid }: Pick<Counts, 'invalid'>, timeMs: number): Failure[] {
    const rest = new Map(invalid)
    const found: Failure[] = []
    let left = 0
    for (const count of invalid.values()) left += count
    for (let at = 0; left > 0 && this.#hasTime();) {
      at = payload.indexOf(mark, at)
      if (at === -1) break
      const start = payload.lastIndexOf(newline, at) + 1
      const end = payload.indexOf(newline, at)
      const failure = this.#look(payload.toString('utf8', start, end === -1 ? payload.length : end), rest, timeMs)
      if (failure !== null) {
        found.push(failure)
        left--
      }
      if (end === -1) break
      at = end
    }
    for (const [schema, count] of rest) if (count > 0) found.push(otherFailure(schema, count, timeMs, timeMs))
    return found
  }

  #hasTime (): boolean {
    const nowMs = this.#now()
    if (nowMs >= this.#periodEndMs || nowMs < this.#periodEndMs - periodMs) {
      this.#periodEndMs = nowMs + periodMs
      this.#looked.clear()
      this.#inAll = this.#bytes = 0
    }
    return this.#inAll < most.inAll && this.#bytes < most.bytes
  }

  /** Null if it is no event error, or its schema has had its share. */
  #look (record: string, rest: Map<string, number>, timeMs: number): Failure | null {
    this.#bytes += record.length
    const error = parsed(record) as Record<string, unknown>
    if (!isEventError(error)) return null
    const own = metricName(schemaAtFault(error))
    const schema = rest.has(own) ? own : unknownSchema
    const count = rest.get(schema) ?? 0
    const looked = this.#looked.get(schema) ?? 0
    if (count === 0 || looked >= most.ofSchema) return null
    rest.set(schema, count - 1)
    this.#looked.set(schema, looked + 1)
    this.#inAll++
    const diagnosis = this.#diagnose(error)
    if (diagnosis === null) return otherFailure(schema, 1, timeMs, timeMs)
    const { code, pointer, expected, seen, sample } = diagnosis
    return { schema, code, pointer: detached(pointer), expected: detached(expected), seen: detached(seen), count: 1, firstMs: timeMs, lastMs: timeMs, sample }
  }

  /** Null if it fails. What the event holds is its sender's: no monitor may end of it, who would get it again and again. */
  #diagnose (error: Readonly<Record<string, unknown>>): Diagnosis | null {
    try {
      return diagnose(error, this.#schemas)
    } catch {
      return null
    }
  }
}
