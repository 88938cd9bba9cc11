import type { FileHandle } from 'node:fs/promises'
import { messageOf, StreamError } from '../errors.js'
import { batchOfBytes } from '../stream/batch.js'
import type { Batch } from '../stream/contracts.js'
import { Splitter } from '../stream/splitter.js'
import { bears, formatMark, Head, type Mark } from './file-mark.js'

const chunkBytes = 64 << 10

export interface FileSourceOptions {
  /** For messages. */
  readonly path: string
  readonly maxLine: number
  readonly onTruncated: () => void
  /** Whether batches say how far they reach. */
  readonly positions: boolean
}

/** One open file that is read line by line. It is known by its handle, so that renaming it does not matter. */
export class FileSource {
  readonly inode: bigint
  readonly #file: FileHandle
  readonly #options: FileSourceOptions
  readonly #splitter: Splitter
  readonly #head: Head
  #offset: number

  /** Owns the handle from now on. `offset` is the start of a line. */
  static async at (file: FileHandle, offset: number, options: FileSourceOptions): Promise<FileSource> {
    const { ino } = await file.stat({ bigint: true })
    return new FileSource(file, ino, await Head.of(file, offset), offset, options)
  }

  /** From behind the last newline before `end`: a line that is being written now is read whole, the lines before it are not. */
  static async afterLine (file: FileHandle, end: number, options: FileSourceOptions): Promise<FileSource> {
    const start = Math.max(0, end - options.maxLine)
    const bytes = Buffer.alloc(end - start)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
    const newline = bytes.lastIndexOf('\n', bytesRead)
    return await FileSource.at(file, newline === -1 && start > 0 ? end : start + newline + 1, options)
  }

  private constructor (file: FileHandle, inode: bigint, head: Head, offset: number, options: FileSourceOptions) {
    this.inode = inode
    this.#file = file
    this.#head = head
    this.#offset = offset
    this.#options = options
    this.#splitter = new Splitter(options.maxLine, options.onTruncated)
  }

  /** The next whole lines; null if the next bytes ended none; `end` where the file ends now. */
  async read (): Promise<Batch | null | 'end'> {
    const chunk = await this.#readChunk()
    if (chunk.length === 0) return 'end'
    this.#head.see(chunk, this.#offset)
    this.#offset += chunk.length
    return this.#batch(this.#splitter.push(chunk))
  }

  /** The last line, if it has no newline and never will have one. */
  finish (): Batch | null {
    return this.#batch(this.#splitter.end())
  }

  /** Which file this is, and up to where its lines were handed over. */
  mark (): Mark {
    return this.#head.mark(this.inode, this.#offset - this.#splitter.held)
  }

  /** True if what was read is not in the file any more: it was truncated, and may have grown again since. */
  async isOverwritten (): Promise<boolean> {
    const { size } = await this.#file.stat()
    return size < this.#offset || !await bears(this.#file, this.mark())
  }

  async close (): Promise<void> {
    await this.#file.close()
  }

  async #readChunk (): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(chunkBytes)
    try {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#offset)
      return buffer.subarray(0, bytesRead)
    } catch (cause) {
      throw new StreamError('cannot-read', `${this.#options.path} cannot be read: ${messageOf(cause)}`, { cause })
    }
  }

  #batch (lines: Buffer | null): Batch | null {
    if (lines === null) return null
    return batchOfBytes(lines, this.#options.positions ? formatMark(this.mark()) : null)
  }
}
