import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { ConfigError, messageOf, StreamError } from '../errors.js'
import type { Context, Handler, Reader } from '../stream/contracts.js'
import { generatedReader } from '../stream/generated-reader.js'
import { mostIncrement } from '../stream/numbering.js'
import type { Uri } from '../stream/uri.js'
import { Answers } from './http-answers.js'
import { Beacons, type BeaconOptions } from './http-beacons.js'
import { Cors } from './http-cors.js'
import { roomFor } from './http-open-files.js'
import { createBeaconServer, listen, type ServerLimits } from './http-server.js'

export interface HttpReaderParams {
  'recv-from': string
  'seq-id-increment': number
  'seq-id-offset': number
  'trusted-proxies': number
  'optout-cookie': string
  origins: string
  'max-query': number
  'max-body': number
  'max-headers': number
  'max-header-count': number
  'header-timeout': number
  'request-timeout': number
  'idle-timeout': number
  'answer-timeout': number
  'max-requests': number
  'max-pipelined': number
  'max-connections': number
  'max-connections-per-address': number
  'max-rate-per-address': number
  queue: number
  'healthz-age': number
}

export interface HttpReader extends Reader {
  /** Where it listens: tells the port when the URI says 0. */
  readonly address: AddressInfo
}

/** How long connections may take to end by themselves when the reader closes. */
const graceMs = 1000

/** Beyond all other limits of time, those of a connection that is just quiet. */
const quietMs = 5000

const seconds = { type: 'number', minimum: 0.1, maximum: 3600 } as const

/**
 * Beacons without Varnish: each request becomes a line as varnishncsa writes it, for the format
 * `%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i`. One event a request, in the query of a GET or the body of a POST.
 */
export const httpReader: Handler<HttpReaderParams, HttpReader> = {
  schemes: ['http'],
  summary: 'Serves GET /event.gif?…, GET /beacon/event?… and POST; answers 204 when the event is safe: every output has taken it, a journaled one has saved it. GET /healthz is for load balancers.',
  examples: ['http://127.0.0.1:8080/', 'http://*:8080/?trusted-proxies=1&recv-from=beacon.example.org', 'http://*:8080/?origins=https://www.example.org,https://m.example.org&max-rate-per-address=50'],
  needs: ['port'],
  params: {
    type: 'object',
    properties: {
      'recv-from': { type: 'string', pattern: '^\\S*$', default: '', description: 'The `recvFrom` of every line; the name of the host if empty. Readers with one name need one instance, or `seq-id-increment`: uuids are made of it and of `seqId`.' },
      'seq-id-increment': { type: 'integer', minimum: 1, maximum: mostIncrement, default: 1, description: 'From one `seqId` to the next, where readers on several hosts have one name: how many they are.' },
      'seq-id-offset': { type: 'integer', minimum: 1, maximum: mostIncrement, default: 1, description: 'Which of these readers this one is, from 1 to `seq-id-increment`: no other one gives its numbers.' },
      'trusted-proxies': { type: 'integer', minimum: 0, maximum: 16, default: 0, description: 'How many proxies stand before the reader. So many entries at the end of X-Forwarded-For are believed.' },
      'optout-cookie': { type: 'string', pattern: '^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$', default: 'vanadium_optout', description: 'Name of the cookie with which people opt out. With its value 1, `DNT: 1` or `Sec-GPC: 1`, an event is answered like any other, goes nowhere, and is counted as `opted_out`.' },
      origins: { type: 'string', pattern: '^(https?://[^/\\s,]+(,https?://[^/\\s,]+)*)?$', default: '', description: 'Origins of pages that send events with credentials, as `sendBeacon` does, in a type that browsers ask for before (`application/json`); comma-separated. Pages of any origin may send all else.' },
      'max-query': { type: 'integer', minimum: 1024, maximum: 1 << 20, default: 16 << 10, description: 'Bytes of the path and query of a GET; a longer one is answered with 414.' },
      'max-body': { type: 'integer', minimum: 1024, maximum: 8 << 20, default: 64 << 10, description: 'Bytes of the body of a POST; a larger one is answered with 413. All that are being received take 16 MiB together; then the slowest one is answered with 503.' },
      'max-headers': { type: 'integer', minimum: 1024, maximum: 1 << 20, default: 16 << 10, description: 'Bytes of all headers; more are answered with 431, as is what is longer than this and `max-query` together.' },
      'max-header-count': { type: 'integer', minimum: 8, maximum: 1000, default: 100, description: 'Headers of a request; more are answered with 431.' },
      'header-timeout': { ...seconds, default: 10, description: 'Seconds from the start of a connection, or of a request, to the end of its headers; then it is answered with 408.' },
      'request-timeout': { ...seconds, default: 30, description: 'Seconds from the start of a request to the end of its body; then it is answered with 408. Not less than `header-timeout`.' },
      'idle-timeout': { ...seconds, default: 15, description: 'Seconds that a connection is kept open for the next request.' },
      'answer-timeout': { ...seconds, default: 20, description: 'Seconds until who waits to be told that an event is safe is answered with 503 instead. The event stays, and may be stored all the same.' },
      'max-requests': { type: 'integer', minimum: 1, maximum: 1_000_000, default: 1000, description: 'Requests of one connection; it is closed behind the last one.' },
      'max-pipelined': { type: 'integer', minimum: 1, maximum: 10_000, default: 100, description: 'Requests of one connection that wait for their answers; a further one is answered with 503, and the connection closed.' },
      'max-connections': { type: 'integer', minimum: 1, maximum: 1_000_000, default: 2000, description: 'Connections open at one time; one that never ends its headers may take 80 KB of memory. A further one takes the place of one that is idle, or is answered with 503 and closed.' },
      'max-connections-per-address': { type: 'integer', minimum: 1, maximum: 1_000_000, default: 256, description: 'The same, of one client address (of IPv6 one /64), answered with 429. Not with `trusted-proxies`: connections are the proxies’ then.' },
      'max-rate-per-address': { type: 'number', minimum: 0, maximum: 1_000_000, default: 500, description: 'Events a second of one client address (of IPv6 one /64), averaged over 10 s; more are answered with 429. 0 for any number.' },
      queue: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 10_000, description: 'Events that wait for a slow consumer; when it is full requests are answered with 503.' },
      'healthz-age': { ...seconds, default: 10, description: 'Seconds that the oldest event may wait to be safe downstream; beyond it /healthz answers 503.' }
    },
    additionalProperties: false
  },
  check (uri, params) {
    if (params['header-timeout'] > params['request-timeout']) {
      throw new ConfigError('bad-uri', `${uri.text}: header-timeout is ${params['header-timeout']}; it may be at most request-timeout, ${params['request-timeout']}`)
    }
    if (params['seq-id-offset'] > params['seq-id-increment']) {
      throw new ConfigError('bad-uri', `${uri.text}: seq-id-offset is ${params['seq-id-offset']}; it may be at most seq-id-increment, ${params['seq-id-increment']}`)
    }
    if (uri.path === '' || uri.path === '/') return
    throw new ConfigError('bad-uri', `${uri.text}: the path is "${uri.path}", but the paths served are fixed (/event.gif, /beacon/event); leave it out`)
  },
  claims: ({ host, port }) => [{ kind: 'tcp', host, port: port ?? 0 }],
  async open (uri, params, ctx) {
    const answers = new Answers(new Cors(params.origins === '' ? [] : params.origins.split(',')), ctx)
    const beacons = new Beacons(beaconOptions(params, ctx), answers, ctx)
    const server = createBeaconServer(serverLimits(uri, params, ctx), answers, ctx.log, exchange => { beacons.handle(exchange) })
    const address = await listen(server, uri)
    const closed = new Promise<void>(resolve => server.once('close', resolve))
    server.on('error', cause => { beacons.end(new StreamError('cannot-read', `${uri.text}: ${messageOf(cause)}`, { cause })) })
    const onStop = (): void => {
      server.close()
      beacons.end()
    }
    ctx.stop.addEventListener('abort', onStop, { once: true })
    if (ctx.stop.aborted) onStop()

    const reader = generatedReader(beacons.batches(), {
      async release () {
        ctx.stop.removeEventListener('abort', onStop)
        onStop()
        beacons.giveUp()
        const timer = setTimeout(() => { server.closeAllConnections() }, graceMs)
        await closed
        clearTimeout(timer)
      }
    })
    ctx.log.info('listening', { uri: uri.text, address: address.address, port: address.port })
    return { ...reader, acknowledges: true, address }
  }
}

function beaconOptions (params: HttpReaderParams, { state }: Context): BeaconOptions {
  const recvFrom = params['recv-from'] === '' ? hostname() : params['recv-from']
  return {
    recvFrom,
    sequence: state.sequence(`http:${recvFrom}`),
    steps: { increment: params['seq-id-increment'], offset: params['seq-id-offset'] },
    trustedProxies: params['trusted-proxies'],
    optOutCookie: params['optout-cookie'],
    maxQuery: params['max-query'],
    maxBody: params['max-body'],
    queueRecords: params.queue,
    ratePerAddress: params['max-rate-per-address'],
    answerTimeoutMs: params['answer-timeout'] * 1000,
    healthyAgeMs: params['healthz-age'] * 1000
  }
}

function serverLimits (uri: Uri, params: HttpReaderParams, { log }: Context): ServerLimits {
  const asked = params['max-connections']
  const { connections, turnedAway } = roomFor(asked)
  if (connections < asked) log.warn('there can be fewer connections than max-connections: the process may not open so many files', { uri: uri.text, asked, granted: connections, remedy: 'LimitNOFILE=' })
  const [requestMs, answerMs] = [params['request-timeout'] * 1000, params['answer-timeout'] * 1000]
  return {
    headBytes: params['max-query'] + params['max-headers'],
    headers: params['max-header-count'],
    headersMs: params['header-timeout'] * 1000,
    requestMs,
    idleMs: params['idle-timeout'] * 1000,
    quietMs: requestMs + answerMs + quietMs,
    connections,
    turnedAway,
    connectionsPerAddress: params['trusted-proxies'] === 0 ? params['max-connections-per-address'] : Infinity,
    pipelined: params['max-pipelined'],
    requests: params['max-requests']
  }
}
