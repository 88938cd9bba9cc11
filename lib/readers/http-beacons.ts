import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { StreamError } from '../errors.js'
import type { Batch, Context } from '../stream/contracts.js'
import { PullQueue } from '../stream/pull-queue.js'
import type { Sequence } from '../stream/state.js'
import { Bodies } from './http-body.js'
import { clientAddress, lineOf, queryOfBody } from './http-line.js'
import { hasOptedOut } from './http-opt-out.js'

export interface BeaconOptions {
  readonly recvFrom: string
  readonly sequence: Sequence
  readonly trustedProxies: number
  /** Name of the cookie with which people opt out. */
  readonly optOutCookie: string
  /** Bytes, as the following one. */
  readonly maxQuery: number
  readonly maxBody: number
  readonly queueRecords: number
}

/** Whatever the number of events and of clients: what they may take of memory. */
const queueBytes = 64 << 20
const bodyBytes = 16 << 20

const endpoints = new Map([
  ['/event.gif', ['GET', 'POST', 'OPTIONS']],
  ['/beacon/event', ['GET', 'POST', 'OPTIONS']],
  ['/', ['POST', 'OPTIONS']]
])

/** RFC 9112, section 3.2.2: what a client says to a proxy, a server has to take too. */
const authority = /^http:\/\/[^/?]*/i

const anyOrigin = { 'Cache-Control': 'no-store', 'Access-Control-Allow-Origin': '*' }
const preflight = {
  ...anyOrigin,
  'Access-Control-Allow-Methods': 'GET, POST',
  'Access-Control-Allow-Headers': 'Content-Type',
  'Access-Control-Max-Age': '86400'
}

/** Answers are constant: nothing of a request ever comes back. */
const refusals = {
  400: 'there is no event: send GET /event.gif?<percent-encoded JSON>, or POST the JSON',
  404: 'there is nothing here: events go to /event.gif or /beacon/event',
  405: 'this method is not allowed here',
  413: 'the body is too large',
  414: 'the query is too long: POST the event instead',
  503: 'too busy, or stopping: try again later'
} as const

/**
 * Requests to lines, and back to answers: a request is answered when the consumer asks for the next batch, that is, when
 * the event is safe with every writer. Until then its response waits, in the order of the records.
 */
export class Beacons {
  readonly #options: BeaconOptions
  readonly #ctx: Context
  readonly #queue: PullQueue
  readonly #bodies: Bodies
  #queued: ServerResponse[] = []
  #handedOver: ServerResponse[] = []
  #stopping = false

  constructor (options: BeaconOptions, ctx: Context) {
    this.#options = options
    this.#ctx = ctx
    this.#queue = new PullQueue({ records: options.queueRecords, bytes: queueBytes })
    this.#bodies = new Bodies({ most: options.maxBody, together: bodyBytes })
  }

  handle (request: IncomingMessage, response: ServerResponse): void {
    const { method = '' } = request
    const url = (request.url ?? '').replace(authority, '')
    const mark = url.indexOf('?')
    const path = mark === -1 ? url : url.slice(0, mark)
    const methods = endpoints.get(path)
    if (methods === undefined || (path === '/' && method === 'GET')) return this.#refuse(request, response, 404)
    if (!methods.includes(method)) return this.#refuse(request, response, 405, { Allow: methods.join(', ') })
    if (url.length > this.#options.maxQuery) return this.#refuse(request, response, 414)
    if (method === 'OPTIONS') response.writeHead(204, preflight).end()
    else if (method === 'GET') this.#accept(request, response, mark === -1 ? '' : url.slice(mark + 1))
    else this.#receive(request, response)
  }

  async * batches (): AsyncGenerator<Batch> {
    for (let batch = await this.#queue.take(); batch !== null; batch = await this.#queue.take()) {
      this.#handedOver = this.#queued.splice(0, batch.count)
      yield batch
      for (const response of this.#handedOver.splice(0)) this.#confirm(response)
    }
  }

  /** Takes no further event; those taken can still be pulled. */
  end (error: Error | null = null): void {
    this.#stopping = true
    this.#queue.end(error)
  }

  /** Answers those who will get no better answer: their events may be lost. */
  giveUp (): void {
    for (const response of [...this.#handedOver.splice(0), ...this.#queued.splice(0)]) this.#refuse(response.req, response, 503)
  }

  #receive (request: IncomingMessage, response: ServerResponse): void {
    this.#bodies.receive(request, body => {
      if (body === 'too-large') this.#refuse(request, response, 413)
      else if (body === 'busy') this.#refuse(request, response, 503)
      else this.#accept(request, response, queryOfBody(body))
    })
  }

  #accept (request: IncomingMessage, response: ServerResponse, query: string): void {
    if (query === '') return this.#refuse(request, response, 400)
    const { recvFrom, sequence, trustedProxies, optOutCookie } = this.#options
    if (hasOptedOut(request.headers, optOutCookie)) return this.#leaveOut(response)
    if (this.#queue.full) return this.#refuse(request, response, 503)
    const { 'user-agent': userAgent, 'x-forwarded-for': forwardedFor } = request.headers
    const address = clientAddress(request.socket.remoteAddress, forwardedFor?.toString(), trustedProxies)
    const seqId = this.#number(sequence)
    if (seqId === null) return this.#refuse(request, response, 503)
    this.#queue.push(lineOf({ query, seqId, recvFrom, address, userAgent }))
    this.#queued.push(response)
  }

  /** The same answer as to everybody else; the event is nowhere. */
  #leaveOut (response: ServerResponse): void {
    this.#ctx.metrics.increment('opted_out')
    this.#confirm(response)
  }

  /** Null while the disk is full on which numbers are reserved. */
  #number (sequence: Sequence): number | null {
    try {
      return sequence.take(1)
    } catch (error) {
      if (!(error instanceof StreamError)) throw error
      this.#ctx.log.error('no number can be given to an event: the disk of --state is full, or fails', { reason: error.message })
      return null
    }
  }

  #confirm (response: ServerResponse): void {
    if (this.#stopping) response.setHeader('Connection', 'close')
    response.writeHead(204, anyOrigin).end()
  }

  #refuse (request: IncomingMessage, response: ServerResponse, status: keyof typeof refusals, headers: OutgoingHttpHeaders = {}): void {
    this.#ctx.metrics.increment('refused')
    if (status === 503) this.#ctx.log.warn('events were refused: the consumer is too slow, or the daemon stops', { queued: this.#queued.length })
    if (this.#stopping || hasUnreadBody(request)) response.setHeader('Connection', 'close')
    const text = `${refusals[status]}\n`
    response.writeHead(status, {
      ...anyOrigin,
      ...(status === 503 ? { 'Retry-After': '5' } : {}),
      ...headers,
      'Content-Type': 'text/plain',
      'Content-Length': text.length
    }).end(request.method === 'HEAD' ? undefined : text)
  }
}

/** Its rest would have to be read before the next request on the same connection. */
function hasUnreadBody ({ complete, headers }: IncomingMessage): boolean {
  return !complete && ('content-length' in headers || 'transfer-encoding' in headers)
}
