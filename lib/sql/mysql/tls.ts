import { readFileSync } from 'node:fs'
import type { SslOptions } from 'mysql2/promise'
import { ConfigError, messageOf } from '../../errors.js'
import { readSecret } from '../../file/secret-file.js'
import { isOff, isOn, type ClientOptions } from './defaults-file.js'

/** https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode */
const modes = ['DISABLED', 'PREFERRED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'] as const
type Mode = typeof modes[number]

/**
 * How to speak TLS, as the options of MySQL's client (`ssl-mode`) and of MariaDB's (`ssl`, `ssl-verify-server-cert`) say; undefined for
 * not at all. Where it is asked for, a server without it is refused, and both the certificate and the name in it are verified
 * unless an option says otherwise. Through a socket there is no name to verify. Throws `ConfigError`.
 */
export function tlsOptions (file: ClientOptions, throughSocket: boolean): SslOptions | undefined {
  const mode = modeOf(file)
  // the driver cannot prefer: it would either demand TLS or not speak it
  if (mode === 'DISABLED' || mode === 'PREFERRED') return undefined
  if (file.has('ssl-capath')) throw new ConfigError('bad-credentials', 'ssl-capath is not supported; name one PEM file with all authorities by ssl-ca')
  const ca = file.get('ssl-ca')
  const certificate = file.get('ssl-cert')
  const key = file.get('ssl-key')
  return {
    ...(ca === undefined ? {} : { ca: read('ssl-ca', ca) }),
    ...(certificate === undefined ? {} : { cert: read('ssl-cert', certificate) }),
    ...(key === undefined ? {} : { key: readSecret(key, { what: 'ssl-key' }) }),
    rejectUnauthorized: mode !== 'REQUIRED',
    verifyIdentity: mode === 'VERIFY_IDENTITY' && !throughSocket
  }
}

function modeOf (file: ClientOptions): Mode {
  const ca = file.has('ssl-ca')
  const written = file.get('ssl-mode')
  if (written !== undefined) {
    const mode = modes.find(mode => mode === written.toUpperCase())
    if (mode === undefined) throw new ConfigError('bad-credentials', `ssl-mode "${written}" is unknown; allowed: ${modes.join(', ')}`)
    // an authority that is named is meant to be asked
    return ca && (mode === 'REQUIRED' || mode === 'PREFERRED') ? 'VERIFY_CA' : mode
  }
  const asked = implying.some(option => file.has(option)) || isOn(file, 'ssl') || isOn(file, 'ssl-verify-server-cert')
  if (!asked || isOff(file, 'ssl')) return 'DISABLED'
  if (!isOff(file, 'ssl-verify-server-cert')) return 'VERIFY_IDENTITY'
  return ca ? 'VERIFY_CA' : 'REQUIRED'
}

const implying = ['ssl-ca', 'ssl-capath', 'ssl-cert', 'ssl-key']

function read (option: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new ConfigError('bad-credentials', `${option} "${path}" cannot be read: ${messageOf(cause)}; name a PEM file that this user can read`, { cause })
  }
}
