import { createInterface } from 'node:readline'
import { ConfigError } from '../../lib/errors.js'
import { longestUser } from '../../lib/event/opt-out-text.js'
import { mostUsers } from '../../lib/opt-out/list.js'

export interface UserOptions {
  readonly user: readonly string[]
  readonly stdin: boolean
}

/** The identifiers that were given, not more than `most`. Throws `ConfigError`, which never has one of them in it. */
export async function usersGiven ({ user, stdin }: UserOptions, most = mostUsers): Promise<string[]> {
  const users = [...user]
  user.forEach((id, i) => { refuseUnfit(id, `ID ${i + 1}`) })
  if (stdin) {
    let number = 0
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
      number++
      if (line === '') continue
      refuseUnfit(line, `line ${number} of stdin`)
      if (users.push(line) > most) throw new ConfigError('bad-option', `--stdin: there are more than ${most} users; give at most so many at a time`)
    }
  }
  if (users.length === 0) throw new ConfigError('bad-option', stdin ? '--stdin: nothing came; give an identifier a line' : 'no user is named; give ID…, or --stdin')
  return users
}

function refuseUnfit (id: string, which: string): void {
  if (id.length > longestUser) throw new ConfigError('bad-option', `${which} has ${id.length} characters; an identifier has at most ${longestUser}`)
  if (id === '' || id.trim() !== id) throw new ConfigError('bad-option', `${which} is empty, or begins or ends with white space; give the identifier as events have it`)
}

/** `3 users`, `1 user`. */
export function usersText (count: number): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'user' : 'users'}`
}
