import { Dealer } from 'zeromq'
import type { Uri } from '../stream/uri.js'
import type { Security } from './curve.js'
import { wantsIpv6 } from './endpoint.js'
import { replayEndpointOf, type Origin } from './journal-messages.js'
import { keepAlive } from './options.js'

/** A publisher that does not answer for so many milliseconds does not answer. */
const answerMs = 2000

/**
 * A subscriber's connection to the replay socket of a stream; made when it is first needed, and again when the publisher has moved. If the
 * publisher refused its key, ZeroMQ gives it up without a word: who is not answered closes it, so that the next request makes another.
 */
export class ReplayConnection {
  readonly #uri: Uri
  readonly #security: Security
  readonly #maxMessageSize: number
  #socket: Dealer | null = null
  #endpoint = ''

  constructor (uri: Uri, security: Security, maxMessageSize: number) {
    this.#uri = uri
    this.#security = security
    this.#maxMessageSize = maxMessageSize
  }

  get endpoint (): string {
    return this.#endpoint
  }

  /** Sends and receives, each for two seconds at most: then it throws EAGAIN. */
  to (origin: Origin): Dealer {
    const endpoint = replayEndpointOf(this.#uri, origin)
    if (this.#socket !== null && endpoint === this.#endpoint) return this.#socket
    this.close()
    const socket = new Dealer({ receiveTimeout: answerMs, sendTimeout: answerMs, linger: 0, maxMessageSize: this.#maxMessageSize, ipv6: wantsIpv6(this.#uri), ...keepAlive })
    this.#security.equip(socket)
    socket.connect(endpoint)
    this.#endpoint = endpoint
    this.#socket = socket
    return socket
  }

  close (): void {
    this.#socket?.close()
    this.#socket = null
  }
}
