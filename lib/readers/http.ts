import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { ConfigError, messageOf, StreamError } from '../errors.js'
import type { Context, Handler, Reader } from '../stream/contracts.js'
import { generatedReader } from '../stream/generated-reader.js'
import type { Uri } from '../stream/uri.js'
import { Beacons } from './http-beacons.js'

export interface HttpReaderParams {
  'recv-from': string
  'trusted-proxies': number
  'optout-cookie': string
  'max-query': number
  'max-body': number
  'max-connections': number
  queue: number
}

export interface HttpReader extends Reader {
  /** Where it listens: tells the port when the URI says 0. */
  readonly address: AddressInfo
}

/** Bytes of all headers but the query; those of a browser with its cookies take a few thousand. */
const headerBytes = 16 << 10

/** How long connections may take to end by themselves when the reader closes. */
const graceMs = 1000

/**
 * Beacons without Varnish: each request becomes a line as varnishncsa writes it, for the format
 * `%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i`. One event a request, in the query of a GET or the body of a POST.
 */
export const httpReader: Handler<HttpReaderParams, HttpReader> = {
  schemes: ['http'],
  summary: 'Serves GET /event.gif?…, GET /beacon/event?… and POST; answers 204 when the event is safe: every output has taken it, a journaled one has saved it.',
  examples: ['http://127.0.0.1:8080/', 'http://*:8080/?trusted-proxies=1&recv-from=beacon.example.org'],
  needs: ['port'],
  params: {
    type: 'object',
    properties: {
      'recv-from': { type: 'string', pattern: '^\\S*$', default: '', description: 'The `recvFrom` of every line; the name of the host if empty. Readers with one name need one instance: uuids are made of it and of `seqId`.' },
      'trusted-proxies': { type: 'integer', minimum: 0, maximum: 16, default: 0, description: 'How many proxies stand before the reader. So many entries at the end of X-Forwarded-For are believed.' },
      'optout-cookie': { type: 'string', pattern: '^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$', default: 'vanadium_optout', description: 'Name of the cookie with which people opt out. With its value 1, `DNT: 1` or `Sec-GPC: 1`, an event is answered like any other, goes nowhere, and is counted as `opted_out`.' },
      'max-query': { type: 'integer', minimum: 1024, maximum: 1 << 20, default: 16 << 10, description: 'Bytes of the path and query of a GET; a longer one is answered with 414.' },
      'max-body': { type: 'integer', minimum: 1024, maximum: 8 << 20, default: 64 << 10, description: 'Bytes of the body of a POST; a larger one is answered with 413.' },
      'max-connections': { type: 'integer', minimum: 1, maximum: 1_000_000, default: 10_000, description: 'Connections open at one time; further ones are closed at once, and counted as `refused`.' },
      queue: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 10_000, description: 'Events that wait for a slow consumer; when it is full requests are answered with 503.' }
    },
    additionalProperties: false
  },
  check (uri) {
    if (uri.path === '' || uri.path === '/') return
    throw new ConfigError('bad-uri', `${uri.text}: the path is "${uri.path}", but the paths served are fixed (/event.gif, /beacon/event); leave it out`)
  },
  claims: ({ host, port }) => [{ kind: 'tcp', host, port: port ?? 0 }],
  async open (uri, params, ctx) {
    const recvFrom = params['recv-from'] === '' ? hostname() : params['recv-from']
    const beacons = new Beacons({
      recvFrom,
      sequence: ctx.state.sequence(`http:${recvFrom}`),
      trustedProxies: params['trusted-proxies'],
      optOutCookie: params['optout-cookie'],
      maxQuery: params['max-query'],
      maxBody: params['max-body'],
      queueRecords: params.queue
    }, ctx)
    const server = createBeaconServer(beacons, uri, params, ctx)
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

function createBeaconServer (beacons: Beacons, uri: Uri, params: HttpReaderParams, ctx: Context): Server {
  const server = createServer({
    maxHeaderSize: params['max-query'] + headerBytes,
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 15_000,
    connectionsCheckingInterval: 5000
  }, (request, response) => { beacons.handle(request, response) })
  server.maxConnections = params['max-connections']
  server.on('drop', () => {
    ctx.metrics.increment('refused')
    ctx.log.warn('connections were refused: there are too many', { uri: uri.text, max_connections: params['max-connections'] })
  })
  return server
}

async function listen (server: Server, { host, port, text }: Uri): Promise<AddressInfo> {
  try {
    server.listen({ port: port ?? 0, ...(host === null || host === '*' ? {} : { host }) })
    await once(server, 'listening')
    return server.address() as AddressInfo
  } catch (cause) {
    throw new StreamError('cannot-bind', `${text}: ${messageOf(cause)}`, { cause })
  }
}
