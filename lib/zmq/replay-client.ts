import { Dealer } from 'zeromq'
import { codeOf } from '../errors.js'
import type { Context } from '../stream/contracts.js'
import type { Uri } from '../stream/uri.js'
import { wantsIpv6 } from './endpoint.js'
import { parseMessage, replayEndpointOf, type CommitReport, type FetchRequest, type JournalMessage, type Origin } from './journal-messages.js'
import { keepAlive } from './options.js'

/** Records are asked for in portions of so many bytes, one after the other. */
const portionBytes = 1 << 20
/** A publisher that does not answer for so many milliseconds is asked anew, at the next sign of it. */
const answerMs = 2000

/** The subscriber's side of a replay socket: connects when it is first needed, and again when the publisher has moved. */
export class ReplayClient {
  readonly #uri: Uri
  readonly #as: string
  readonly #maxMessageSize: number
  readonly #ctx: Context
  #socket: Dealer | null = null
  #endpoint = ''
  /** Resolves when the socket can send again: it refuses to do two things at a time. */
  #sent: Promise<unknown> = Promise.resolve()

  constructor (uri: Uri, { as, maxMessageSize }: { readonly as: string, readonly maxMessageSize: number }, ctx: Context) {
    this.#uri = uri
    this.#as = as
    this.#maxMessageSize = maxMessageSize
    this.#ctx = ctx
  }

  /** What the publisher has from `from` on, or its state. Null if it does not answer in time. */
  async fetch (origin: Origin, from: number): Promise<JournalMessage | null> {
    const socket = this.#connected(origin)
    const request: FetchRequest = { as: this.#as, id: origin.id, from, bytes: portionBytes }
    try {
      await this.#send(socket, request)
      return parseMessage(await socket.receive())
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' && !socket.closed) throw error
      // an answer that comes late after all must not be taken for the next one
      this.close()
      this.#ctx.log.warn('the publisher does not answer a request for a replay', { uri: this.#uri.text, endpoint: this.#endpoint })
      return null
    }
  }

  /** Tells the publisher what is safe here, and so that there is this subscriber; if it is not there, a later report will. */
  report (origin: Origin, committed: number): void {
    const report: CommitReport = { as: this.#as, id: origin.id, committed }
    this.#send(this.#connected(origin), report).catch(() => {})
  }

  close (): void {
    this.#socket?.close()
    this.#socket = null
  }

  async #send (socket: Dealer, request: FetchRequest | CommitReport): Promise<void> {
    const sent = this.#sent.then(async () => { await socket.send(JSON.stringify(request)) })
    this.#sent = sent.catch(() => {})
    await sent
  }

  #connected (origin: Origin): Dealer {
    const endpoint = replayEndpointOf(this.#uri, origin)
    if (this.#socket !== null && endpoint === this.#endpoint) return this.#socket
    this.close()
    const socket = new Dealer({ receiveTimeout: answerMs, sendTimeout: answerMs, linger: 0, maxMessageSize: this.#maxMessageSize, ipv6: wantsIpv6(this.#uri), ...keepAlive })
    socket.connect(endpoint)
    this.#endpoint = endpoint
    this.#socket = socket
    return socket
  }
}
