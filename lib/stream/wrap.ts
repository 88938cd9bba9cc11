import { emptyBatch, identified } from './batch.js'
import { without } from './ledger.js'
import type { Batch, Context, Reader, Writer } from './contracts.js'

/** What is left of a batch, with its position; null for nothing. */
export type Transform = (batch: Batch) => Batch | null

/**
 * What a writer that wraps others has of them. What one of several remembers of the last run says nothing about the others, so those
 * are not begun: what comes again, their keys tell.
 */
export function inheritedBy (...inner: readonly Writer[]): Pick<Writer, 'eager' | 'holds' | 'begin' | 'pass' | 'settle'> {
  // what was written to such a one goes on its way only with the next save: it cannot wait until another one is whole
  const mayWait = !inner.some(writer => writer.eager === true || writer.holds === true)
  return {
    ...(mayWait ? { settle: async () => !(await withAll(inner, settled)).includes(false) } : {}),
    pass: async batch => { await withAll(inner, async writer => { await writer.pass?.(batch) }) },
    eager: inner.some(writer => writer.eager === true),
    holds: inner.every(writer => writer.holds === true),
    begin: async () => { if (inner.length === 1) await inner[0]?.begin?.() }
  }
}

/** Throws the first failure when none is busy any more. */
export async function withAll<T> (writers: readonly Writer[], work: (writer: Writer) => Promise<T>): Promise<T[]> {
  const results = await Promise.allSettled(writers.map(work))
  return results.map(result => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/** Flushes as far as that goes without waiting for a part alone; true if that was everything. */
export async function settled (writer: Writer): Promise<boolean> {
  if (writer.settle !== undefined) return await writer.settle()
  await writer.flush()
  return true
}

/** A reader of what the transform leaves; of a batch of which nothing is left, the provenance. */
export function wrapReader (inner: Reader, transform: Transform, ctx: Context): Reader {
  async function * batches (): AsyncGenerator<Batch> {
    for await (const given of inner) {
      const batch = identified(given, inner)
      const left = batch.count === 0 ? batch : transform(batch)
      if (left !== null) {
        yield left
        continue
      }
      // nobody drains what is not written
      await ctx.deadLetters.drain()
      yield emptyBatch(batch.provenance)
    }
  }

  return {
    ...(inner.stream === undefined ? {} : { stream: inner.stream }),
    acknowledges: inner.acknowledges === true,
    [Symbol.asyncIterator]: batches,
    commit: async position => { await inner.commit(position) },
    close: async () => { await inner.close() }
  }
}

/** A writer that is given what the transform leaves; the rest is entered into the ledger as filtered. */
export function wrapWriter (inner: Writer, transform: Transform, stream: string, ctx: Context): Writer {
  return {
    ...inheritedBy(inner),
    async write (batch) {
      const left = transform(batch)
      const { provenance } = batch
      if (provenance !== null) ctx.ledger.enter('output', stream, 'filtered', provenance.timeMs, without(provenance.schemas, left?.provenance?.schemas ?? new Map()))
      if (left !== null) await inner.write(left)
      else if (provenance !== null) await inner.pass?.(emptyBatch(provenance))
    },
    flush: async () => { await inner.flush() },
    close: async () => { await inner.close() }
  }
}

/** A reader that tells what the ledger calls its stream. */
export function named (reader: Reader, stream: string): Reader {
  return {
    stream,
    acknowledges: reader.acknowledges === true,
    [Symbol.asyncIterator]: () => reader[Symbol.asyncIterator](),
    commit: async position => { await reader.commit(position) },
    close: async () => { await reader.close() }
  }
}

/** A writer whose records are entered into the ledger as passed on to that stream, unless it keeps its own books. */
export function booked (writer: Writer, stream: string, ctx: Context): Writer {
  if (writer.keepsBooks === true) return writer
  return {
    ...inheritedBy(writer),
    async write (batch) {
      await writer.write(batch)
      const { provenance } = batch
      if (provenance !== null) ctx.ledger.enter('output', stream, 'passed', provenance.timeMs, provenance.schemas)
    },
    flush: async () => { await writer.flush() },
    close: async () => { await writer.close() }
  }
}
