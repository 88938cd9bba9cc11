import { closeSync, readSync, writeSync } from 'node:fs'
import { codeOf, ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import { openNameless } from '../../lib/file/nameless.js'

/** Bytes that do not fit into memory, in a file without a name. Reading and writing wait for the disk. */
export class TemporaryFile {
  readonly #directory: string
  readonly #fd: number
  #size = 0
  #isOpen = true

  /** Throws `ConfigError` when there can be none. */
  constructor (directory: string) {
    this.#directory = directory
    try {
      this.#fd = openNameless(directory)
    } catch (cause) {
      throw new ConfigError('bad-option', `--temporary ${directory}: ${messageOf(cause)}; name a directory that this user can write`, { cause })
    }
  }

  get size (): number {
    return this.#size
  }

  /** Returns where the bytes begin. Throws `StreamError`. */
  append (bytes: Uint8Array): number {
    const offset = this.#size
    for (let done = 0; done < bytes.length;) {
      try {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done)
      } catch (cause) {
        throw this.#failure(cause)
      }
    }
    this.#size += bytes.length
    return offset
  }

  /** Fills `into` with what begins there. Throws `StreamError`. */
  read (into: Uint8Array, offset: number): void {
    for (let done = 0; done < into.length;) {
      const read = this.#read(into, done, offset + done)
      if (read === 0) throw new StreamError('cannot-read', `a temporary file in ${this.#directory} ends too early`)
      done += read
    }
  }

  #read (into: Uint8Array, at: number, offset: number): number {
    try {
      return readSync(this.#fd, into, at, into.length - at, offset)
    } catch (cause) {
      throw new StreamError('cannot-read', `a temporary file in ${this.#directory} cannot be read: ${messageOf(cause)}`, { cause })
    }
  }

  close (): void {
    if (this.#isOpen) closeSync(this.#fd)
    this.#isOpen = false
  }

  #failure (cause: unknown): StreamError {
    const isFull = ['ENOSPC', 'EDQUOT'].includes(codeOf(cause) ?? '')
    return isFull
      ? new StreamError('no-space', `there is no room for temporary files in ${this.#directory}: ${messageOf(cause)}; about as much is needed as all lines have, decompressed, and 100 bytes for each, above 8 GB twice that: make room, or name another directory with --temporary`, { cause })
      : new StreamError('cannot-write', `a temporary file in ${this.#directory} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
