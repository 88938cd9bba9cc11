import type { SchemaRepository } from '../event/schemas.js'
import { countSchemas, Tally, type Counts } from '../event/tally.js'
import { codeOf, messageOf } from '../errors.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics.js'
import { identified } from '../stream/batch.js'
import type { Batch, Reader, Writer } from '../stream/contracts.js'
import type { State } from '../stream/state.js'
import { FailureFinder } from './failures.js'
import { Pending } from './pending.js'
import { openCountStore } from './store.js'

/** Metric: records that came too late for StatsD, which knows no other time than now. They are in the durable counts alone. */
export const late = 'late'

/** What entered the pipeline longer ago than this is late; a journal tells the time to the minute, and a stage may wait as long. */
const lateMs = 120_000

/** The input of a batch, and what metrics call it. */
export class StreamNames {
  readonly #names = new WeakMap<object, string>()

  /** The reader, whose batches are known by that name from now on. */
  label (reader: Reader, stream: string): Reader {
    const names = this.#names
    async function * batches (): AsyncGenerator<Batch> {
      for await (const given of reader) {
        const batch = identified(given, reader)
        names.set(batch.provenance, stream)
        yield batch
      }
    }

    return {
      ...reader.stream === undefined ? {} : { stream: reader.stream },
      acknowledges: reader.acknowledges === true,
      [Symbol.asyncIterator]: batches,
      commit: async position => { await reader.commit(position) },
      close: async () => { await reader.close() }
    }
  }

  of ({ provenance }: Batch): string {
    return this.#names.get(provenance ?? this) ?? 'unnamed'
  }
}

export interface CountingOptions {
  readonly schemas: SchemaRepository
  readonly state: State
  readonly metrics: Metrics
  readonly streams: StreamNames
  readonly log: Log
  /** The time, in milliseconds since 1970. */
  readonly now?: () => number
}

export interface Counting extends Writer {
  /** Folds and forgets what it is time for, where nothing comes, too. Call it at start and once an hour; it never throws. */
  tend (): void
}

/**
 * Counts what it is given, by when it entered the pipeline, and keeps nothing else. The counts become durable with the positions of the
 * inputs, so that after a kill those of inputs that can be read again are exact; StatsD is told after that, and never twice.
 */
export function counting ({ schemas, state, metrics, streams, log, now = Date.now }: CountingOptions): Counting {
  const tally = new Tally(schemas)
  const finder = new FailureFinder(schemas, now)
  const store = state.extend(home => openCountStore(home, now))
  const pending = new Pending()
  let increments = new Map<string, number>()
  const told = { increment: (name: string, by = 1) => { if (by > 0) increments.set(name, (increments.get(name) ?? 0) + by) } }

  function keep (stream: string, timeMs: number, { raw, valid, invalid }: Counts): void {
    pending.addRaw(timeMs, stream, raw)
    for (const [schema, count] of valid) pending.addSchema(timeMs, stream, schema, { valid: count })
    for (const [schema, count] of invalid) pending.addSchema(timeMs, stream, schema, { invalid: count })
  }

  function tell (stream: string, counts: Counts): void {
    const sums = { raw: counts.raw, valid: sum(counts.valid), invalid: sum(counts.invalid) }
    for (const [kind, count] of Object.entries(sums)) {
      told.increment(`${stream}.${kind}`, count)
      told.increment(`overall.${kind}`, count)
    }
    countSchemas(counts, told)
  }

  return {
    async write (batch) {
      const counts = tally.count(batch)
      const stream = streams.of(batch)
      const nowMs = now()
      const timeMs = Math.min(batch.provenance?.timeMs ?? nowMs, nowMs)
      const failures = counts.invalid.size > 0 ? finder.find(batch.payload, counts, timeMs) : []
      // nothing throws from here on: what is pending is saved even when a batch fails, which then comes again
      keep(stream, timeMs, counts)
      for (const failure of failures) pending.addFailure(failure)
      if (nowMs - timeMs <= lateMs) tell(stream, counts)
      else told.increment(late, batch.count)
      await Promise.resolve()
    },
    async flush () {
      const saved = increments
      const lateRecords = saved.get(late)
      if (lateRecords !== undefined) log.warn('records come too late for StatsD: Graphite does not show them, the reports do', { records: lateRecords, older_than_seconds: lateMs / 1000 })
      increments = new Map()
      store.put(pending.take(), () => { for (const [name, by] of saved) metrics.increment(name, by) })
      await Promise.resolve()
    },
    close: async () => {},
    tend () {
      try {
        store.tend()
      } catch (error) {
        log.warn('old counts cannot be folded now; the next save tries it again', { code: codeOf(error), why: messageOf(error) })
      }
    }
  }
}

function sum (counts: ReadonlyMap<string, number>): number {
  let total = 0
  for (const count of counts.values()) total += count
  return total
}
