import type { Options } from 'yargs'
import { commonOptions } from '../../lib/cli/options.js'

/** Of every command that uses the list. */
export const listOptions = {
  optout: commonOptions.optout,
  'optout-key': commonOptions['optout-key']
} as const satisfies Record<string, Options>

/** Of every command that is about some users. */
export const userOptions = {
  ...listOptions,
  user: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Identifier of a user, as events have it' },
  stdin: { type: 'boolean', default: false, description: 'Read identifiers from stdin, one a line: a command line is seen by others of the host and stays in the history of the shell' }
} as const satisfies Record<string, Options>

export const userOperands = { option: 'user', usage: 'ID…' }
