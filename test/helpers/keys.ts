import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Socket } from 'zeromq'
import { generateKeyPair, publicFileText, secretFileText, type KeyPair } from '../../lib/zmq/keys.js'
import { encodeZ85 } from '../../lib/zmq/z85.js'

export interface TestKeys extends KeyPair {
  readonly secretFile: string
  readonly publicFile: string
}

/** A key pair, and its files as `vanadium keygen` writes them. */
export function keysIn (directory: string, name: string): TestKeys {
  const pair = generateKeyPair()
  const [secretFile, publicFile] = [join(directory, `${name}.secret`), join(directory, `${name}.public`)]
  writeFileSync(secretFile, secretFileText(pair), { mode: 0o600 })
  writeFileSync(publicFile, publicFileText(pair, name))
  return { ...pair, secretFile, publicFile }
}

/** A stream's keys: of who binds, of who connects, and the list. */
export interface StreamKeys {
  readonly server: TestKeys
  readonly client: TestKeys
  readonly clientsFile: string
  /** Options of the end that binds, and of the one that connects, without `?` or `&` before them. */
  readonly bound: string
  readonly connected: string
  /** Writes the list anew. */
  allow (...keys: readonly KeyPair[]): void
}

export function streamKeys (directory: string): StreamKeys {
  const [server, client] = [keysIn(directory, 'server'), keysIn(directory, 'client')]
  const clientsFile = join(directory, 'clients')
  function allow (...keys: readonly KeyPair[]): void {
    writeFileSync(clientsFile, `# who may connect\n\n${keys.map(({ publicKey }, n) => `${publicKey} reader ${n}\n`).join('')}`)
  }
  allow(client)
  return {
    server,
    client,
    clientsFile,
    bound: `curve=${server.secretFile}&clients=${clientsFile}`,
    connected: connecting(client, server),
    allow
  }
}

/** Options of an end that connects. */
export function connecting ({ secretFile }: TestKeys, server: TestKeys): string {
  return `curve=${secretFile}&server-key=${server.publicFile}`
}

/** The same for a socket with nothing of ours in it. */
export function equip<S extends Socket> (socket: S, { secret, publicKey }: KeyPair, server: KeyPair): S {
  return Object.assign(socket, { curveServerKey: server.publicKey, curvePublicKey: publicKey, curveSecretKey: encodeZ85(secret) })
}
