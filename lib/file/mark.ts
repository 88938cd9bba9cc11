import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { Position } from '../stream/contracts.js'

/** Of a file, as much as tells it from others. */
const headBytes = 1024

/**
 * How far a file was read, or written, and which file that was. An inode alone does not say: a new file often gets the number of one
 * just deleted, and `copytruncate` keeps the inode and moves the content. So a mark carries a digest of the first bytes too,
 * of what was read at most.
 */
export interface Mark {
  readonly inode: bigint
  /** Bytes from the start of the file to the start of the first line that is not handed over, or not safe. */
  readonly offset: number
  readonly digest: string
}

/** The start of a file, as far as it was read: what its marks are made from. */
export class Head {
  #bytes: Buffer = Buffer.alloc(0)

  /** The first `offset` bytes of a file that is to be read from there. */
  static async of (file: FileHandle, offset: number): Promise<Head> {
    const bytes = Buffer.alloc(Math.min(offset, headBytes))
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    const head = new Head()
    head.#bytes = bytes.subarray(0, bytesRead)
    return head
  }

  /** Takes note of bytes that were read at `offset`. */
  see (chunk: Buffer, offset: number): void {
    if (this.#bytes.length >= headBytes || this.#bytes.length !== offset) return
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, headBytes - offset)])
  }

  mark (inode: bigint, offset: number): Mark {
    return { inode, offset, digest: createHash('sha1').update(this.#bytes.subarray(0, offset)).digest('hex') }
  }
}

export function formatMark ({ inode, offset, digest }: Mark): Position {
  return `${inode}:${offset}:${digest}`
}

/** Null if the position is none of ours. */
export function parseMark (position: Position): Mark | null {
  const [, inode, offset, digest] = /^(\d+):(\d{1,15}):([0-9a-f]{40})$/.exec(position) ?? []
  return inode === undefined || digest === undefined ? null : { inode: BigInt(inode), offset: Number(offset), digest }
}

/** True if the file begins as the marked one did and is long enough: reading can go on in it. */
export async function bears (file: FileHandle, { offset, digest }: Mark): Promise<boolean> {
  const { size } = await file.stat()
  return size >= offset && (await Head.of(file, offset)).mark(0n, offset).digest === digest
}
