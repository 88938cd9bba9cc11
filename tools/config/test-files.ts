import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../../lib/errors.js'

/** Where an operator keeps files of cases. */
export const installedTests = '/etc/vanadium/tests'

/** Throws `ConfigError` if there are none. */
export function testFilesIn (directory: string): string[] {
  let names: string[] = []
  try {
    names = readdirSync(directory).filter(name => /^[^.].*\.ya?ml$/.test(name)).sort()
  } catch (cause) {
    throw new ConfigError('bad-option', `${directory}: ${messageOf(cause)}; name files of cases`, { cause })
  }
  if (names.length === 0) throw new ConfigError('bad-option', `${directory} has no *.yaml; name files of cases`)
  return names.map(name => join(directory, name))
}
