import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { lastWords, type Answers, type Refusal } from './http-answers.js'
import { linger } from './http-linger.js'

export interface ConnectionLimits {
  /** Requests of one connection that wait for their answers. */
  readonly pipelined: number
  /** Requests of one connection, one after the other. */
  readonly requests: number
}

/** A request, how it is answered, and the connection that it came by. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly connection: Connection
}

/** Connections without a request under way, those for the longest time first. */
export type Idle = Set<Connection>

interface Home {
  readonly limits: ConnectionLimits
  readonly answers: Answers
  /** Where it is while it has nothing to do. */
  readonly idle: readonly Idle[]
  /** To be called when it is gone; its socket may tell that only later. */
  readonly leave: () => void
}

/** One connection: its requests are answered in their order, then it may end. */
export class Connection {
  readonly #socket: Socket
  readonly #home: Home
  #requests = 0
  #waiting = 0
  /** What it had read when it became idle. */
  #bytesRead = 0
  #newest: ServerResponse | null = null
  /** Said behind the answers that wait. */
  #last: string | null = null
  #isOver = false

  constructor (socket: Socket, home: Home) {
    this.#socket = socket
    this.#home = home
  }

  /** False if the request is not to be looked at: it is refused, or came behind the last one. */
  begin (response: ServerResponse): boolean {
    if (this.#isOver) {
      // what was read together with the last one is parsed all the same; nothing more is read
      this.#socket.pause()
      return false
    }
    const { limits, idle } = this.#home
    this.#requests++
    this.#waiting++
    this.#newest = response
    for (const set of idle) set.delete(this)
    response.once('close', () => { this.#done() })
    if (this.#waiting > limits.pipelined) {
      this.refuse(response, 503)
      return false
    }
    // Node has thrown away what it had read behind a request for another protocol
    if (this.#requests >= limits.requests || 'upgrade' in response.req.headers) this.#endBehind(response)
    return true
  }

  /**
   * A refusal is the last answer of its connection if others wait before it, so that not any number of them waits; and if the rest
   * of its body would have to be read. The first refusal of a request counts: a body that took too long may also be too much.
   */
  refuse (response: ServerResponse, status: Refusal, headers: OutgoingHttpHeaders = {}): void {
    if (response.headersSent) return
    if (this.#waiting > 1 || hasUnreadBody(response.req)) this.#endBehind(response)
    this.#home.answers.refuse(response, status, headers)
  }

  /** What came is no request, or has not become one in time: the end, behind the answers to what came before it. */
  fail (status: Refusal): void {
    const newest = this.#newest
    if (newest !== null && !newest.req.complete) return this.refuse(newest, status)
    this.#socket.pause()
    if (this.#isOver) return
    this.#isOver = true
    this.#home.answers.count(status)
    this.#last = lastWords(status)
    if (this.#waiting === 0) this.#end()
  }

  /** Closes it, unless the next request has begun to come in. */
  giveWay (): boolean {
    for (const set of this.#home.idle) set.delete(this)
    if (this.#socket.bytesRead !== this.#bytesRead) return false
    this.#socket.destroy()
    this.#home.leave()
    return true
  }

  #endBehind (response: ServerResponse): void {
    this.#isOver = true
    response.setHeader('Connection', 'close')
  }

  #done (): void {
    this.#waiting--
    if (this.#waiting > 0 || this.#socket.destroyed) return
    if (this.#last !== null) this.#end()
    if (this.#isOver) return
    this.#newest = null
    this.#bytesRead = this.#socket.bytesRead
    for (const set of this.#home.idle) set.add(this)
  }

  #end (): void {
    linger(this.#socket, this.#last ?? '')
  }
}

/** Whether there is a body, if only the beginning of one. */
export function hasBody ({ headers }: IncomingMessage): boolean {
  return 'transfer-encoding' in headers || (headers['content-length'] ?? '0') !== '0'
}

/** Its rest would have to be read before the next request on the same connection. */
function hasUnreadBody (request: IncomingMessage): boolean {
  return !request.complete && hasBody(request)
}
