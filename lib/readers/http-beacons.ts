import type { ServerResponse } from 'node:http'
import { StreamError } from '../errors.js'
import type { Batch, Context } from '../stream/contracts.js'
import { takeSteps, type Steps } from '../stream/numbering.js'
import { PullQueue } from '../stream/pull-queue.js'
import type { Sequence } from '../stream/state.js'
import type { Answers } from './http-answers.js'
import { Bodies } from './http-body.js'
import { hasBody, type Exchange } from './http-connection.js'
import { healthHeaders, healthOf } from './http-health.js'
import { clientAddress, lineOf, queryOfBody } from './http-line.js'
import { hasOptedOut } from './http-opt-out.js'
import { Rates, sourceOf } from './http-rate.js'
import { WaitingResponses } from './http-waiting.js'

export interface BeaconOptions {
  readonly recvFrom: string
  readonly sequence: Sequence
  readonly steps: Steps
  readonly trustedProxies: number
  /** Name of the cookie with which people opt out. */
  readonly optOutCookie: string
  /** Bytes, as the following one. */
  readonly maxQuery: number
  readonly maxBody: number
  readonly queueRecords: number
  /** Events a second; 0 for any number. */
  readonly ratePerAddress: number
  /** How long a client waits at most to be told that its event is safe. */
  readonly answerTimeoutMs: number
  /** How old the oldest event that is not safe may be while all is well. */
  readonly healthyAgeMs: number
}

/** Whatever the number of events and of clients: what they may take of memory. */
const queueBytes = 64 << 20
const bodyBytes = 16 << 20

/** A daemon that cannot stop gives up after 20 s: so long after the stop everybody is told before. */
const lastCallMs = 15_000

/** A browser that shows an address asks for this too, and a crawler should know that there is nothing to be found. */
const day = { 'Cache-Control': 'max-age=86400' }
const robots = { ...day, 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' }

const events: readonly string[] = ['GET', 'POST', 'OPTIONS']
const looks: readonly string[] = ['GET', 'HEAD']
const paths: ReadonlyMap<string, readonly string[]> = new Map([
  ['/event.gif', events],
  ['/beacon/event', events],
  ['/', ['POST', 'OPTIONS']],
  ['*', ['OPTIONS']],
  ['/healthz', looks],
  ['/favicon.ico', looks],
  ['/robots.txt', looks]
])

/** RFC 9112, section 3.2.2: what a client says to a proxy, a server has to take too. */
const authority = /^https?:\/\/[^/?]*/i

/**
 * Requests to lines, and back to answers: a request is answered when the consumer asks for the next batch, that is, when
 * the event is safe with every writer. Until then its response waits, in the order of the records, but not for ever.
 */
export class Beacons {
  readonly #options: BeaconOptions
  readonly #ctx: Context
  readonly #answers: Answers
  readonly #queue: PullQueue
  readonly #bodies: Bodies
  readonly #rates: Rates
  readonly #waiting: WaitingResponses
  readonly #timer: NodeJS.Timeout
  #lastCall: NodeJS.Timeout | undefined

  constructor (options: BeaconOptions, answers: Answers, ctx: Context) {
    this.#options = options
    this.#ctx = ctx
    this.#answers = answers
    this.#queue = new PullQueue({ records: options.queueRecords, bytes: queueBytes })
    this.#bodies = new Bodies({ most: options.maxBody, together: bodyBytes })
    this.#rates = new Rates(options.ratePerAddress)
    this.#waiting = new WaitingResponses(answers, options.answerTimeoutMs)
    this.#timer = setInterval(() => { this.#waiting.expire() }, Math.min(1000, options.answerTimeoutMs / 4)).unref()
  }

  handle (exchange: Exchange): void {
    const { request, response, connection } = exchange
    const { method = '' } = request
    const url = (request.url ?? '').replace(authority, '')
    const mark = url.indexOf('?')
    const path = (mark === -1 ? url : url.slice(0, mark)) || '/'
    const methods = paths.get(path)
    if (methods === undefined || (path === '/' && method === 'GET')) return connection.refuse(response, 404)
    if (!methods.includes(method)) return connection.refuse(response, 405, { Allow: methods.join(', ') })
    if (url.length > this.#options.maxQuery) return connection.refuse(response, 414)
    if (method === 'POST') return this.#receive(exchange)
    // it means nothing there, and may mean something else to who stands before us
    if (hasBody(request)) return connection.refuse(response, 400)
    if (methods === looks) this.#show(path, response)
    else if (method === 'OPTIONS') this.#answers.preflight(response)
    else this.#take(exchange, mark === -1 ? '' : url.slice(mark + 1))
  }

  async * batches (): AsyncGenerator<Batch> {
    for (let batch = await this.#queue.take(); batch !== null; batch = await this.#queue.take()) {
      this.#waiting.handOver(batch.count)
      yield batch
      this.#waiting.confirm()
    }
  }

  /** Takes no further event; those taken can still be pulled. */
  end (error: Error | null = null): void {
    this.#answers.isStopping = true
    this.#lastCall ??= setTimeout(() => { this.#waiting.expire(Infinity) }, lastCallMs).unref()
    this.#queue.end(error)
  }

  /** Answers those who will get no better answer: their events may be lost. */
  giveUp (): void {
    clearInterval(this.#timer)
    clearTimeout(this.#lastCall)
    this.#waiting.giveUp()
  }

  #show (path: string, response: ServerResponse): void {
    if (path === '/favicon.ico') return this.#answers.tell(response, 204, day)
    if (path === '/robots.txt') return this.#answers.tell(response, 200, robots, 'User-agent: *\nDisallow: /\n')
    const progress = { oldestMs: this.#waiting.oldestMs(), waiting: this.#waiting.count, isStopping: this.#answers.isStopping }
    const { status, text } = healthOf(progress, this.#options.healthyAgeMs)
    this.#answers.tell(response, status, healthHeaders, text)
  }

  #receive (exchange: Exchange): void {
    const { request, response, connection } = exchange
    if (this.#bodies.isTooLarge(request)) return connection.refuse(response, 413)
    if (request.headers.expect !== undefined && request.httpVersion === '1.1') response.writeContinue()
    this.#bodies.receive(request, body => {
      if (body === 'too-large') connection.refuse(response, 413)
      else if (body === 'busy') connection.refuse(response, 503)
      else this.#take(exchange, queryOfBody(body))
    })
  }

  #take ({ request, response, connection }: Exchange, query: string): void {
    if (query === '') return connection.refuse(response, 400)
    const { headers, socket } = request
    const { recvFrom, trustedProxies, optOutCookie } = this.#options
    const address = clientAddress(socket.remoteAddress, headers['x-forwarded-for']?.toString(), trustedProxies)
    if (!this.#rates.allows(sourceOf(address))) return connection.refuse(response, 429)
    if (hasOptedOut(headers, optOutCookie)) return this.#leaveOut(response)
    if (this.#queue.full) return connection.refuse(response, 503)
    const seqId = this.#number()
    if (seqId === null) return connection.refuse(response, 503)
    this.#queue.push(lineOf({ query, seqId, recvFrom, address, userAgent: headers['user-agent'] }))
    this.#answers.forget(request)
    this.#waiting.add(response)
  }

  /** The same answer as to everybody else; the event is nowhere. */
  #leaveOut (response: ServerResponse): void {
    this.#ctx.metrics.increment('opted_out')
    this.#answers.confirm(response)
  }

  /** Null while the disk is full on which numbers are reserved. */
  #number (): number | null {
    try {
      return takeSteps(this.#options.sequence, this.#options.steps, 1)
    } catch (error) {
      if (!(error instanceof StreamError)) throw error
      this.#ctx.log.error('no number can be given to an event: the disk of --state is full, or fails', { reason: error.message })
      return null
    }
  }
}
