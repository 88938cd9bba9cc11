/**
 * Who may connect (ZAP, https://rfc.zeromq.org/spec/27/): ZeroMQ asks one handler of the process about each peer that has shown the
 * key it says it has. Sockets belong to domains, and each domain has rules of its own.
 */
import { Reply } from 'zeromq'
import { messageOf, StreamError } from '../errors.js'
import { unbind } from './unbind.js'

/** Says whether a peer may connect; `publicKey` has 32 bytes, `address` is that of its host. Must not wait. */
export type Rule = (publicKey: Buffer, address: string) => boolean

/** What ZeroMQ asks, by definition. */
const endpoint = 'inproc://zeromq.zap.01'
const version = '1.0'

const rules = new Map<string, Rule>()
let lastDomain = 0
let handler: Reply | null = null
let turn: Promise<unknown> = Promise.resolve()

/**
 * Puts a rule into force and resolves with the name of its domain: for sockets with the options `zapDomain`, and `zapEnforceDomain`,
 * without which everybody would be let in when there is no handler. Throws `StreamError` when there is a handler that is not ours.
 */
export async function openDomain (rule: Rule): Promise<string> {
  return await inTurn(async () => {
    handler ??= await openHandler()
    const domain = `vanadium-${++lastDomain}`
    rules.set(domain, rule)
    return domain
  })
}

/** From now on nobody is let in there. The last one ends the handler, which else would keep the process. */
export async function closeDomain (domain: string): Promise<void> {
  await inTurn(async () => {
    rules.delete(domain)
    if (rules.size > 0 || handler === null) return
    const socket = handler
    handler = null
    // closing alone would give the address back some time later
    unbind(socket, endpoint)
    socket.close()
  })
}

/** One at a time. */
async function inTurn<T> (work: () => Promise<T>): Promise<T> {
  const result = turn.then(work)
  turn = result.catch(() => {})
  return await result
}

async function openHandler (): Promise<Reply> {
  const socket = new Reply({ linger: 0 })
  try {
    await socket.bind(endpoint)
  } catch (cause) {
    socket.close()
    throw new StreamError('cannot-bind', `${endpoint}, where ZeroMQ asks who may connect, cannot be bound: ${messageOf(cause)}; does a plug-in ask there?`, { cause })
  }
  void answer(socket)
  return socket
}

async function answer (socket: Reply): Promise<void> {
  try {
    for (;;) {
      const [, requestId = '', domain, address, , mechanism, publicKey] = await socket.receive()
      const rule = rules.get(String(domain))
      const isAdmitted = rule !== undefined && String(mechanism) === 'CURVE' && publicKey?.length === 32 && rule(publicKey, String(address))
      // 400 is told to the peer, which can then say why it gets nothing; 300 is not
      await socket.send([version, requestId, isAdmitted ? '200' : '400', isAdmitted ? 'OK' : 'not in the list', '', ''])
    }
  } catch (error) {
    // a bug ends the daemon; who is not answered is not let in
    if (!socket.closed) throw error
  }
}
