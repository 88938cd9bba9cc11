import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { messageOf, StreamError } from '../../lib/errors.js'
import type { DraftWriter } from '../../lib/backup/draft-writer.js'
import { draftName } from '../../lib/backup/draft.js'
import { addLine } from '../../lib/backup/hours.js'
import type { Hour } from '../../lib/backup/manifest.js'
import { HourSums } from '../../lib/backup/sums.js'
import { isGzipped, isUnreadable, readLines } from '../../lib/purge/file-content.js'
import type { Line } from '../../lib/purge/lines.js'
import { chunksOf } from '../../lib/stream/chunks.js'

/** What lines come to. */
export interface Content {
  readonly hours: readonly Hour[]
  /** SHA-256 of the first line, hex. */
  readonly head: string
}

/** Adds lines up, one after the other. */
export function createContent (): { add (line: Line): void, readonly content: Content } {
  const sums = new HourSums()
  let head = ''
  return {
    add (line) {
      if (head === '') head = createHash('sha256').update(line.bytes).digest('hex')
      addLine(sums, line)
    },
    get content () { return { hours: sums.hours, head } }
  }
}

export interface Copying {
  readonly path: string
  /** Of the file as it was looked at, which may grow. */
  readonly stat: BigIntStats
  /** A line that is being written is left out. */
  readonly isLive: boolean
}

export interface Copy {
  readonly content: Content
  /** So much of the file was copied. */
  readonly bytes: number
}

/** Copies a file into the draft of `file` and adds up what is in it then. Throws `StreamError` for what cannot be read. */
export async function copyFile (file: string, draft: DraftWriter, { path, stat, isLive }: Copying, stop: AbortSignal): Promise<Copy> {
  const bytes = await copyBytes(draft, { path, stat, isLive }, stop)
  if (stop.aborted) throw stopped(path)
  const sum = createContent()
  // nothing is known of what is in it
  if (isUnreadable(path)) return { content: sum.content, bytes }
  try {
    for await (const lines of readLines(draftName(file), stop, isGzipped(path))) for (const line of lines) sum.add(line)
  } catch (cause) {
    throw new StreamError('cannot-read', `${path} is damaged, or not all of it is there yet: ${messageOf(cause)}`, { cause })
  }
  // what was read until then is not all
  if (stop.aborted) throw stopped(path)
  return { content: sum.content, bytes }
}

function stopped (path: string): StreamError {
  return new StreamError('stopped', `the copy of ${path} was stopped`)
}

async function copyBytes (draft: DraftWriter, { path, stat, isLive }: Copying, stop: AbortSignal): Promise<number> {
  const handle = await open(path, 'r').catch((cause: unknown) => { throw new StreamError('cannot-read', `${path} cannot be read: ${messageOf(cause)}`, { cause }) })
  try {
    const { dev, ino } = await handle.stat({ bigint: true })
    if (dev !== stat.dev || ino !== stat.ino) throw new StreamError('cannot-read', `${path} was renamed, or replaced, meanwhile`)
    const bytes = isLive && !isGzipped(path) && !isUnreadable(path) ? await endOfLines(handle, Number(stat.size)) : Number(stat.size)
    if (bytes === 0) return 0
    let read = 0
    const chunks = chunksOf(handle.createReadStream({ start: 0, end: bytes - 1, autoClose: false }), path, stop)
    const counted = async function * (): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        read += chunk.length
        yield chunk
      }
    }
    await draft.write(counted())
    if (read < bytes && !stop.aborted) throw new StreamError('cannot-read', `${path} has become shorter while it was read`)
    return bytes
  } finally {
    await handle.close()
  }
}

const blockBytes = 64 << 10

/** Behind the last newline of the first so many bytes. */
async function endOfLines (handle: FileHandle, bytes: number): Promise<number> {
  const block = Buffer.alloc(blockBytes)
  for (let end = bytes; end > 0; end -= blockBytes) {
    const start = Math.max(0, end - blockBytes)
    const { bytesRead } = await handle.read(block, 0, end - start, start)
    const newline = block.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (newline >= 0) return start + newline + 1
  }
  return 0
}
