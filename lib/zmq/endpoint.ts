import { lstat } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'zeromq'
import { codeOf, ConfigError, messageOf, StreamError } from '../errors.js'
import type { Claim, Context } from '../stream/contracts.js'
import { endpointOf, type Uri } from '../stream/uri.js'
import type { Security } from './curve.js'
import { watchBound, watchConnected } from './watch.js'

/** `sun_path` of unix(7), less its closing NUL. */
const longestSocketPath = 107

/** What is wrong with a `tcp:` or `ipc:` URI for a socket that binds, or connects. Throws `ConfigError`. */
export function checkEndpoint (uri: Uri, binds: boolean): void {
  if (uri.user !== null) throw refused(uri, 'streams know no user; leave out what stands before the @')
  if (uri.scheme === 'ipc') {
    const bytes = Buffer.byteLength(uri.path)
    if (uri.host !== null) throw refused(uri, `"${uri.host}" stands where a host does; write three slashes: ipc:///${uri.host}${uri.path}`)
    if (bytes === 0) throw refused(uri, 'the path is missing; for example ipc:///run/vanadium/valid.ipc')
    if (bytes > longestSocketPath) throw refused(uri, `the path has ${bytes} bytes, a socket's at most ${longestSocketPath}`)
    return
  }
  if (uri.host === null || uri.port === null) throw refused(uri, 'the host or the port is missing; for example tcp://127.0.0.1:8600')
  if (uri.path !== '') throw refused(uri, `"${uri.path}" stands where a path does; a tcp stream has none`)
  if (binds) return
  if (uri.host === '*') throw refused(uri, '"*" can be bound, not connected to; name a host')
  if (uri.port === 0) throw refused(uri, 'port 0 can be bound, not connected to; give a port from 1 to 65535')
}

/** What a socket that binds takes. */
export function claimOf (uri: Uri): Claim {
  return uri.scheme === 'ipc' ? { kind: 'socket', path: uri.path } : { kind: 'tcp', host: uri.host, port: uri.port ?? 0 }
}

function refused (uri: Uri, why: string): ConfigError {
  return new ConfigError('bad-uri', `${uri.text}: ${why}`)
}

/** IPv6 for what is written as such and for all interfaces: a name that has both would else be looked for at one only. */
export function wantsIpv6 (uri: Uri): boolean {
  return uri.host !== null && (uri.host === '*' || uri.host.includes(':'))
}

/**
 * Gives a new socket its keys, binds or connects it, logs what becomes of its connections, and registers its release. Resolves
 * with the endpoint, in which a port 0 has become the real one. Throws `StreamError` when the endpoint cannot be bound.
 */
export async function attach (socket: Socket, uri: Uri, binds: boolean, security: Security, ctx: Context): Promise<string> {
  const wanted = endpointOf(uri)
  security.equip(socket)
  if (binds) watchBound(socket, uri, security, ctx)
  else watchConnected(socket, wanted, uri, security, ctx.log)
  ctx.defer(uri.text, () => { socket.close() })
  try {
    if (binds) {
      if (uri.scheme === 'ipc') await checkSocketFile(uri)
      await socket.bind(wanted)
    } else {
      socket.connect(wanted)
    }
  } catch (cause) {
    socket.close()
    throw cause instanceof ConfigError ? cause : failure(uri, binds, cause)
  }
  const endpoint = socket.lastEndpoint ?? wanted
  if (binds) security.guard(socket, endpoint)
  ctx.log.info(binds ? 'listening' : 'connecting', { uri: uri.text, endpoint })
  return endpoint
}

function failure (uri: Uri, binds: boolean, cause: unknown): Error {
  if (!binds) return new ConfigError('bad-uri', `${uri.text}: this cannot be connected to: ${messageOf(cause)}; write tcp://host:port`, { cause })
  if (cause instanceof StreamError) return cause
  const hint = codeOf(cause) === 'EADDRINUSE' ? '' : '; bind to *, to an address of this host, or to the name of an interface'
  return new StreamError('cannot-bind', `${uri.text}: this cannot be bound: ${messageOf(cause)}${hint}`, { cause })
}

/**
 * ZeroMQ replaces whatever file is where it binds. That is right for what a killed daemon left, wrong for a socket that is
 * still served, and fatal for a file of somebody else's.
 */
async function checkSocketFile (uri: Uri): Promise<void> {
  try {
    if (!(await lstat(uri.path)).isSocket()) throw refused(uri, 'there is a file that is no socket; name another path')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if (await isServed(uri.path)) throw new StreamError('cannot-bind', `${uri.text}: another process serves this socket`)
}

async function isServed (path: string): Promise<boolean> {
  return await new Promise(resolve => {
    const probe = connect(path)
    const settle = (served: boolean): void => {
      probe.destroy()
      resolve(served)
    }
    probe.on('connect', () => { settle(true) })
    probe.on('error', () => { settle(false) })
  })
}
