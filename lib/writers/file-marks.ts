import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { codeOf } from '../errors.js'
import type { Batch, Context } from '../stream/contracts.js'

/** Up to where a file is safe: what follows came of input whose position was not saved, so it will come again. */
export interface Mark {
  readonly inode: bigint
  /** Bytes. */
  readonly size: number
}

/**
 * Keeps in the state up to where a file was written when the position of the input was saved, and cuts it back to there before
 * anything is written in the next run: each record is in the file once, whatever was killed in between. Input that has no
 * positions cannot come again; then there are no marks, and nothing is cut.
 */
export class FileMarks {
  readonly #path: string
  readonly #source: string
  readonly #ctx: Context
  #keeps: boolean | null = null

  constructor (path: string, ctx: Context) {
    this.#path = path
    this.#source = `written:${path}`
    this.#ctx = ctx
  }

  /** To be called before a batch is written; `end` says where the file ends, null for what is no file. */
  async before (batch: Batch, end: () => Promise<Mark | null>): Promise<void> {
    const keeps = batch.position !== null
    if (keeps === this.#keeps || this.#keeps === false) return
    this.#keeps = keeps && await this.#begin(end)
    if (!keeps) this.#ctx.stateIfAny?.note(this.#source, '')
  }

  /** Put into the state, for `drive` to save with the positions. */
  reached (mark: Mark | null): void {
    if (this.#keeps === true && mark !== null) this.#ctx.state.remember(this.#source, format([mark]))
  }

  /** Another file will be written from now on: both have to be cut back until there is a new mark. */
  changed (to: Mark | null): void {
    if (this.#keeps === true && to !== null) this.#ctx.state.note(this.#source, format([...this.#stored(), to]))
  }

  /** False if there is nothing that could be cut. */
  async #begin (end: () => Promise<Mark | null>): Promise<boolean> {
    if (await end() === null) return false
    for (const mark of this.#stored()) {
      const cut = await cutBack(this.#path, mark)
      if (cut === null) this.#ctx.log.warn('the file that was written last is not here; some records may be there twice', { path: this.#path, inode: mark.inode })
      else if (cut > 0) this.#ctx.log.info('the file was cut back to what is safe; what followed comes again', { path: this.#path, bytes: cut })
    }
    const mark = await end()
    if (mark !== null) this.#ctx.state.note(this.#source, format([mark]))
    return mark !== null
  }

  #stored (): Mark[] {
    return (this.#ctx.state.position(this.#source) ?? '').split(',').flatMap(text => {
      const [, inode, size] = /^(\d+):(\d{1,15})$/.exec(text) ?? []
      return inode === undefined || size === undefined ? [] : [{ inode: BigInt(inode), size: Number(size) }]
    })
  }
}

function format (marks: readonly Mark[]): string {
  return marks.map(({ inode, size }) => `${inode}:${size}`).join(',')
}

/** The bytes that were cut; null if the file is not there any more, or shorter than it was. Throws the system's error. */
async function cutBack (path: string, mark: Mark): Promise<number | null> {
  const file = await findByInode(path, mark.inode)
  if (file === null) return null
  try {
    const { size } = await file.stat()
    if (size < mark.size) return null
    if (size > mark.size) await file.truncate(mark.size)
    return size - mark.size
  } finally {
    await file.close()
  }
}

/** The file of that name, or one beside it to which it was rotated. */
async function findByInode (path: string, inode: bigint): Promise<FileHandle | null> {
  const name = basename(path)
  const beside = (await readdir(dirname(path))).filter(other => other.startsWith(name) && other !== name)
  for (const candidate of [name, ...beside]) {
    const found = join(dirname(path), candidate)
    try {
      if ((await stat(found, { bigint: true })).ino !== inode) continue
      const file = await open(found, 'r+')
      // it may have been renamed just now
      if ((await file.stat({ bigint: true })).ino === inode) return file
      await file.close()
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }
  return null
}
