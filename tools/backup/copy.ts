import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
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
  /** As long as it was when it was looked at: it may grow. */
  readonly bytes: number
  /** A line that is being written is left out. */
  readonly isLive: boolean
}

/** Copies a file into the draft of `file` and adds up what is in it then. Throws `StreamError` for what cannot be read. */
export async function copyFile (file: string, draft: DraftWriter, { path, bytes, isLive }: Copying, stop: AbortSignal): Promise<Content> {
  const chunks = chunksOf(createReadStream(path, { end: bytes - 1 }), path, stop)
  let read = 0
  const counted = async function * (): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      read += chunk.length
      yield chunk
    }
  }
  await draft.write(isLive && !isGzipped(path) ? wholeLines(counted()) : counted())
  if (stop.aborted) throw new StreamError('stopped', `the copy of ${path} was stopped`)
  if (read < bytes) throw new StreamError('cannot-read', `${path} has become shorter while it was read`)
  const sum = createContent()
  // nothing is known of what is in it
  if (isUnreadable(path)) return sum.content
  try {
    for await (const lines of readLines(draftName(file), stop, isGzipped(path))) for (const line of lines) sum.add(line)
  } catch (cause) {
    throw new StreamError('cannot-read', `${path} is damaged, or not all of it is there yet: ${messageOf(cause)}`, { cause })
  }
  return sum.content
}

/** All but what comes after the last newline. */
async function * wholeLines (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(0x0a) + 1
    if (end > 0) {
      yield Buffer.concat([...held, chunk.subarray(0, end)])
      held = []
    }
    if (end < chunk.length) held.push(chunk.subarray(end))
  }
}
