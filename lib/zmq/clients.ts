import { setTimeout as sleep } from 'node:timers/promises'
import type { Socket } from 'zeromq'
import { messageOf } from '../errors.js'
import type { Context } from '../stream/contracts.js'
import type { Uri } from '../stream/uri.js'
import { readClients, type Clients } from './keys.js'
import { createSeldom } from './seldom.js'
import { unbind } from './unbind.js'
import { closeDomain, openDomain } from './zap.js'
import { encodeZ85 } from './z85.js'

/** Metric: attempts to connect without the right keys. */
export const refusedPeers = 'refused_peers'

/** Who may connect to the sockets of a stream: the keys in a file, which is read again at a reload. */
export interface AllowList {
  /** For the option `zapDomain` of its sockets. */
  readonly domain: string
  /** A socket that is bound: who falls out of the list is cut off from it. */
  guard (socket: Socket, endpoint: string): void
}

/** Between attempts to bind again, in milliseconds: ZeroMQ lets go of an address in a thread of its own. */
const bindAgainMs = 20
/** After so many attempts it is said. */
const mostQuietAttempts = 50

/** Throws `ConfigError` when the file cannot be read. */
export async function openAllowList (uri: Uri, path: string, ctx: Context): Promise<AllowList> {
  let clients = readClients(path)
  // only who was let in has to be cut off
  const admitted = new Set<string>()
  const guarded: Array<{ socket: Socket, endpoint: string }> = []
  const isNew = createSeldom()

  const domain = await openDomain((bytes, address) => {
    const publicKey = encodeZ85(bytes)
    if (clients.has(publicKey)) {
      admitted.add(publicKey)
      ctx.log.debug('a peer is let in', { uri: uri.text, address, public_key: publicKey, client: clients.get(publicKey) })
      return true
    }
    ctx.metrics.increment(refusedPeers)
    if (isNew(`${publicKey} ${address}`)) ctx.log.warn('a peer was refused: its key is not in the file of clients', { uri: uri.text, address, public_key: publicKey, clients: path })
    return false
  })
  ctx.defer(`clients of ${uri.text}`, async () => { await closeDomain(domain) })
  ctx.log.info('the list of clients is read', { uri: uri.text, clients: path, keys: clients.size })
  if (clients.size === 0) ctx.log.warn('the list of clients is empty: nobody can connect', { uri: uri.text, clients: path })

  ctx.onReload(async () => {
    const next = readAgain(uri, path, ctx)
    if (next === null) return
    const gone = [...admitted].filter(publicKey => !next.has(publicKey))
    ctx.log.info('the list of clients is read', { uri: uri.text, clients: path, keys: next.size, added: missing(next, clients), removed: missing(clients, next) })
    clients = next
    for (const publicKey of gone) admitted.delete(publicKey)
    if (gone.length > 0) await Promise.all(guarded.map(async ({ socket, endpoint }) => { await cutOff(socket, endpoint, uri, ctx) }))
  })

  return { domain, guard (socket, endpoint) { guarded.push({ socket, endpoint }) } }
}

function readAgain (uri: Uri, path: string, ctx: Context): Clients | null {
  try {
    return readClients(path)
  } catch (error) {
    ctx.log.error('the list of clients cannot be read; the one that was read before stays in force', { uri: uri.text, reason: messageOf(error) })
    return null
  }
}

function missing (clients: Clients, others: Clients): number {
  return [...clients.keys()].filter(publicKey => !others.has(publicKey)).length
}

/**
 * ZeroMQ asks about a peer once. So all peers lose their connection, with the socket's address, and are asked about when they come
 * again, which they do within a second. What this end has already sent them still arrives.
 */
async function cutOff (socket: Socket, endpoint: string, uri: Uri, ctx: Context): Promise<void> {
  if (socket.closed) return
  ctx.log.info('everybody has to connect again: a key is no longer in the list', { uri: uri.text, endpoint })
  unbind(socket, endpoint)
  for (let attempt = 1; !socket.closed; attempt++) {
    try {
      socket.bindSync(endpoint)
      return
    } catch (error) {
      if (attempt > mostQuietAttempts) ctx.log.error('the address cannot be bound again; until it can nobody connects', { uri: uri.text, endpoint, reason: messageOf(error) })
    }
    await sleep(bindAgainMs)
  }
}
