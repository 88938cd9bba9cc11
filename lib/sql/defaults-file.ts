import { readFileSync } from 'node:fs'
import { ConfigError, messageOf } from '../errors.js'

/** What `[client]` of a `my.cnf` file says, by option; `_` and `-` mean the same. */
export type ClientOptions = ReadonlyMap<string, string>

/**
 * Reads an option file as the MySQL clients do: https://dev.mysql.com/doc/refman/8.4/en/option-files.html. Only the group
 * `[client]`; `!include` is not followed. Throws `ConfigError` when the file cannot be read.
 */
export function readDefaultsFile (path: string): ClientOptions {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigError('bad-credentials', `defaults-file "${path}" cannot be read: ${messageOf(cause)}; name a my.cnf file that this user can read`, { cause })
  }
  return parseDefaultsFile(text)
}

export function parseDefaultsFile (text: string): ClientOptions {
  const options = new Map<string, string>()
  let group = ''
  for (const line of text.split(/\r?\n/).map(line => line.trim())) {
    const header = /^\[([^\]]*)\]/.exec(line)
    if (header !== null) {
      group = header[1]?.trim() ?? ''
      continue
    }
    const option = /^([^\s=#;!][^\s=]*)\s*(?:=\s*(.*))?$/.exec(line)
    if (option === null || group !== 'client') continue
    const [, name = '', value = ''] = option
    options.set(name.replaceAll('_', '-'), unquote(value))
  }
  return options
}

const escapes: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', r: '\r', s: ' ', '\\': '\\', '"': '"', "'": "'" }

/** A value ends at ` #` unless it is quoted; escapes are those of the manual. */
function unquote (value: string): string {
  const quoted = /^(["'])((?:\\.|(?!\1).)*)\1/.exec(value)
  const text = quoted?.[2] ?? value.replace(/\s+#.*$/, '')
  return text.replace(/\\(.)/g, (escape, character: string) => escapes[character] ?? escape)
}
