import type { Dealer } from 'zeromq'
import { codeOf } from '../errors.js'
import type { Context } from '../stream/contracts.js'
import type { Uri } from '../stream/uri.js'
import type { Security } from './curve.js'
import { ReplayConnection } from './dealer.js'
import { parseMessage, type CommitReport, type FetchRequest, type JournalMessage, type Origin } from './journal-messages.js'

/** Records are asked for in portions of so many bytes, one after the other. */
const portionBytes = 1 << 20

/** The subscriber's side of a replay socket. A publisher that does not answer is asked anew, at the next sign of it. */
export class ReplayClient {
  readonly #uri: Uri
  readonly #as: string
  readonly #connection: ReplayConnection
  readonly #ctx: Context
  /** Resolves when the socket can send again: it refuses to do two things at a time. */
  #sent: Promise<unknown> = Promise.resolve()

  constructor (uri: Uri, { as, security, maxMessageSize }: { readonly as: string, readonly security: Security, readonly maxMessageSize: number }, ctx: Context) {
    this.#uri = uri
    this.#as = as
    this.#connection = new ReplayConnection(uri, security, maxMessageSize)
    this.#ctx = ctx
  }

  /** What the publisher has from `from` on, or its state. Null if it does not answer in time. */
  async fetch (origin: Origin, from: number): Promise<JournalMessage | null> {
    const socket = this.#connection.to(origin)
    const request: FetchRequest = { as: this.#as, id: origin.id, from, bytes: portionBytes }
    try {
      await this.#send(socket, request)
      return parseMessage(await socket.receive())
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' && !socket.closed) throw error
      // an answer that comes late after all must not be taken for the next one
      this.close()
      this.#ctx.log.warn('the publisher does not answer a request for a replay', { uri: this.#uri.text, endpoint: this.#connection.endpoint })
      return null
    }
  }

  /** Tells the publisher what is safe here, and so that there is this subscriber; if it is not there, a later report will. */
  report (origin: Origin, committed: number): void {
    const report: CommitReport = { as: this.#as, id: origin.id, committed }
    this.#send(this.#connection.to(origin), report).catch(() => {})
  }

  close (): void {
    this.#connection.close()
  }

  async #send (socket: Dealer, request: FetchRequest | CommitReport): Promise<void> {
    const sent = this.#sent.then(async () => { await socket.send(JSON.stringify(request)) })
    this.#sent = sent.catch(() => {})
    await sent
  }
}
