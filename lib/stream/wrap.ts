import { emptyBatch } from './batch.js'
import type { Batch, Context, Reader, Writer } from './contracts.js'

/** What is left of a batch, with its position; null for nothing. */
export type Transform = (batch: Batch) => Batch | null

/** A reader of what the transform leaves; of a batch of which nothing is left, the position. */
export function wrapReader (inner: Reader, transform: Transform, ctx: Context): Reader {
  async function * batches (): AsyncGenerator<Batch> {
    for await (const batch of inner) {
      const left = batch.count === 0 ? batch : transform(batch)
      if (left !== null) {
        yield left
        continue
      }
      // nobody drains what is not written
      await ctx.deadLetters.drain()
      if (batch.position !== null) yield emptyBatch(batch.position)
    }
  }

  return {
    [Symbol.asyncIterator]: batches,
    commit: async position => { await inner.commit(position) },
    close: async () => { await inner.close() }
  }
}

/** A writer that is given what the transform leaves. */
export function wrapWriter (inner: Writer, transform: Transform): Writer {
  return {
    eager: inner.eager === true,
    async write (batch) {
      const left = transform(batch)
      if (left !== null) await inner.write(left)
    },
    flush: async () => { await inner.flush() },
    close: async () => { await inner.close() }
  }
}
