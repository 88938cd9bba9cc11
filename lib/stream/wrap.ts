import type { Batch, Context, Position, Reader, Writer } from './contracts.js'

/** What is left of a batch, with its position; null for nothing. */
export type Transform = (batch: Batch) => Batch | null

/** While everything is dropped, the position is committed this often, in milliseconds. */
const commitMs = 1000

/**
 * A reader of what the transform leaves. A batch of which nothing is left is skipped, but its position counts: it is
 * committed with the one before it, or by itself when that is committed already.
 */
export function wrapReader (inner: Reader, transform: Transform, ctx: Context): Reader {
  let given: Position | null = null
  let skipped: Position | null = null
  let commits = Promise.resolve()
  let commitAt = 0

  async function commit (position: Position): Promise<void> {
    if (position === given) given = null
    const reached = given === null && skipped !== null ? skipped : position
    if (reached === skipped) skipped = null
    await (commits = commits.then(async () => { await inner.commit(reached) }))
  }

  async function skip (position: Position | null): Promise<void> {
    // nobody drains what is not written
    await ctx.deadLetters.drain()
    skipped = position
    if (skipped === null || given !== null || Date.now() < commitAt) return
    commitAt = Date.now() + commitMs
    await commit(skipped)
  }

  async function * batches (): AsyncGenerator<Batch> {
    for await (const batch of inner) {
      const left = transform(batch)
      if (left === null) {
        await skip(batch.position)
        continue
      }
      given = left.position
      skipped = null
      yield left
    }
    if (skipped !== null && given === null) await commit(skipped)
  }

  return { [Symbol.asyncIterator]: batches, commit, close: async () => { await inner.close() } }
}

/** A writer that is given what the transform leaves. */
export function wrapWriter (inner: Writer, transform: Transform): Writer {
  return {
    async write (batch) {
      const left = transform(batch)
      if (left !== null) await inner.write(left)
    },
    flush: async () => { await inner.flush() },
    close: async () => { await inner.close() }
  }
}
