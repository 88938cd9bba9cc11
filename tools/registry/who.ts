import { userInfo } from 'node:os'
import type { Options } from 'yargs'
import { ConfigError } from '../../lib/errors.js'

export const messageOption = { type: 'string', requiresArg: true, description: 'Why, for vanadium registry log' } as const satisfies Options

const longestMessage = 1000

export function checkMessage (message: string | undefined): void {
  if (message === undefined || (message.length <= longestMessage && /^\P{Cc}+$/u.test(message))) return
  throw new ConfigError('bad-option', `--message ${JSON.stringify(message).slice(0, 100)}: give one line of text, at most ${longestMessage.toLocaleString('en-US')} characters`)
}

/** Who sits there: of root, whom sudo made it of. */
export function whoIsThere (): string {
  const { username, uid } = userInfo()
  const person = process.env['SUDO_USER'] ?? ''
  return uid === 0 && /^\P{Cc}{1,100}$/u.test(person) && person !== username ? `${person} (as ${username})` : username
}
