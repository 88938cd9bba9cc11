import type { Socket } from 'zeromq'
import type { Log } from '../log.js'
import type { Uri } from '../stream/uri.js'

type Addressed = { readonly address: string, readonly error?: Error }

const handshakeErrors = ['handshake:error:protocol', 'handshake:error:auth', 'handshake:error:other'] as const

/** A connection that is lost is made again at once by ZeroMQ, or never; after so many milliseconds it is never. */
const reviveMs = 1000

/** Logs the connections of a socket that binds. They are nobody's concern, as anybody may connect, unless they fail. */
export function watchBound ({ events }: Socket, uri: Uri, log: Log): void {
  for (const failure of handshakeErrors) {
    events.on(failure, event => { log.debug('a peer was refused', fieldsOf(uri, event)) })
  }
  events.on('handshake', event => { log.debug('a peer has connected', fieldsOf(uri, event)) })
  events.on('disconnect', event => { log.debug('a peer is gone', fieldsOf(uri, event)) })
  events.on('accept:error', event => { log.error('a connection cannot be accepted', fieldsOf(uri, event)) })
}

/**
 * Logs the connection of a socket that connects, and sees to it that there is always one in the making: when a peer breaks
 * the protocol (another service on the port, a message beyond `maxMessageSize`), ZeroMQ gives the endpoint up for good.
 */
export function watchConnected (socket: Socket, endpoint: string, uri: Uri, log: Log): void {
  const { events } = socket
  let timer: NodeJS.Timeout | undefined

  function revive (): void {
    if (socket.closed) return
    // disconnecting throws away what was received and not yet read
    if (socket.readable) return doubt()
    socket.disconnect(endpoint)
    socket.connect(endpoint)
  }

  function doubt (): void {
    clearTimeout(timer)
    timer = setTimeout(revive, reviveMs).unref()
  }

  for (const failure of handshakeErrors) {
    events.on(failure, event => {
      log.warn('the peer does not speak ZeroMQ', fieldsOf(uri, event))
      doubt()
    })
  }
  events.on('disconnect', event => {
    log.warn('the connection is lost; connecting again', fieldsOf(uri, event))
    doubt()
  })
  events.on('connect:retry', event => {
    log.debug('connecting again', fieldsOf(uri, event))
    clearTimeout(timer)
  })
  events.on('handshake', event => {
    log.info('connected', fieldsOf(uri, event))
    clearTimeout(timer)
  })
  events.on('end', () => { clearTimeout(timer) })
}

function fieldsOf (uri: Uri, { address, error }: Addressed): Record<string, unknown> {
  return { uri: uri.text, endpoint: address, ...(error === undefined ? {} : { reason: error.message }) }
}
