import type { Socket } from 'zeromq'
import { codeOf } from '../errors.js'
import type { Log } from '../log.js'
import type { Context } from '../stream/contracts.js'
import type { Uri } from '../stream/uri.js'
import { refusedPeers } from './clients.js'
import type { Security } from './curve.js'
import { createSeldom } from './seldom.js'

type Addressed = { readonly address: string, readonly error?: Error }

const handshakeErrors = ['handshake:error:protocol', 'handshake:error:auth', 'handshake:error:other'] as const
type HandshakeError = typeof handshakeErrors[number]

/** A connection that is lost is made again at once by ZeroMQ, or never; after so many milliseconds it is never. */
const reviveMs = 1000

/**
 * Logs the connections of a socket that binds. Without keys they are nobody's concern, as anybody may connect, unless they fail. With
 * keys, who was refused before it came to `clients` is counted and said here: ZeroMQ does not tell its address.
 */
export function watchBound ({ events }: Socket, uri: Uri, { publicKey }: Security, { log, metrics }: Context): void {
  const isNew = createSeldom()
  for (const failure of ['handshake:error:auth', 'handshake:error:other'] as const) {
    events.on(failure, event => { log.debug('a peer was refused', fieldsOf(uri, event)) })
  }
  events.on('handshake:error:protocol', event => {
    if (publicKey === null) return log.debug('a peer was refused', fieldsOf(uri, event))
    metrics.increment(refusedPeers)
    const why = reasons[event.error.code] ?? event.error.message
    if (isNew(why)) log.warn('a peer was refused: it does not know the key of this stream', { ...fieldsOf(uri, event), reason: why })
  })
  events.on('handshake', event => { log.debug('a peer has connected', fieldsOf(uri, event)) })
  events.on('disconnect', event => { log.debug('a peer is gone', fieldsOf(uri, event)) })
  events.on('accept:error', event => { log.error('a connection cannot be accepted', fieldsOf(uri, event)) })
}

const reasons: Readonly<Record<string, string>> = {
  ERR_ZMTP_MECHANISM_MISMATCH: 'it has no keys at all',
  ERR_ZMTP_CRYPTOGRAPHIC: 'its server-key is of another stream'
}

/**
 * Logs the connection of a socket that connects, and sees to it that there is always one in the making: when a peer breaks
 * the protocol (another service on the port, a message beyond `maxMessageSize`), or refuses this end, ZeroMQ gives the endpoint
 * up for good.
 */
export function watchConnected (socket: Socket, endpoint: string, uri: Uri, { publicKey }: Security, log: Log): void {
  const { events } = socket
  let timer: NodeJS.Timeout | undefined
  let isRefused = false
  let isNew = createSeldom()

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
      const message = refusal(failure, event, publicKey !== null)
      if (isNew(message)) log.warn(message, { ...fieldsOf(uri, event), ...(publicKey === null ? {} : { public_key: publicKey }) })
      isRefused = true
      doubt()
    })
  }
  events.on('disconnect', event => {
    if (!isRefused) log.warn('the connection is lost; connecting again', fieldsOf(uri, event))
    isRefused = false
    doubt()
  })
  events.on('connect:retry', event => {
    log.debug('connecting again', fieldsOf(uri, event))
    clearTimeout(timer)
  })
  events.on('handshake', event => {
    log.info('connected', fieldsOf(uri, event))
    isNew = createSeldom()
    clearTimeout(timer)
  })
  events.on('end', () => { clearTimeout(timer) })
}

/** What is probably wrong. */
function refusal (failure: HandshakeError, { error }: Addressed, hasKeys: boolean): string {
  if (failure === 'handshake:error:auth') return 'the peer refuses this end: put its public key (public_key) into the file of the option clients there, and reload it'
  if (codeOf(error) === 'ERR_ZMTP_MECHANISM_MISMATCH') return hasKeys ? 'the peer has no keys: leave out curve here, or give it curve' : 'the peer wants keys: give curve and server-key'
  if (hasKeys && (failure === 'handshake:error:other' || codeOf(error) === 'ERR_ZMTP_CRYPTOGRAPHIC')) return 'the peer ends the handshake: is server-key its public key?'
  return 'the peer does not speak ZeroMQ'
}

function fieldsOf (uri: Uri, { address, error }: Addressed): Record<string, unknown> {
  return { uri: uri.text, endpoint: address, ...(error === undefined ? {} : { reason: error.message }) }
}
