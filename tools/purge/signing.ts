import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, messageOf } from '../../lib/errors.js'
import { isSecretThere, readSecret } from '../../lib/file/secret-file.js'

/** Ed25519 (RFC 8032): what one has signed, whoever has the public key can check. */
export interface SigningKey {
  /** Of the public key: what reports name it by. */
  readonly fingerprint: string
  sign (text: string): string
}

export interface VerifyingKey {
  readonly fingerprint: string
  verify (text: string, signature: string): boolean
}

export function publicName (file: string): string {
  return `${file}.pub`
}

/** The private key in a file (PEM), made there, with the public one beside it, if there is none. Throws `ConfigError`. */
export function openSigningKey (file: string): SigningKey {
  try {
    if (!isSecretThere(file)) makeKey(file)
    const key = createPrivateKey(readSecret(file, { what: '--key' }))
    requireEd25519(key)
    return { fingerprint: fingerprintOf(createPublicKey(key)), sign: text => sign(null, Buffer.from(text), key).toString('base64') }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('bad-option', `--key ${file}: ${messageOf(cause)}; name a private Ed25519 key in PEM that only this user can read, or a new file`, { cause })
  }
}

/** Of a public key in PEM, or a private one. Throws `ConfigError`. */
export function openVerifyingKey (file: string): VerifyingKey {
  try {
    const path = existsSync(publicName(file)) ? publicName(file) : file
    const key = createPublicKey(readSecret(path, { what: '--key', isSecret: bytes => bytes.includes('PRIVATE KEY') }))
    requireEd25519(key)
    return { fingerprint: fingerprintOf(key), verify: (text, signature) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64')) }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('bad-option', `--key ${file}: ${messageOf(cause)}; name the public key of the host whose reports they are: ${publicName(file)}`, { cause })
  }
}

function makeKey (file: string): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 })
  writeFileSync(publicName(file), publicKey.export({ type: 'spki', format: 'pem' }), { mode: 0o644, flush: true })
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx', flush: true })
}

function requireEd25519 ({ asymmetricKeyType }: KeyObject): void {
  if (asymmetricKeyType !== 'ed25519') throw new TypeError(`it is a key for ${asymmetricKeyType ?? 'something else'}`)
}

function fingerprintOf (key: KeyObject): string {
  return sha256(key.export({ type: 'spki', format: 'der' }))
}

export function sha256 (bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}
