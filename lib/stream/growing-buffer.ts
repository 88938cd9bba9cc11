const firstBytes = 1024

/**
 * Bytes that come in pieces, kept in one piece of memory, so that many tiny pieces cost no more than a few large ones.
 * Keeps the first `limit` bytes and drops what comes after them.
 */
export class GrowingBuffer {
  readonly #limit: number
  #memory = Buffer.alloc(0)
  #length = 0

  constructor (limit: number) {
    this.#limit = limit
  }

  get length (): number {
    return this.#length
  }

  /** What is kept: a view, good until the next `append` or `clear`. */
  get bytes (): Buffer {
    return this.#memory.subarray(0, this.#length)
  }

  /** Copies the piece. */
  append (piece: Buffer): void {
    const needed = Math.min(this.#length + piece.length, this.#limit)
    if (needed > this.#memory.length) this.#grow(needed)
    this.#length += piece.copy(this.#memory, this.#length)
  }

  clear (): void {
    this.#length = 0
  }

  #grow (needed: number): void {
    const grown = Buffer.allocUnsafe(Math.min(Math.max(needed, this.#memory.length * 2, firstBytes), this.#limit))
    this.#memory.copy(grown, 0, 0, this.#length)
    this.#memory = grown
  }
}
