import { readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigError, messageOf } from '../../errors.js'
import { readSecret } from '../../file/secret-file.js'

/** What a `my.cnf` file says to clients, by option; `_` and `-` mean the same. */
export type ClientOptions = ReadonlyMap<string, string>

/** Those that MySQL's and MariaDB's own programs share, and one for what only these daemons are to know. */
const groups = ['client', 'client-server', 'client-mariadb', 'vanadium']

/** MySQL's own limit: https://dev.mysql.com/doc/refman/8.4/en/option-files.html */
const deepestInclude = 10

/**
 * Reads an option file as the MySQL clients do: https://dev.mysql.com/doc/refman/8.4/en/option-files.html. What comes later
 * wins; `!include` and `!includedir` are followed. Throws `ConfigError` when a file cannot be read, or has a password and others may read it.
 */
export function readDefaultsFile (path: string): ClientOptions {
  const options = new Map<string, string>()
  include(path, 0, options)
  return options
}

function include (path: string, depth: number, options: Map<string, string>): void {
  if (depth > deepestInclude) throw new ConfigError('bad-credentials', `defaults-file ${path} is included more than ${deepestInclude} levels deep; does a file include itself?`)
  const text = readSecret(path, { what: 'defaults-file', isSecret: hasPassword }).toString('utf8')
  parse(text, options, (directive, named) => {
    const target = resolve(dirname(path), named)
    const files = directive === 'include' ? [target] : list(target).filter(name => name.endsWith('.cnf')).sort().map(name => join(target, name))
    for (const file of files) include(file, depth + 1, options)
  })
}

function hasPassword (bytes: Buffer): boolean {
  const options = new Map<string, string>()
  parse(bytes.toString('utf8'), options, () => {})
  return options.has('password')
}

function list (directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (cause) {
    throw new ConfigError('bad-credentials', `defaults-file: ${directory} cannot be read: ${messageOf(cause)}; name a directory that this user can read`, { cause })
  }
}

function parse (text: string, options: Map<string, string>, onInclude: (directive: string, path: string) => void): void {
  let group = ''
  for (const line of text.split(/\r?\n/).map(line => line.trim())) {
    const header = /^\[([^\]]*)\]/.exec(line)
    if (header !== null) {
      group = header[1]?.trim() ?? ''
      continue
    }
    const [, directive, path] = /^!(include|includedir)\s+(.+)$/.exec(line) ?? []
    if (directive !== undefined && path !== undefined) onInclude(directive, path)
    const option = /^([^\s=#;!][^\s=]*)\s*(?:=\s*(.*))?$/.exec(line)
    if (option === null || !groups.includes(group)) continue
    const [, name = '', value] = option
    set(options, name.replaceAll('_', '-').toLowerCase(), value === undefined ? undefined : unquote(value))
  }
}

/** `skip-ssl` and `disable-ssl` are `ssl=0`, `enable-ssl` is `ssl=1`; `loose-` is for servers that may not know an option. */
function set (options: Map<string, string>, written: string, value: string | undefined): void {
  const [, prefix, name = ''] = /^(?:loose-)?(?:(skip|disable|enable)-)?(.+)$/.exec(written) ?? []
  if (prefix === undefined) options.set(name, value ?? '')
  else options.set(name, prefix === 'enable' ? '1' : '0')
}

const offs = ['0', 'off', 'false', 'no']

export function isOff (options: ClientOptions, name: string): boolean {
  return offs.includes(options.get(name)?.toLowerCase() ?? '')
}

/** An option without a value is on. */
export function isOn (options: ClientOptions, name: string): boolean {
  return options.has(name) && !isOff(options, name)
}

const escapes: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', r: '\r', s: ' ', '\\': '\\', '"': '"', "'": "'" }

/** A value ends at ` #` unless it is quoted; escapes are those of the manual. */
function unquote (value: string): string {
  const quoted = /^(["'])((?:\\.|(?!\1).)*)\1/.exec(value)
  const text = quoted?.[2] ?? value.replace(/\s+#.*$/, '')
  return text.replace(/\\(.)/g, (escape, character: string) => escapes[character] ?? escape)
}
