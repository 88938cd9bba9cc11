import { resolve } from 'node:path'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import { Backoff } from '../stream/backoff.js'
import type { Batch, Context, Writer, WriterHandler } from '../stream/contracts.js'
import { AppendFile } from './append-file.js'
import { FileMarks } from './file-marks.js'

export interface FileWriterParams {
  fsync: 'flush' | 'never'
  mkdir: boolean
  grace: number
}

const newline = Buffer.from('\n')

/** Taken and not yet written, at most: more is waited for. */
const heldBytes = 512 << 10

/** A full disk or an exceeded quota ends by itself, or by an operator's hand; it is waited for. */
const passing: readonly unknown[] = ['ENOSPC', 'EDQUOT']

/**
 * A line a record, appended in writes of whole lines; batches that come in the same turn of the event loop are written together,
 * because each write costs a change to another thread and back. Whatever happens, the file ends with a whole line: what a crash
 * tore is moved to `<path>.torn` at the next start, what a full disk cuts short is taken back, and written again when there is
 * room; what came of input that will come again is cut off at the next start (`FileMarks`). Opens the path anew at SIGHUP, and on a
 * flush when the file is no longer there under its name.
 */
export const fileWriter: WriterHandler<FileWriterParams> = {
  schemes: ['file'],
  summary: 'Appends a line a record to a file, through log rotation and full disks.',
  examples: ['file:///var/log/vanadium/all-events.log', 'file:///srv/events.log?fsync=never'],
  needs: ['path'],
  params: {
    type: 'object',
    properties: {
      fsync: { type: 'string', enum: ['flush', 'never'], default: 'flush', description: 'flush: what was flushed survives a power cut. never: it survives a crash of the daemon, not one of the machine.' },
      mkdir: { type: 'boolean', default: true, description: 'Makes the directory if it is not there.' },
      grace: { type: 'number', minimum: 0, maximum: 15, default: 10, description: 'Seconds that a full disk is still waited for when the daemon has been told to stop.' }
    },
    additionalProperties: false
  },
  check (uri) {
    if (uri.host !== null) throw new ConfigError('bad-uri', `${uri.text}: "${uri.host}" stands where a host does; write file:// and an absolute path, for example file:///var/log/events.log`)
    if (uri.path.endsWith('/')) throw new ConfigError('bad-uri', `${uri.text}: this is a directory; name a file in it`)
  },
  claims: ({ path }) => [{ kind: 'file', path: resolve(path) }],
  async open (uri, params, ctx) {
    const writer = new FileWriter(resolve(uri.path), params, ctx)
    ctx.defer(uri.text, async () => { await writer.close() })
    ctx.onReload(async () => { await writer.reopen() })
    await writer.open()
    return writer
  }
}

class FileWriter implements Writer {
  readonly #path: string
  readonly #params: FileWriterParams
  readonly #ctx: Context
  readonly #patience = new AbortController()
  readonly #marks: FileMarks
  #file: AppendFile | null = null
  #last: Promise<void> = Promise.resolve()
  /** To be written together. */
  #gathered: Buffer[] = []
  /** Bytes of what was taken and is not written yet. */
  #held = 0
  /** Resolves when all before that is written, and stays rejected once something could not be. */
  #written: Promise<void> = Promise.resolve()
  #failed = false

  constructor (path: string, params: FileWriterParams, ctx: Context) {
    this.#path = path
    this.#params = params
    this.#ctx = ctx
    this.#marks = new FileMarks(path, ctx)
    const endPatience = (): void => { setTimeout(() => { this.#patience.abort() }, params.grace * 1000).unref() }
    if (ctx.stop.aborted) endPatience()
    else ctx.stop.addEventListener('abort', endPatience, { once: true })
  }

  async open (): Promise<void> {
    await this.#alone(async () => {
      await this.#untilRoom(async () => { this.#file = await AppendFile.open(this.#path, this.#params.mkdir, this.#ctx.log) })
    })
  }

  /**
   * Resolves before the batch is written, so that the next one is made while the disk works, but not before there are fewer
   * than `heldBytes` to be written. A failure is thrown by the next call.
   */
  async write (batch: Batch): Promise<void> {
    await this.#marks.before(batch, async () => await this.#opened().end())
    if (this.#failed || this.#held >= heldBytes) await this.#writeGathered()
    if (this.#gathered.length === 0) setImmediate(() => { void this.#writeGathered().catch(() => { this.#failed = true }) })
    this.#gathered.push(batch.payload, newline)
    this.#held += batch.payload.length + newline.length
  }

  /** Resolves when everything before and what was gathered is written. */
  async #writeGathered (): Promise<void> {
    if (this.#gathered.length > 0) {
      const lines = this.#gathered
      const bytes = lines.reduce((sum, { length }) => sum + length, 0)
      this.#gathered = []
      this.#written = this.#written.then(async () => {
        await this.#alone(async () => { await this.#append(lines) })
        this.#held -= bytes
      })
    }
    await this.#written
  }

  async #append (lines: Buffer[]): Promise<void> {
    let rest = lines
    await this.#untilRoom(async () => {
      while (rest.length > 0) rest = await this.#opened().append(rest)
    })
  }

  async flush (): Promise<void> {
    await this.#writeGathered()
    await this.#alone(async () => {
      await this.#sync()
      await this.#followName()
      this.#marks.reached(await this.#opened().end())
    })
  }

  /** For what moves the file and then signals: logrotate. */
  async reopen (): Promise<void> {
    await this.#writeGathered().catch(() => { /* thrown by the next call */ })
    await this.#alone(async () => { if (this.#file !== null) await this.#openAnew() })
  }

  async close (): Promise<void> {
    await this.#writeGathered().catch(() => { /* thrown by the flush before */ })
    await this.#alone(async () => {
      if (this.#file === null) return
      const file = this.#file
      await this.#sync()
      this.#file = null
      await file.close()
    })
  }

  /** A reload comes at any time; it waits for the write that goes on, and writes wait for it. */
  async #alone (work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    await done
  }

  #opened (): AppendFile {
    if (this.#file === null) throw new StreamError('cannot-write', `${this.#path} is closed`)
    return this.#file
  }

  async #sync (): Promise<void> {
    if (this.#params.fsync === 'flush') await this.#untilRoom(async () => { await this.#file?.sync() })
  }

  async #followName (): Promise<void> {
    if (this.#file !== null && !await this.#file.hasName()) await this.#openAnew()
  }

  /** While that fails, the old file is better than none. */
  async #openAnew (): Promise<void> {
    const old = this.#opened()
    try {
      if (this.#params.fsync === 'flush') await old.sync()
      const next = await AppendFile.open(this.#path, this.#params.mkdir, this.#ctx.log)
      this.#marks.changed(await next.end())
      this.#file = next
      await old.close()
      this.#ctx.log.info('file opened anew', { path: this.#path })
    } catch (error) {
      this.#ctx.log.error('the file cannot be opened anew; writing to the old one', { path: this.#path, reason: messageOf(error) })
    }
  }

  /** Repeats `work`, which goes on where it failed, for as long as the disk is full. */
  async #untilRoom (work: () => Promise<void>): Promise<void> {
    const backoff = new Backoff({ firstMs: 500, mostMs: 5000 })
    const since = new Date()
    for (;;) {
      try {
        await work()
        if (backoff.attempts > 0) this.#isRoom(since)
        return
      } catch (cause) {
        if (cause instanceof ConfigError || cause instanceof StreamError) throw cause
        if (!passing.includes(codeOf(cause))) throw new StreamError('cannot-write', `${this.#path} cannot be written: ${messageOf(cause)}`, { cause })
        this.#ctx.waiting(`room on the disk of ${this.#path}`, messageOf(cause))
        this.#ctx.log.error('the disk is full; waiting for room', { path: this.#path, since: since.toISOString(), reason: messageOf(cause) })
        if (!await backoff.wait(this.#patience.signal)) throw new StreamError('no-space', `${this.#path}: the disk was still full when the daemon had to end`, { cause })
        // what was deleted to make room is kept by the file system for as long as it is open
        await this.#followName()
      }
    }
  }

  #isRoom (since: Date): void {
    this.#ctx.waiting(`room on the disk of ${this.#path}`, null)
    this.#ctx.log.info('there is room again', { path: this.#path, seconds: Math.round((Date.now() - since.getTime()) / 1000) })
  }
}
