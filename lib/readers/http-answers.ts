import { STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { Cors } from './http-cors.js'

/** Answers are constant: nothing of a request ever comes back. */
const refusals = {
  400: 'there is no event, or this is no HTTP: send GET /event.gif?<percent-encoded JSON>, or POST the JSON',
  404: 'there is nothing here: events go to /event.gif or /beacon/event',
  405: 'this method is not allowed here',
  408: 'the request took too long',
  413: 'the body is too large',
  414: 'the query is too long: POST the event instead',
  415: 'the body has to come as it is, without Content-Encoding',
  417: 'only Expect: 100-continue can be met',
  429: 'too much from one address: try again later',
  431: 'the headers are too large, or too many',
  501: 'the body has to come as it is, or chunked',
  503: 'too busy, or stopping: try again later',
  505: 'only HTTP/1.1 and HTTP/1.0 are spoken here'
} as const

export type Refusal = keyof typeof refusals

/** Status 503 all the same: whoever sends such an event again may have it stored twice. */
const unconfirmed = 'no event is confirmed at present; this one may be stored all the same'

/** What an operator has to know; clients that are wrong are only counted. */
const warnings: Partial<Record<Refusal, string>> = {
  429: 'events were refused: one address sends too many',
  503: 'events were refused: the consumer is too slow, or the daemon stops'
}

const plain = { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' }

/** What clients are told to wait, in seconds: not all the same, or they would come back at one time. */
function retryAfter (): number {
  return 5 + Math.floor(Math.random() * 11)
}

function asksForPatience (status: number): boolean {
  return status === 429 || status === 503
}

/** A whole answer, for a connection to which Node gives no response; the last thing that is said on it. */
export function lastWords (status: Refusal): string {
  const text = `${refusals[status]}\n`
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Cache-Control: no-store',
    'Access-Control-Allow-Origin: *',
    ...(asksForPatience(status) ? [`Retry-After: ${retryAfter()}`] : []),
    ...(status === 405 ? ['Allow: GET, HEAD, POST, OPTIONS'] : []),
    ...Object.entries(plain).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${text.length}`,
    '',
    text
  ].join('\r\n')
}

/** What goes back to clients. */
export class Answers {
  /** The next answer on a connection is its last one. */
  isStopping = false
  readonly #cors: Cors
  readonly #log: Log
  readonly #metrics: Metrics

  constructor (cors: Cors, { log, metrics }: { log: Log, metrics: Metrics }) {
    this.#cors = cors
    this.#log = log
    this.#metrics = metrics
  }

  /** Lets go of what a request has said, except what its answer depends on: many may wait, for long. */
  forget (request: IncomingMessage): void {
    const origin = this.#cors.listed(request.headers.origin)
    request.headers = origin === undefined ? {} : { origin }
    request.rawHeaders = []
    request.url = ''
  }

  confirm (response: ServerResponse): void {
    this.#send(response, 204, this.#cors.headers(response.req.headers.origin))
  }

  preflight (response: ServerResponse): void {
    this.#send(response, 204, this.#cors.preflight(response.req.headers.origin))
  }

  refuse (response: ServerResponse, status: Refusal, headers: OutgoingHttpHeaders = {}): void {
    this.count(status)
    const warning = warnings[status]
    if (warning !== undefined) this.#log.warn(warning)
    this.#refuse(response, status, refusals[status], headers)
  }

  /** To whoever waits for what is not known. */
  giveUpOn (response: ServerResponse): void {
    this.#metrics.increment('unconfirmed')
    this.#log.warn('events were not confirmed in time; they may be stored all the same')
    this.#refuse(response, 503, unconfirmed, {})
  }

  /** Anything that is neither about an event nor a refusal. */
  tell (response: ServerResponse, status: 200 | 204 | 503, headers: OutgoingHttpHeaders, text = ''): void {
    this.#send(response, status, { ...(asksForPatience(status) ? { 'Retry-After': retryAfter() } : {}), ...headers }, text)
  }

  /** Of one kind each, so that their number stays small. */
  count (status: Refusal): void {
    this.#metrics.increment('refused')
    this.#metrics.increment(`refused_${status}`)
  }

  #refuse (response: ServerResponse, status: Refusal, text: string, headers: OutgoingHttpHeaders): void {
    this.#send(response, status, {
      ...this.#cors.headers(response.req.headers.origin),
      ...(asksForPatience(status) ? { 'Retry-After': retryAfter() } : {}),
      ...plain,
      ...headers
    }, `${text}\n`)
  }

  #send (response: ServerResponse, status: number, headers: Readonly<OutgoingHttpHeaders>, text = ''): void {
    if (this.isStopping) response.setHeader('Connection', 'close')
    if (text === '') response.writeHead(status, headers).end()
    else response.writeHead(status, { ...headers, 'Content-Length': text.length }).end(response.req.method === 'HEAD' ? undefined : text)
  }
}
