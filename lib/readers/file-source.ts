import type { FileHandle } from 'node:fs/promises'
import { messageOf, StreamError } from '../errors.js'
import { arrival, batchOfBytes, withProvenance } from '../stream/batch.js'
import type { Batch } from '../stream/contracts.js'
import { Splitter } from '../stream/splitter.js'
import { bears, formatMark, Head, type Mark } from '../file/mark.js'

const newline = 0x0a
/** Read at once: a wait for the disk costs as much as the processing of some lines. */
const chunkBytes = 256 << 10
/** Handed over at once: V8 keeps a longer text apart from its young objects, which makes everything with it slower. */
const pieceBytes = 64 << 10

export interface FileSourceOptions {
  /** For messages. */
  readonly path: string
  /** What the ledger calls it. */
  readonly stream: string
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
  /** Read, from `#offset` on, and not pushed. */
  #unread: Buffer = Buffer.alloc(0)
  /** What follows that, while it is being read. */
  #next: Promise<Buffer> | null = null
  readonly #head: Head
  /** End of what was pushed to the splitter. */
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
    if (this.#unread.length === 0) await this.#readOn()
    if (this.#unread.length === 0) return 'end'
    // whole lines where possible: the splitter copies what it has to put together
    const piece = this.#unread.subarray(0, this.#unread.lastIndexOf(newline, pieceBytes - 1) + 1 || pieceBytes)
    this.#unread = this.#unread.subarray(piece.length)
    this.#head.see(piece, this.#offset)
    this.#offset += piece.length
    return this.#batch(this.#splitter.push(piece))
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

  /** Takes the next chunk, and begins with the one after it unless the file ends here. */
  async #readOn (): Promise<void> {
    const next = this.#next ?? this.#readChunk(this.#offset)
    this.#next = null
    this.#unread = await next
    if (this.#unread.length < chunkBytes) return
    this.#next = this.#readChunk(this.#offset + chunkBytes)
    // thrown when it is taken
    this.#next.catch(() => {})
  }

  async #readChunk (offset: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(chunkBytes)
    try {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, offset)
      return buffer.subarray(0, bytesRead)
    } catch (cause) {
      throw new StreamError('cannot-read', `${this.#options.path} cannot be read: ${messageOf(cause)}`, { cause })
    }
  }

  #batch (lines: Buffer | null): Batch | null {
    const batch = lines === null ? null : batchOfBytes(lines)
    if (batch === null || !this.#options.positions) return batch
    return withProvenance(batch, arrival(this.#options.stream, batch.count, formatMark(this.mark())))
  }
}
