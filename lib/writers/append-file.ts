import type { Stats } from 'node:fs'
import { appendFile, mkdir, open, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import { Head, type Mark } from '../file/mark.js'
import type { Log } from '../log.js'

const newline = 0x0a
const fileMode = 0o640
const directoryMode = 0o750

/** Read backwards in pieces of so many bytes. */
const pieceBytes = 64 << 10
/** A line torn by a crash is shorter than this; what is longer is no file of lines, and is not touched. */
const longestTornLine = 64 << 20

const operatorsMistakes: readonly unknown[] = ['ENOENT', 'EEXIST', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP']

/** A file of whole lines that is only appended to. This process is its only writer. */
export class AppendFile {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #identity: Stats

  private constructor (path: string, handle: FileHandle, identity: Stats) {
    this.#path = path
    this.#handle = handle
    this.#identity = identity
  }

  /**
   * Opens or makes the file, and cuts off what follows its last newline: a record that was torn would look like one.
   * Throws `ConfigError` for a path that cannot work, and the system's error for all else.
   */
  static async open (path: string, makesDirectory: boolean, log: Log): Promise<AppendFile> {
    const handle = await openToAppend(path, makesDirectory)
    try {
      const identity = await handle.stat()
      if (identity.isFile()) await cutTornLine(handle, path, log)
      return new AppendFile(path, handle, identity)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /**
   * Appends whole lines, each with its newline, in one write. Returns what of them is not in the file yet: whole lines, if the
   * disk has run full. Throws the system's error when there is no room for one.
   */
  async append (lines: readonly Buffer[]): Promise<Buffer[]> {
    const { bytesWritten } = await this.#handle.writev(lines)
    if (bytesWritten === lines.reduce((bytes, { length }) => bytes + length, 0)) return []
    const all = Buffer.concat(lines)
    if (!this.#identity.isFile()) return [all.subarray(bytesWritten)]
    const whole = bytesWritten === 0 ? 0 : all.lastIndexOf(newline, bytesWritten - 1) + 1
    const { size } = await this.#handle.stat()
    await this.#handle.truncate(size - (bytesWritten - whole))
    if (whole === 0) throw Object.assign(new Error('no space left for a whole line'), { code: 'ENOSPC' })
    return [all.subarray(whole)]
  }

  /** Where it ends; null for what is no regular file. */
  async end (): Promise<Mark | null> {
    if (!this.#identity.isFile()) return null
    const { ino, size } = await this.#handle.stat({ bigint: true })
    return (await Head.of(this.#handle, Number(size))).mark(ino, Number(size))
  }

  async sync (): Promise<void> {
    if (this.#identity.isFile()) await this.#handle.datasync()
  }

  /** False when the path leads to another file by now, or nowhere. */
  async hasName (): Promise<boolean> {
    try {
      const { dev, ino } = await stat(this.#path)
      return dev === this.#identity.dev && ino === this.#identity.ino
    } catch (error) {
      return codeOf(error) !== 'ENOENT'
    }
  }

  async close (): Promise<void> {
    await this.#handle.close()
  }
}

async function openToAppend (path: string, makesDirectory: boolean): Promise<FileHandle> {
  try {
    if (makesDirectory) await mkdir(dirname(path), { recursive: true, mode: directoryMode })
    return await open(path, 'a+', fileMode)
  } catch (cause) {
    if (!operatorsMistakes.includes(codeOf(cause))) throw cause
    throw new ConfigError('bad-uri', `${path} cannot be written: ${messageOf(cause)}; name a file in a directory that this user can write`, { cause })
  }
}

async function cutTornLine (handle: FileHandle, path: string, log: Log): Promise<void> {
  const { size } = await handle.stat()
  const whole = await endOfLastLine(handle, size)
  if (whole === size) return
  if (size - whole > longestTornLine) throw new ConfigError('bad-uri', `${path} is no file of lines: its last ${size - whole} bytes have no newline; name another file`)
  const torn = Buffer.alloc(size - whole)
  await handle.read(torn, 0, torn.length, whole)
  await appendFile(`${path}.torn`, Buffer.concat([torn, Buffer.of(newline)]), { mode: fileMode, flush: true })
  await handle.truncate(whole)
  log.error('the last line of the file was torn, and is set aside', { path, bytes: torn.length, kept_in: `${path}.torn` })
}

async function endOfLastLine (handle: FileHandle, size: number): Promise<number> {
  const piece = Buffer.alloc(Math.min(size, pieceBytes))
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - pieceBytes)
    const { bytesRead } = await handle.read(piece, 0, end - start, start)
    const found = piece.subarray(0, bytesRead).lastIndexOf(newline)
    if (found !== -1) return start + found + 1
    end = start
  }
  return 0
}
