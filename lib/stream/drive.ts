import { once } from 'node:events'
import { LeftError } from '../errors.js'
import { identified } from './batch.js'
import type { Batch, Context, Position, Reader, Writer } from './contracts.js'
import { Entries, without } from './ledger.js'
import { merge } from './merge.js'
import { inheritedBy, settled, withAll } from './wrap.js'

export interface DriveOptions {
  /** A record that was written is flushed at most this many milliseconds later, also when no other follows. */
  readonly flushIntervalMs?: number
  /** Flushed no later than after this many bytes. */
  readonly flushBytes?: number
}

/** What is in the hands of a writer that is eager is flushed after so many bytes or milliseconds, if its input does not pause before. */
const eagerBytes = 1 << 20
const eagerMs = 50
/** So many milliseconds after a flush a pause is not one yet: where records come one by one, a save for each costs more than all else. */
const calmMs = 10
/** Where nothing comes, the loop turns all the same, for who watches it. */
const idleMs = 1000

/**
 * The loop of every daemon: pull a batch, write it, and on each flush commit the position of the input and save the state.
 * Nothing is pulled before the writer took the last batch, so the slowest sink sets the pace and memory is bounded.
 *
 * Returns when all readers have ended (end of input, or `ctx.stop`) and everything pulled is flushed and committed.
 * Throws what a reader or the writer threw; what the readers had handed over before is written, flushed and committed first. A writer's
 * `LeftError` ends it without that, as if nothing more had been read.
 */
export async function drive (readers: readonly Reader[], writer: Writer, ctx: Context, options: DriveOptions = {}): Promise<void> {
  const isEager = writer.eager === true
  const flushIntervalMs = Math.min(options.flushIntervalMs ?? 1000, isEager ? eagerMs : Infinity)
  const flushBytes = isEager ? eagerBytes : options.flushBytes ?? 64 << 20
  const input = merge(readers, { untilReleased: isEager })
  // of those who acknowledge, somebody waits for the save
  const calm = readers.some(({ acknowledges }) => acknowledges === true) ? 0 : calmMs
  const positions = new Map<Reader, Position>()
  // another loop of the same process may save before this one has flushed
  const books = new Entries()
  let unflushedBytes = 0
  let flushAt = Infinity
  let calmUntil = 0

  async function flush (): Promise<void> {
    await writer.flush()
    await commit()
  }

  /** As far as that goes without holding up the input. */
  async function settle (): Promise<void> {
    if (await settled(writer)) return await commit()
    await ctx.deadLetters.drain()
    unflushedBytes = 0
    flushAt = performance.now() + flushIntervalMs
  }

  async function commit (): Promise<void> {
    await ctx.deadLetters.drain()
    for (const [reader, position] of positions) await reader.commit(position)
    for (const entry of books.list()) ctx.ledger.add(entry)
    books.clear()
    await ctx.save()
    input.release()
    positions.clear()
    unflushedBytes = 0
    flushAt = Infinity
    calmUntil = performance.now() + calm
  }

  async function take (reader: Reader, given: Batch): Promise<void> {
    const batch = identified(given, reader)
    const { stream, position, timeMs, taken: records, schemas } = batch.provenance
    if (batch.count > 0) await writer.write(batch)
    else await writer.pass?.(batch)
    await ctx.deadLetters.drain()
    ctx.metrics.increment(taken, batch.count)
    books.enter('input', stream, 'taken', timeMs, records)
    books.enter('input', stream, 'filtered', timeMs, without(records, schemas))
    if (position !== null) positions.set(reader, position)
    unflushedBytes += batch.payload.length
    if (flushAt === Infinity) flushAt = performance.now() + flushIntervalMs
  }

  function patienceMs (): number {
    const until = isEager && unflushedBytes > 0 ? Math.min(calmUntil, flushAt) : flushAt
    return Math.max(0, until - performance.now())
  }

  // also a daemon that never gets a record has a state, by which others see that it runs
  void ctx.ledger
  await begin(writer, ctx)
  try {
    for (;;) {
      ctx.progress()
      if (performance.now() >= flushAt || unflushedBytes >= flushBytes) {
        await settle()
        continue
      }
      const ms = patienceMs()
      if (!await input.ready(Math.min(ms, idleMs))) {
        if (ms <= idleMs) await settle()
        continue
      }
      const pulled = await input.next()
      if (pulled === null) break
      await take(pulled.reader, pulled.batch)
    }
  } catch (error) {
    if (error instanceof LeftError) return left(error, ctx)
    await flush().catch((second: unknown) => { ctx.log.error('flush after a failure failed too', { error: second }) })
    throw error
  }
  await flush().catch((error: unknown) => {
    if (!(error instanceof LeftError)) throw error
    left(error, ctx)
  })
}

/** The writer was told to stop before it knew of everything that it is stored: nothing more is committed. */
function left ({ message }: LeftError, { log }: Context): void {
  log.info('stopped before all that was read is stored; it comes again at the next start', { reason: message })
}

/** A stop ends the waiting: nothing was taken yet. */
async function begin (writer: Writer, { stop }: Context): Promise<void> {
  if (writer.begin === undefined) return
  const stopped = new AbortController()
  const begun = writer.begin()
  try {
    await Promise.race([begun, once(stop, 'abort', { signal: stopped.signal })])
    // what is thrown later is thrown by `close` too
    if (stop.aborted) begun.catch(() => {})
  } finally {
    stopped.abort()
  }
}

/** Metric of every daemon: records that its writers have taken. */
export const taken = 'taken'

/** Every batch to each of several writers; the slowest sets the pace. */
export function tee (writers: readonly Writer[]): Writer {
  const only = writers[0]
  if (writers.length === 1 && only !== undefined) return only

  return {
    ...inheritedBy(...writers),
    write: async batch => { await withAll(writers, async writer => { await writer.write(batch) }) },
    flush: async () => { await withAll(writers, async writer => { await writer.flush() }) },
    close: async () => { await withAll(writers, async writer => { await writer.close() }) }
  }
}
