import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch, Context, Position } from '../stream/contracts.js'
import { findMarked, openIfThere, successorOf, type Generation } from '../file/generations.js'
import { parseMark, type Mark } from '../file/mark.js'
import { FileSource, type FileSourceOptions } from './file-source.js'

export interface FollowOptions extends FileSourceOptions {
  /** Where to go on; null at the first time. */
  readonly position: Position | null
  /** Where to begin at the first time, if the file is there already. */
  readonly from: 'start' | 'end'
  readonly pollMs: number
}

/**
 * Reads a file as it grows, and the next one when it was rotated away, until `stop`. Looks at the file every `pollMs`
 * instead of asking the kernel for events: those do not come over NFS, nor for a name that does not exist yet.
 *
 * Nothing is missed when the file is renamed and made anew, also several times between two looks or while nobody was
 * reading, as long as the old files stay beside it uncompressed, and are written by one process. After `copytruncate` the copy
 * is read to its end; what a writer adds between logrotate's copy and its truncation is in no file.
 */
export async function * follow (options: FollowOptions, ctx: Context, stop: AbortSignal): AsyncGenerator<Batch> {
  const follower = new Follower(options, ctx, stop)
  try {
    await follower.begin()
    while (!stop.aborted) {
      const batch = await follower.read()
      if (batch !== null) yield batch
    }
  } finally {
    await follower.close()
  }
}

class Follower {
  readonly #options: FollowOptions
  readonly #ctx: Context
  readonly #stop: AbortSignal
  #source: FileSource | null = null
  #seen: bigint | null = null
  #nextLook = 0

  constructor (options: FollowOptions, ctx: Context, stop: AbortSignal) {
    this.#options = options
    this.#ctx = ctx
    this.#stop = stop
  }

  async begin (): Promise<void> {
    const { path, position, from } = this.#options
    const mark = position === null ? null : parseMark(position)
    if (mark !== null) return await this.#resume(mark, 'the file that was read last is gone; what it held beyond the position is missed')
    const file = from === 'start' ? null : await openIfThere(path)
    if (file === null) return await this.#appear()
    const { size } = await file.stat()
    this.#follow(await FileSource.afterLine(file, size, this.#options))
  }

  /** Null if there is nothing yet, after a pause. */
  async read (): Promise<Batch | null> {
    const source = this.#source
    if (source === null || await this.#wasOverwritten(source)) return null
    const read = await source.read()
    return read === 'end' ? await this.#atEnd(source) : read
  }

  async close (): Promise<void> {
    await this.#source?.close()
  }

  /**
   * A file that was rotated away is read once more after its successor was first seen to hold something: by then its writer
   * had changed over.
   */
  async #atEnd (source: FileSource): Promise<Batch | null> {
    const next = await successorOf(this.#options.path, source.inode)
    const seenBefore = next !== null && next.inode === this.#seen
    this.#seen = next === null ? null : next.inode
    if (next === null) await pause(this.#options.pollMs, this.#stop)
    return seenBefore ? await this.#moveOn(source, next) : null
  }

  async #moveOn (source: FileSource, { path: now, inode }: Generation): Promise<Batch | null> {
    const file = await openIfThere(now)
    if (file === null) return null
    const next = await FileSource.at(file, 0, this.#options)
    if (next.inode !== inode) {
      // rotated once more just now
      await next.close()
      return null
    }
    this.#source = next
    await source.close()
    this.#ctx.log.info('the file was rotated', { path: this.#options.path, now })
    return source.finish()
  }

  /** Looked at before reading on after a pause, and now and then while there is always more to read. */
  async #wasOverwritten (source: FileSource): Promise<boolean> {
    if (Date.now() < this.#nextLook) return false
    this.#nextLook = Date.now() + this.#options.pollMs / 2
    if (!await source.isOverwritten()) return false
    this.#source = null
    await source.close()
    await this.#resume(source.mark(), 'the file was truncated and there is no copy; what was written to it last may be missed')
    return true
  }

  async #resume (mark: Mark, warning: string): Promise<void> {
    const { path, pollMs } = this.#options
    let file = await findMarked(path, mark)
    if (file === null) {
      // it may have been renamed while it was looked for
      await pause(pollMs, this.#stop)
      file = await findMarked(path, mark)
    }
    if (file !== null) return this.#follow(await FileSource.at(file, mark.offset, this.#options))
    this.#ctx.log.warn(warning, { path, inode: mark.inode, offset: mark.offset })
    await this.#appear()
  }

  #follow (source: FileSource): void {
    this.#source = source
    const { inode, offset } = source.mark()
    this.#ctx.log.info('following', { path: this.#options.path, inode, offset })
  }

  async #appear (): Promise<void> {
    const { path, pollMs } = this.#options
    for (let waits = 0; !this.#stop.aborted; waits++) {
      const file = await openIfThere(path)
      if (file !== null) {
        this.#follow(await FileSource.at(file, 0, this.#options))
        return
      }
      if (waits === 0) this.#ctx.log.info('waiting for the file to appear', { path })
      await pause(pollMs, this.#stop)
    }
  }
}

async function pause (ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch(() => {})
}
