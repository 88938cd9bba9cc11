import { createHash } from 'node:crypto'
import { renameSync, rmSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { messageOf, StreamError, VanadiumError } from '../errors.js'
import { giveToOwnerOf } from '../event/file-lock.js'
import { makeDirectory } from './directories.js'
import { draftName } from './draft.js'

/** Of what was written. */
export interface Written {
  readonly bytes: number
  readonly sha256: string
}

/** Writes a draft. */
export interface DraftWriter {
  write (chunks: AsyncIterable<Buffer>): Promise<void>
  /** Compressed. Called again, what was written before is before it when it is read. Writes nothing of nothing. */
  compress (chunks: AsyncIterable<Buffer>): Promise<void>
  /** Makes it safe on the disk. */
  end (times?: { readonly atimeMs: number, readonly mtimeMs: number }): Promise<Written>
  /** Makes it the draft of another file; after its end. */
  move (file: string): void
  /** Removes it, unless it was committed. */
  drop (): Promise<void>
}

/** Begins the draft of a file of the backup anew. Everything throws `StreamError` for what the disk does not take. */
export async function openDraft (file: string): Promise<DraftWriter> {
  let draft = draftName(file)
  const handle = await explained(file, async () => {
    makeDirectory(dirname(file))
    rmSync(draft, { force: true })
    const opened = await open(draft, 'wx', 0o640)
    giveToOwnerOf(dirname(file), draft)
    return opened
  })
  const digest = createHash('sha256')
  let bytes = 0

  async function take (chunks: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of chunks) {
      await handle.writeFile(chunk)
      digest.update(chunk)
      bytes += chunk.length
    }
  }

  return {
    write: async chunks => { await explained(file, async () => { await take(chunks) }) },
    async compress (chunks) {
      await explained(file, async () => {
        const source = chunks[Symbol.asyncIterator]()
        const first = await source.next()
        if (first.done === true) return
        await pipeline(Readable.from(startingWith(first.value, source)), createGzip(), take)
      })
    },
    async end (times) {
      await explained(file, async () => {
        if (times !== undefined) await handle.utimes(times.atimeMs / 1000, times.mtimeMs / 1000)
        await handle.sync()
        await handle.close()
      })
      return { bytes, sha256: digest.digest('hex') }
    },
    move (other) {
      try {
        makeDirectory(dirname(other))
        renameSync(draft, draftName(other))
        draft = draftName(other)
      } catch (cause) {
        throw new StreamError('cannot-write', `${other} cannot be written: ${messageOf(cause)}`, { cause })
      }
    },
    async drop () {
      await close(handle)
      rmSync(draft, { force: true })
    }
  }
}

async function * startingWith (first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

async function explained<T> (file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof VanadiumError) throw cause
    throw new StreamError('cannot-write', `${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

/** It may be closed. */
async function close (handle: FileHandle): Promise<void> {
  await handle.close().catch(() => {})
}
