import type { Socket } from 'zeromq'
import { ConfigError } from '../errors.js'
import type { Context, Params } from '../stream/contracts.js'
import type { Uri } from '../stream/uri.js'
import { openAllowList } from './clients.js'
import { readClients, readKeyPair, readPublicKey } from './keys.js'
import { isLoopback } from './loopback.js'

export interface CurveParams {
  curve?: string
  clients?: string
  'server-key'?: string
  insecure: boolean
}

/** The options of every ZeroMQ stream about who is at its ends. */
export const curveParams = {
  curve: { type: 'string', minLength: 1, description: 'File of this end\'s secret key, as `vanadium keygen` writes it: nobody else can read the stream, or change it (CURVE). With `clients` where the socket binds, with `server-key` where it connects.' },
  clients: { type: 'string', minLength: 1, description: 'With curve, where the socket binds: file of the public keys that may connect, one a line, then a name if wanted; `#` begins a comment. Read again at SIGHUP; who is no longer in it is cut off.' },
  'server-key': { type: 'string', minLength: 1, description: 'With curve, where the socket connects: file of the public key of who binds; another one is not believed.' },
  insecure: { type: 'boolean', default: false, description: 'Without curve: may bind an address that is not loopback, or publish to one. Whoever reaches the address is let in, and whoever is between reads along; each start warns of it.' }
} as const satisfies Params<CurveParams>['properties']

/** What a socket is to its stream. */
export interface Role {
  readonly binds: boolean
  readonly publishes: boolean
}

/** What the sockets of a stream get, a journal's replay socket included. It shows no secret. */
export interface Security {
  /** This end's; null without keys. */
  readonly publicKey: string | null
  /** Gives keys to a socket before it binds or connects. */
  equip (socket: Socket): void
  /** Of a socket that is bound: whoever loses the right to be connected, loses the connection. */
  guard (socket: Socket, endpoint: string): void
}

export const withoutKeys: Security = { publicKey: null, equip () {}, guard () {} }

/** What is wrong with the options about keys. Throws `ConfigError`. */
export function checkSecurity (uri: Uri, params: CurveParams, role: Role): void {
  const { curve, clients, insecure } = params
  const given = (['curve', 'clients', 'server-key'] as const).filter(option => params[option] !== undefined)
  if (uri.scheme === 'ipc') {
    const [option] = insecure ? ['insecure'] : given
    if (option !== undefined) throw refused(uri, `option "${option}" is for tcp: streams; who may connect to an ipc: stream is decided by the mode of its directory`)
    return
  }
  const [needed, other] = role.binds ? ['clients', 'server-key'] as const : ['server-key', 'clients'] as const
  if (params[other] !== undefined) throw refused(uri, `option "${other}" is for a socket that ${role.binds ? 'connects' : 'binds'}; this one ${role.binds ? 'binds, and has clients=FILE' : 'connects, and has server-key=FILE'}`)
  if (curve !== undefined && params[needed] === undefined) throw refused(uri, `option "${needed}" is missing; with curve, name a file of ${role.binds ? 'the public keys that may connect: clients=FILE' : 'the public key of who binds: server-key=FILE'}`)
  if (curve === undefined && params[needed] !== undefined) throw refused(uri, `option "curve" is missing; with ${needed}, name the file of this end's secret key: curve=FILE`)
  if (insecure && curve !== undefined) throw refused(uri, 'insecure=true contradicts curve; leave out one of them')
  checkReach(uri, insecure || (curve !== undefined && (clients !== undefined || !role.binds)), insecure, role)
}

/** What leaves the host is for whom the operator said. */
function checkReach (uri: Uri, isSettled: boolean, insecure: boolean, { binds, publishes }: Role): void {
  const needsKeys = (binds || publishes) && !isLoopback(uri.host, binds)
  if (insecure && !needsKeys) throw refused(uri, binds || publishes ? `insecure=true is for addresses that are not loopback, which ${uri.host ?? '*'} is; leave it out` : 'insecure=true is for who binds or publishes; leave it out')
  if (needsKeys && !isSettled) {
    const keys = binds ? 'curve=FILE&clients=FILE' : 'curve=FILE&server-key=FILE'
    throw refused(uri, `${uri.host ?? '*'} is not loopback (127.0.0.1, ::1, localhost${binds ? ', lo' : ''}), and there are no keys: whoever reaches ${binds ? 'it is let in' : 'the way there reads along'}; give ${keys} (vanadium keygen makes keys), or insecure=true if that is meant`)
  }
}

function refused (uri: Uri, why: string): ConfigError {
  return new ConfigError('bad-uri', `${uri.text}: ${why}`)
}

/** Whether the files can be read and have keys in them, as they are now. Throws `ConfigError`. */
export function checkKeyFiles ({ curve, clients, 'server-key': serverKey }: CurveParams): void {
  if (curve !== undefined) readKeyPair(curve).secret.fill(0)
  if (clients !== undefined) readClients(clients)
  if (serverKey !== undefined) readPublicKey(serverKey)
}

/** Reads the keys, for `checkSecurity` has no complaint. Throws `ConfigError`. */
export async function openSecurity (uri: Uri, { curve, clients, 'server-key': serverKeyFile, insecure }: CurveParams, ctx: Context): Promise<Security> {
  if (curve === undefined) {
    if (insecure) ctx.log.warn('this stream has no keys: whoever reaches its address is let in (insecure=true)', { uri: uri.text })
    return withoutKeys
  }
  const { secret, publicKey } = readKeyPair(curve)
  ctx.defer(`keys of ${uri.text}`, () => { secret.fill(0) })
  if (clients === undefined) {
    const serverKey = readPublicKey(serverKeyFile ?? '')
    return {
      publicKey,
      equip (socket) { Object.assign(socket, { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secret }) },
      guard () {}
    }
  }
  const list = await openAllowList(uri, clients, ctx)
  return {
    publicKey,
    // enforced: if nobody could be asked, nobody is let in
    equip (socket) { Object.assign(socket, { curveServer: true, curveSecretKey: secret, zapDomain: list.domain, zapEnforceDomain: true }) },
    guard: list.guard
  }
}
