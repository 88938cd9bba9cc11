import { ConfigError } from '../errors.js'

/** A stream's URI, taken apart. `text` is the whole as the operator wrote it, with any password hidden. */
export interface Uri {
  readonly scheme: string
  /** As written: `*`, a name, an IPv4 address, an IPv6 address without brackets; null if there is none. */
  readonly host: string | null
  readonly port: number | null
  readonly user: string | null
  readonly password: string | null
  /** Percent-decoded; begins with `/` after a host; empty if there is none. */
  readonly path: string
  /** Percent-decoded options, in the order they came. */
  readonly query: ReadonlyArray<readonly [name: string, value: string]>
  /** What stands after the scheme's colon, untouched but for `//` before another URI: for schemes that wrap one. */
  readonly rest: string
  readonly text: string
}

/** Longest URI, in characters: what looks for passwords takes time that is quadratic in it. */
const longest = 8192
/** URIs that may wrap one another. */
const mostWrapped = 16

const shape = /^([a-z][a-z0-9+.-]*):(\/\/(?:([^/?#]*)@)?(\[[^\]]*\]|[^@:/?#]*)(?::([^@/?#]*))?)?([^?#]*)(?:\?([^#]*))?$/is

/** User and password of an authority, also in a URI that another one wraps. */
const login = /(?<!\/)(\/\/[^:/?#]*):[^/?#]*@/g
/** A colon that begins neither a port nor a wrapped URI, and an `@` where the authority has ended already. */
const unescapedLogin = /(?<!\/)(\/\/(?!\[)[^:/?#]*):(?!\/\/|\d+(?:[/?#]|$)).*@/s

/**
 * Takes a URI apart (RFC 3986, section 3). More liberal than `URL`: `tcp://*:8600`, `ipc:///run/x`, `file:events.log`.
 * Throws `ConfigError` naming the URI and what is wrong with it.
 */
export function parseUri (text: string): Uri {
  if (text.length > longest) throw new ConfigError('bad-uri', `a stream URI has ${text.length} characters; give ${longest} at most`)
  const safe = hidePasswords(text)
  if (hasUnescapedLogin(text)) throw new ConfigError('bad-uri', `${safe}: the password is not escaped; write / ? # @ in it as %2F %3F %23 %40`)
  // with one there is no match, which would be found out in every way that there is
  const match = text.includes('#') ? null : shape.exec(text)
  if (match === null) {
    throw new ConfigError('bad-uri', `"${safe}" is no stream URI; write scheme://host:port/path?option=value, for example tcp://127.0.0.1:8600, and a literal # as %23`)
  }
  const [, scheme = '', , userinfo, host, port, path = '', query] = match
  const [user, password] = userinfo === undefined ? [] : splitAt(userinfo, ':')
  return {
    scheme: scheme.toLowerCase(),
    host: host === undefined || host === '' ? null : host.replace(/^\[(.*)\]$/, '$1'),
    port: portOf(port, safe),
    user: user === undefined ? null : decode(user, safe),
    password: password === undefined ? null : decode(password, safe),
    path: decode(path, safe),
    query: optionsOf(query, safe),
    rest: text.slice(scheme.length + 1).replace(/^\/\/(?=[a-z][a-z0-9+.-]*:)/i, ''),
    text: safe
  }
}

/** What the ledger calls the stream of a URI: the journal's name or, without one, the URI without wrappers and options. */
export function streamOf (text: string, depth = 0): string {
  const { rest, query, text: safe } = parseUri(text)
  checkDepth(depth, safe)
  if (/^[a-z][a-z0-9+.-]*:/i.test(rest)) return streamOf(rest, depth + 1)
  return query.find(([name]) => name === 'journal')?.[1] ?? safe.replace(/\?.*$/s, '')
}

/** Throws `ConfigError` for a URI that so many others wrap. */
export function checkDepth (depth: number, text: string): void {
  if (depth > mostWrapped) throw new ConfigError('bad-uri', `${text}: more than ${mostWrapped} URIs wrap one another; leave some out`)
}

/** A URI as it may be shown; of one that is too long, its scheme. Passwords are hidden in wrapped URIs and options too, and where they were not escaped. */
export function hidePasswords (text: string): string {
  if (text.length > longest) return `${/^[a-z][a-z0-9+.-]{0,20}:/i.exec(text)?.[0] ?? ''}…`
  // behind the last @ there is no password, and much that would be looked through for one
  const end = text.lastIndexOf('@') + 1
  return hideOptions(text.slice(0, end).replace(hasUnescapedLogin(text) ? unescapedLogin : login, '$1:***@') + text.slice(end))
}

function hasUnescapedLogin (text: string): boolean {
  return text.search(login) === -1 && unescapedLogin.test(text.slice(0, text.lastIndexOf('@') + 1))
}

const secretName = /passw|secret|token/i

/** `passwd=x` becomes `passwd=***`. */
function hideOptions (text: string): string {
  return text.split('&').map((part, at) => {
    const start = at === 0 ? part.indexOf('?') : 0
    for (let from = start, end = part.indexOf('=', from); start !== -1 && end !== -1; from = end + 1, end = part.indexOf('=', from)) {
      if (secretName.test(part.slice(from, end))) return `${part.slice(0, end + 1)}***`
    }
    return part
  }).join('&')
}

function splitAt (text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function portOf (port: string | undefined, uri: string): number | null {
  if (port === undefined || port === '') return null
  const number = Number(port)
  if (!/^\d{1,5}$/.test(port) || number > 65535) throw new ConfigError('bad-uri', `${uri}: port "${port}" is not a number from 0 to 65535`)
  return number
}

function optionsOf (query: string | undefined, uri: string): Array<[string, string]> {
  if (query === undefined || query === '') return []
  return query.split('&').filter(part => part !== '').map(part => {
    const [name, value = 'true'] = splitAt(part, '=')
    return [decode(name, uri), decode(value, uri)]
  })
}

function decode (text: string, uri: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new ConfigError('bad-uri', `${uri}: there is a broken percent-escape; write a literal % as %25`)
  }
}

/** `tcp://host:port` as sockets want it: IPv6 in brackets, `*` when there is no host. `ipc://path` for a local socket. */
export function endpointOf (uri: Uri): string {
  if (uri.scheme === 'ipc') return `ipc://${uri.path}`
  const host = uri.host ?? '*'
  return `${uri.scheme}://${host.includes(':') ? `[${host}]` : host}:${uri.port ?? 0}`
}

/** Of a URI that wraps another: `query` has only the options that are its own, `rest` is the other URI with all others. */
export function withoutInner (uri: Uri, own: readonly string[]): Uri {
  const [inner, query = ''] = splitAt(uri.rest, '?')
  const options = query.split('&').filter(option => !own.includes(decode(splitAt(option, '=')[0], uri.text)))
  return {
    ...uri,
    query: uri.query.filter(([name]) => own.includes(name)),
    rest: options.length === 0 || query === '' ? inner : `${inner}?${options.join('&')}`
  }
}
