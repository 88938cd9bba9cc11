import { spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline/promises'
import { ConfigError, messageOf } from '../../lib/errors.js'

/** Resolves nothing before it is closed: signals that the terminal sends meanwhile are the editor's. Throws `ConfigError` if it fails. */
export function runEditor (file: string): void {
  const editor = [process.env['VISUAL'], process.env['EDITOR']].find(name => name !== undefined && name !== '') ?? 'vi'
  const { status, signal, error } = spawnSync('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' })
  if (status === 0) return
  const why = error === undefined ? signal === null ? `it ended with ${status}` : `it was ended by ${signal}` : messageOf(error)
  throw new ConfigError('bad-option', `the editor "${editor}" failed: ${why}; nothing was changed. Name one in VISUAL or EDITOR`)
}

/** Where nobody can be asked, no. */
export async function wantsToGoOn (stop: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    const answer = await terminal.question('Nothing was installed. Edit again, or quit and lose what you wrote? [E/q] ', { signal: stop })
    return !/^\s*q/i.test(answer)
  } catch {
    return false
  } finally {
    terminal.close()
  }
}
