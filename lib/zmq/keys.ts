import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { ConfigError, messageOf } from '../errors.js'
import { readSecret } from '../file/secret-file.js'
import { decodeZ85, encodeZ85 } from './z85.js'

/** Of one end of a CURVE stream (https://rfc.zeromq.org/spec/26/). */
export interface KeyPair {
  /** 32 bytes. */
  readonly secret: Buffer
  /** As it is written: 40 characters of Z85. */
  readonly publicKey: string
}

/** By public key, what stands after it in the file. */
export type Clients = ReadonlyMap<string, string>

const keyLength = 40
/** A file of public keys has so many at most: beyond that it is another file. */
const mostClients = 10_000
const mostBytes = 4 << 20
/** Before the key in a file of a secret one, so that nobody takes the one file for the other. */
const secretWord = 'secret'

const newline = 0x0a
const space = 0x20
const hash = 0x23

/** New, from the system's random numbers. */
export function generateKeyPair (): KeyPair {
  const secret = randomBytes(32)
  return { secret, publicKey: publicKeyOf(secret) }
}

/** What `readKeyPair` reads. */
export function secretFileText ({ secret }: KeyPair): string {
  return `${secretWord} ${encodeZ85(secret)}\n`
}

/** A line of a file of clients, and the whole of a file that names one public key. */
export function publicFileText ({ publicKey }: KeyPair, name: string): string {
  return `${publicKey} ${name}\n`
}

/** Throws `ConfigError`, which says nothing of what is in the file. */
export function readKeyPair (path: string): KeyPair {
  const bytes = readSecret(path, { what: 'curve' })
  try {
    const [line, ...others] = linesOf(bytes)
    const [word, key, ...rest] = line?.words ?? []
    if (word !== undefined && keyIn(word) !== null) throw refused('curve', path, 'has a public key; name the .secret file that vanadium keygen wrote beside it')
    const secret = word?.toString() === secretWord && rest.length === 0 && others.length === 0 ? keyIn(key) : null
    if (secret === null) throw refused('curve', path, `is no secret key; it has one line, "${secretWord}" and ${keyLength} characters, as vanadium keygen writes it`)
    return { secret, publicKey: publicKeyOf(secret) }
  } finally {
    bytes.fill(0)
  }
}

/** Throws `ConfigError`. */
export function readPublicKey (path: string): string {
  const [key, ...others] = readClients(path, 'server-key').keys()
  if (key === undefined || others.length > 0) throw refused('server-key', path, `has ${others.length + (key === undefined ? 0 : 1)} keys; name a file with one, as vanadium keygen writes it`)
  return key
}

/** Throws `ConfigError` that names the line. */
export function readClients (path: string, option: 'clients' | 'server-key' = 'clients'): Clients {
  const clients = new Map<string, string>()
  for (const { number, words: [word, ...rest] } of linesOf(readPublic(path, option))) {
    const key = word?.toString() ?? ''
    if (key === secretWord) throw refused(option, path, `has a secret key in line ${number}; it takes public ones, which vanadium keygen writes into .public files`)
    if (keyIn(word) === null) throw refused(option, path, `has no public key in line ${number}; it takes one a line, ${keyLength} characters, then a name if wanted; # begins a comment`)
    if (clients.set(key, rest.join(' ')).size > mostClients) throw refused(option, path, `has more than ${mostClients} keys`)
  }
  return clients
}

function readPublic (path: string, option: string): Buffer {
  try {
    const stats = statSync(path)
    if (!stats.isFile()) throw refused(option, path, 'is not a regular file; name one')
    if (stats.size > mostBytes) throw refused(option, path, `has ${stats.size} bytes; give at most ${mostBytes}`)
    // who can write it decides who may read the stream, or whose stream is read
    if ((stats.mode & 0o002) !== 0) throw refused(option, path, `has mode 0${(stats.mode & 0o7777).toString(8)}, so everybody on this host may change it; chmod o-w ${path}`)
    return readFileSync(path)
  } catch (cause) {
    throw cause instanceof ConfigError ? cause : new ConfigError('bad-credentials', `${option} ${path} cannot be read: ${messageOf(cause)}; name a file that this user can read`, { cause })
  }
}

interface Line {
  readonly number: number
  readonly words: readonly Buffer[]
}

/** Lines with words. What begins with `#` is a comment: no key does, as `#` is the highest digit of Z85. No copies are made. */
function linesOf (bytes: Buffer): Line[] {
  const lines: Line[] = []
  let words: Buffer[] = []
  let number = 1
  let start = 0
  for (let at = 0; at <= bytes.length; at++) {
    const byte = bytes[at] ?? newline
    if (byte > space) continue
    if (at > start) words.push(bytes.subarray(start, at))
    start = at + 1
    if (byte !== newline) continue
    const [first] = words
    if (first !== undefined && first[0] !== hash) lines.push({ number, words })
    words = []
    number++
  }
  return lines
}

function keyIn (word: Buffer | undefined): Buffer | null {
  return word?.length === keyLength ? decodeZ85(word) : null
}

/** RFC 8410, section 7: what stands before the 32 bytes of an X25519 key. CURVE's keys are such. */
const secretPrefix = Buffer.from('302e020100300506032b656e04220420', 'hex')

function publicKeyOf (secret: Buffer): string {
  const key = Buffer.concat([secretPrefix, secret])
  const spki = createPublicKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' })).export({ format: 'der', type: 'spki' })
  key.fill(0)
  return encodeZ85(spki.subarray(-32))
}

function refused (option: string, path: string, why: string): ConfigError {
  return new ConfigError('bad-credentials', `${option} ${path} ${why}`)
}
