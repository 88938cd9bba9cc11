import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { generationsOf } from '../file/generations.js'
import { bears, formatMark, parseMark, type Mark } from '../file/mark.js'
import type { Batch, Context } from '../stream/contracts.js'

/** Bytes that can follow what is safe: there is a flush at the latest after half as many. With more, the state is older than the file: an old copy of it. */
const mostExcess = 128 << 20

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
      else if (cut.kept !== null) this.#ctx.log.warn('the file was cut back to what the state knows; what followed is more than can come again, and is kept beside it', { path: this.#path, bytes: cut.bytes, kept: cut.kept })
      else if (cut.bytes > 0) this.#ctx.log.info('the file was cut back to what is safe; what followed comes again', { path: this.#path, bytes: cut.bytes })
    }
    const mark = await end()
    if (mark !== null) this.#ctx.state.note(this.#source, format([mark]))
    return mark !== null
  }

  #stored (): Mark[] {
    return (this.#ctx.state.position(this.#source) ?? '').split(',').map(parseMark).filter(mark => mark !== null)
  }
}

function format (marks: readonly Mark[]): string {
  return marks.map(formatMark).join(',')
}

interface Cut {
  readonly bytes: number
  /** Where they are now; null if they come again. */
  readonly kept: string | null
}

/**
 * Cuts back the marked file, which may have been rotated since; null if it is not there any more. One that only has its inode, as the
 * kernel gives it to another file later, is not touched. Throws the system's error.
 */
async function cutBack (path: string, mark: Mark): Promise<Cut | null> {
  const found = (await generationsOf(path)).find(({ inode }) => inode === mark.inode)
  if (found === undefined) return null
  const file = await open(found.path, 'r+')
  try {
    const { ino, size } = await file.stat({ bigint: true })
    if (ino !== mark.inode || !await bears(file, mark)) return null
    const bytes = Number(size) - mark.offset
    const kept = bytes > mostExcess ? await keep(found.path, mark.offset) : null
    if (bytes > 0) await file.truncate(mark.offset)
    return { bytes, kept }
  } finally {
    await file.close()
  }
}

/** Copies what follows `offset` to a new file beside, where it is safe before it is cut. */
async function keep (path: string, offset: number): Promise<string> {
  const beside = `${path}.cut-${Date.now()}`
  await pipeline(createReadStream(path, { start: offset }), createWriteStream(beside, { flags: 'wx', mode: 0o640, flush: true }))
  return beside
}
