import { isUtf8 } from 'node:buffer'
import { RecordError } from '../errors.js'
import type { Drop, EventProcessor, Outcome } from '../event/processor.js'
import { BatchBuilder, batchLimits, recordsOf } from './batch.js'
import type { Batch, Context, Provenance, Writer } from './contracts.js'
import { inheritedBy } from './wrap.js'

/**
 * Processes raw lines on their way: valid events go to `valid`, event errors to `invalid`, in the order of the lines; both
 * streams in one when the two are the same writer. Without `invalid`, event errors are counted and logged. A schema that
 * only a remote repository may have is fetched before the batch goes on.
 */
export function processing (events: EventProcessor, valid: Writer, invalid: Writer | null, ctx: Context): Writer {
  const { eager = false, holds = false } = inheritedBy(valid, ...(invalid === null || invalid === valid ? [] : [invalid]))

  /** What is made so far, of a batch of that provenance. */
  async function send ({ good, bad, dropped }: Made, provenance: Provenance | null): Promise<void> {
    const timeMs = provenance?.timeMs ?? Date.now()
    for (const { schemas } of new Set([good, bad])) ctx.ledger.enter('made', '', 'passed', timeMs, schemas)
    for (const [why, schemas] of dropped) {
      ctx.ledger.enter('made', '', why, timeMs, schemas)
      countDropped(why, schemas, ctx)
    }
    const [goodBatch, badBatch] = [good.build(provenance), bad === good || invalid === null ? null : bad.build(provenance)]
    // not at the same time: the invalid stream may also be one of several valid ones, and calls of a writer never overlap
    if (goodBatch !== null) await valid.write(goodBatch)
    if (badBatch !== null) await invalid?.write(badBatch)
  }

  function begin (expectedBytes: number): Made {
    const good = new BatchBuilder(expectedBytes)
    return { good, bad: invalid === valid ? good : new BatchBuilder(0), dropped: new Map() }
  }

  return {
    eager,
    holds,
    async write (batch) {
      let made = begin(batch.payload.length * 2)
      let valid = 0
      let refused = 0
      const process = processorOf(events, batch)
      const { count } = batch
      for (let i = 0; i < count; i++) {
        let outcome = process(i, true)
        if (outcome.kind === 'unknown-schema') {
          await ctx.schemas.fetch(outcome.name, outcome.revision)
          // a batch may name many, and each may be waited for
          ctx.progress()
          outcome = process(i, false)
        }
        if (outcome.kind === 'valid') {
          valid++
          made.good.add(outcome.json, outcome.schema)
        } else if (outcome.kind === 'invalid') {
          refused++
          made.bad.add(outcome.json, outcome.schema)
          if (invalid === null) ctx.log.warn('an event is invalid; --invalid would keep it', { event_error: outcome.json.slice(0, 2000) })
        }
        if (outcome.kind === 'dropped') drop(made, outcome)
        // short lines become event errors that are many times as long
        if (made.good.bytes + made.bad.bytes >= mostBytes) {
          await send(made, batch.provenance)
          made = begin(0)
        }
      }
      ctx.metrics.increment('valid', valid)
      if (refused > 0) ctx.metrics.increment('invalid', refused)
      await send(made, batch.provenance)
    },
    async flush () {
      await valid.flush()
      if (invalid !== valid) await invalid?.flush()
    },
    async close () {
      await valid.close()
      if (invalid !== valid) await invalid?.close()
    }
  }
}

/** Valid events and event errors, in one where both go the same way; and how many of which schema became neither. */
interface Made {
  readonly good: BatchBuilder
  readonly bad: BatchBuilder
  readonly dropped: Map<Drop, Map<string, number>>
}

function drop ({ dropped }: Made, { why, schema }: Extract<Outcome, { kind: 'dropped' }>): void {
  const counts = dropped.get(why) ?? new Map<string, number>()
  dropped.set(why, counts.set(schema, (counts.get(schema) ?? 0) + 1))
}

/** By schema, and of all: `overall` is what is subtracted from the raw lines, to see whether any are missing. */
function countDropped (why: Drop, schemas: ReadonlyMap<string, number>, { metrics }: Context): void {
  for (const [schema, count] of schemas) {
    metrics.increment(why, count)
    metrics.increment(`overall.${why}`, count)
    metrics.increment(`schema.${schema.replace(/[^A-Za-z0-9_-]/g, '_')}.${why}`, count)
  }
}

/** What is made is sent on in pieces of about this size. */
const mostBytes = 2 * batchLimits.bytes

/** Processes the records of a batch by number; the ones that are not UTF-8 are refused. */
function processorOf (events: EventProcessor, batch: Batch): (i: number, mayFetch: boolean) => Outcome {
  const lines = batch.lines()
  if (isUtf8(batch.payload)) return (i, mayFetch) => events.process(lines[i] as string, mayFetch)
  const records = recordsOf(batch)
  return (i, mayFetch) => {
    const line = lines[i] as string
    if (isUtf8(records[i] as Buffer)) return events.process(line, mayFetch)
    return events.refuse(line, notUtf8(line))
  }
}

/** Of a line as it was decoded. */
export function notUtf8 (line: string): RecordError {
  return new RecordError('bad-encoding', `the line is not UTF-8 (near character ${line.indexOf('\uFFFD') + 1}); send UTF-8, or percent-encode`)
}
