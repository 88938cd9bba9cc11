import type { Options } from 'yargs'
import { ConfigError, messageOf, StreamError } from '../../lib/errors.js'
import { classify } from '../../lib/sql/errors.js'

/** Of whoever asks about a lease. */
export const leaseOptions = {
  read: { type: 'string', demandOption: true, requiresArg: true, description: 'The database: a mysql: URI as a consumer has it, with an account that need not write' },
  lease: { type: 'string', demandOption: true, requiresArg: true, description: 'What the consumers call the lease: lease=NAME in their output' }
} as const satisfies Record<string, Options>

export function leaseName (given: string): string {
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(given)) throw new ConfigError('bad-option', `--lease "${given.slice(0, 100)}" is no name of a lease; give 1 to 64 of A-Z a-z 0-9 _ . -`)
  return given
}

/** What the database answered, as an error that is no bug. */
export function unreadable (database: string, error: unknown): unknown {
  return classify(error) === 'bug' ? error : new StreamError('cannot-read', `${messageOf(error)} (${database})`, { cause: error })
}
