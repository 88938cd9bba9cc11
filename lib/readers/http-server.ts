import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { codeOf, messageOf, StreamError } from '../errors.js'
import type { Log } from '../log.js'
import type { Uri } from '../stream/uri.js'
import { lastWords, type Answers, type Refusal } from './http-answers.js'
import type { Exchange } from './http-connection.js'
import { Connections, type ConnectionsLimits } from './http-connections.js'
import { faultOf, refusalOf } from './http-faults.js'
import { linger } from './http-linger.js'

export interface ServerLimits extends ConnectionsLimits {
  /** Of a request line and all headers. */
  readonly headBytes: number
  readonly headers: number
  /** From the start of a request to the end of its headers, and to the end of its body. */
  readonly headersMs: number
  readonly requestMs: number
  /** Between an answer and the next request. */
  readonly idleMs: number
  /** How long a connection may be quiet at any other time, as one whose client reads no answer. */
  readonly quietMs: number
  /** Connections at one time that get an answer although they were not let in; further ones are closed at once. */
  readonly turnedAway: number
}

/** An HTTP server that gives `handle` what keeps to the limits, and refuses the rest. */
export function createBeaconServer (limits: ServerLimits, answers: Answers, log: Log, handle: (exchange: Exchange) => void): Server {
  const connections = new Connections(limits, answers)
  const server = createServer({
    maxHeaderSize: limits.headBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: Math.min(1000, limits.headersMs / 4),
    insecureHTTPParser: false,
    // faultOf looks at it
    requireHostHeader: false
  })
  server.timeout = limits.quietMs
  // one more than is allowed is noticed
  server.maxHeadersCount = limits.headers + 1

  function onRequest (request: IncomingMessage, response: ServerResponse): void {
    const connection = connections.of(request.socket)
    if (connection?.begin(response) !== true) return
    const fault = faultOf(request, limits.headers)
    if (fault === null) handle({ request, response, connection })
    else connection.refuse(response, fault)
  }

  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.of(request.socket)
    if (connection?.begin(response) === true) connection.refuse(response, 417)
  })
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    answers.count(405)
    linger(socket as Socket, lastWords(405))
  })
  server.on('clientError', (error: Error, socket: Duplex) => {
    const status = refusalOf(codeOf(error))
    const connection = connections.of(socket as Socket)
    if (status === null || connection === undefined) socket.destroy()
    else connection.fail(status)
  })
  guard(server, connections, limits.turnedAway, answers, log)
  return server
}

/** Puts a door before the server: Node would close what is too much without a word. */
function guard (server: Server, connections: Connections, mostTurnedAway: number, answers: Answers, log: Log): void {
  const [letIn] = server.listeners('connection')
  let turnedAway = 0

  function turnAway (socket: Socket, status: Refusal): void {
    answers.count(status)
    log.warn(status === 429 ? 'connections were refused: one address has too many' : 'connections were refused: there are too many')
    if (turnedAway >= mostTurnedAway) {
      socket.destroy()
      return
    }
    turnedAway++
    socket.once('close', () => { turnedAway-- })
    linger(socket, lastWords(status))
  }

  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const refusal = connections.admit(socket)
    if (refusal !== null) return turnAway(socket, refusal)
    // what Node does behind the last answer
    socket.destroySoon = () => { linger(socket) }
    letIn?.call(server, socket)
  })
}

/** Resolves with where it listens. */
export async function listen (server: Server, { host, port, text }: Uri): Promise<AddressInfo> {
  try {
    server.listen({ port: port ?? 0, ...(host === null || host === '*' ? {} : { host }) })
    await once(server, 'listening')
    return server.address() as AddressInfo
  } catch (cause) {
    throw new StreamError('cannot-bind', `${text}: ${messageOf(cause)}`, { cause })
  }
}
