import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import type { LineFormat } from '../../lib/event/line-format.js'
import { createLineParser } from '../../lib/event/line-parser.js'
import { recordsOf } from '../../lib/stream/batch.js'
import type { Batch, Context, Reader } from '../../lib/stream/contracts.js'
import { keptIn } from './kept.js'
import { secondsOfLine } from './selection.js'

/** A file of records. */
export interface RecordFile {
  readonly path: string
  /**
   * What it is known by: a digest of its first record, which stays when it grows, is rotated, or compressed. No two files begin with
   * the same record, unless one is a copy of the other.
   */
  readonly id: string
}

/** Looks at the files that an option names: oldest first, those without a record left out. Throws `ConfigError` for what cannot be read, or is there twice. */
export async function inspectFiles (paths: readonly string[], format: LineFormat, ctx: Context, option = '--records'): Promise<RecordFile[]> {
  const inspected = new Map<string, RecordFile & { seconds: number }>()
  for (const path of new Set(paths.map(path => resolve(path)))) {
    const first = await firstBatch(path, ctx, option)
    if (first === null) continue
    const id = idOf(first)
    const twin = inspected.get(id)
    if (twin !== undefined) throw new ConfigError('bad-option', `${option}: ${twin.path} and ${path} begin with the same record; leave out the one that is the copy`)
    inspected.set(id, { path, id, seconds: secondsIn(first, format) ?? (await stat(path)).mtimeMs / 1000 })
  }
  return [...inspected.values()].sort((a, b) => a.seconds - b.seconds).map(({ path, id }) => ({ path, id }))
}

/** Some lines of a file. */
export interface Portion {
  readonly batch: Batch
  /** The number of the batch's first record in the file. */
  readonly first: number
}

/** The records of a file, in batches, up to its end or a little beyond `to`; those that lie before `from` are left out, as whole batches. */
export async function * readRecords ({ path, id }: RecordFile, from: number, to: number, ctx: Context): AsyncGenerator<Portion> {
  const reader = await openFile(path, ctx)
  let end = 0
  try {
    for await (const batch of reader) {
      if (end === 0 && idOf(batch) !== id) throw new StreamError('cannot-read', `${path} is not the file any more that it was: it was rotated, or written anew; start again with its new name`)
      const first = end
      end += batch.count
      if (end > from) yield { batch, first }
      if (end >= to) return
    }
  } finally {
    await reader.close()
  }
}

/** How many records the file has. Cheap: they are counted, not looked at. */
export async function countRecords (file: RecordFile, ctx: Context): Promise<number> {
  let count = 0
  for await (const { batch, first } of readRecords(file, 0, Infinity, ctx)) count = first + batch.count
  return count
}

async function firstBatch (path: string, ctx: Context, option: string): Promise<Batch | null> {
  const reader = await openFile(path, ctx)
  try {
    const { done, value } = await reader[Symbol.asyncIterator]().next()
    return done === true ? null : value
  } catch (cause) {
    throw new ConfigError('bad-option', `${option} ${path}: ${messageOf(cause)}`, { cause })
  } finally {
    await reader.close()
  }
}

async function openFile (path: string, ctx: Context): Promise<Reader> {
  return await ctx.openReader(`file://${path.split('/').map(encodeURIComponent).join('/')}`)
}

function idOf (batch: Batch): string {
  return createHash('sha1').update(recordsOf(batch)[0] ?? '').digest('hex')
}

/** Of the first record that tells. */
function secondsIn (batch: Batch, format: LineFormat): number | null {
  const parser = createLineParser(format, { hashAddress: address => address, parseUserAgent: userAgent => userAgent })
  for (const record of batch.lines()) {
    const kept = keptIn(record, format)
    const seconds = 'text' in kept ? (kept.kind === 'event' ? null : secondsOfLine(kept.text, parser)) ?? kept.told?.seconds ?? null : null
    if (seconds !== null) return seconds
  }
  return null
}
