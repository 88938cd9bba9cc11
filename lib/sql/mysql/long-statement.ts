import type { Socket } from 'node:net'
import mysql, { type ConnectionOptions, type RowDataPacket } from 'mysql2/promise'
import { messageOf } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import { numberOf } from '../errors.js'
import { shortOf } from '../patience.js'
import { noFile } from './local-infile.js'

/** What the server says by another connection: what it does for the first one, empty if that is nothing; null if it knows nothing of it. */
export type Ask = () => Promise<string | null>

/** A server that is asked has so long. */
const askTimeoutMs = 8000

export interface WatchOptions {
  /** The store, as the log names it. */
  readonly store: string
  /** Null where no statement takes long: who does not answer is away. */
  readonly ask: Ask | null
  /** Ends the connection that gets no answer, so that the store is waited for as one that is away. */
  readonly breakOff: (error: Error) => void
  /** A statement that has no answer for so long is asked after, and again each time. */
  readonly everyMs?: number
}

/** Server and network may be busy for a moment: only who is not heard of twice is away. */
const mostSilences = 2

/**
 * A statement may take long, and is not to be broken off for that: a restart would only begin it again. But a server that does not answer
 * may be gone without a word. So it is asked by another connection whether it still works on it (docs/decisions/0017).
 */
export class StatementWatch {
  readonly #ctx: Pick<Context, 'log' | 'progress' | 'waiting'>
  readonly #options: WatchOptions
  readonly #what: string
  #timer: NodeJS.Timeout | undefined
  /** Counts answers; of the work too, so that what is heard late is not taken for news of the next. */
  #answers = 0
  #seen = 0
  #silences = 0
  #isSaid = false

  constructor (ctx: Pick<Context, 'log' | 'progress' | 'waiting'>, options: WatchOptions) {
    this.#ctx = ctx
    this.#options = options
    this.#what = `an answer of ${shortOf(options.store)}`
  }

  /** From now on there should be answers. */
  begin (): void {
    this.#answers++
    this.#timer = setInterval(() => { void this.#look() }, this.#options.everyMs ?? 10_000).unref()
  }

  end (): void {
    clearInterval(this.#timer)
    this.answered()
  }

  /** A statement is over. */
  answered (): void {
    this.#answers++
    this.#silences = 0
    this.#ctx.progress()
    if (this.#isSaid) this.#ctx.waiting(this.#what, null)
    this.#isSaid = false
  }

  async #look (): Promise<void> {
    const isNew = this.#seen !== this.#answers
    const asked = this.#seen = this.#answers
    if (isNew) return
    const heard = await this.#ask()
    // if it waits for us, the watchdog has to see that
    if (asked !== this.#answers || heard === '') return
    if (typeof heard === 'string') {
      this.#silences = 0
      this.#isSaid = true
      this.#ctx.waiting(this.#what, heard)
    } else if (++this.#silences >= (this.#options.ask === null ? 1 : mostSilences)) {
      this.#ctx.log.warn('a statement gets no answer; its connection is given up', { store: this.#options.store, reason: heard.message })
      this.#options.breakOff(heard)
    }
  }

  /** What the server does, or why nobody knows. */
  async #ask (): Promise<string | Error> {
    if (this.#options.ask === null) return lost('it should have come at once')
    try {
      const state = await this.#options.ask()
      return state ?? lost('the server knows nothing of it any more')
    } catch (error) {
      // it is there: it has refused, as one that has too many connections
      return numberOf(error) > 0 ? messageOf(error) : lost(messageOf(error))
    }
  }
}

/** By a connection of its own, through `socket`: what the server does for the one that it counts as `id`. */
export async function askFor (id: string, options: ConnectionOptions, socket: Socket): ReturnType<Ask> {
  const timer = setTimeout(() => { socket.destroy(new Error('the server does not answer')) }, askTimeoutMs)
  try {
    const connection = await mysql.createConnection({ ...options, stream: () => socket, infileStreamFactory: noFile(error => { socket.destroy(error) }) })
    connection.on('error', () => {})
    const [rows] = await connection.query<RowDataPacket[]>('SHOW PROCESSLIST')
    const row = rows.find(({ Id }) => String(Id) === id)
    if (row === undefined) return null
    return row['Command'] === 'Sleep' ? '' : String(row['State'] === '' ? row['Command'] : row['State'])
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

/** Classified as a connection that is lost. */
function lost (reason: string): Error {
  return Object.assign(new Error(`a statement gets no answer: ${reason}`), { code: 'ETIMEDOUT' })
}
