import { defineCommand } from '../../lib/cli/command.js'
import { optOutFiles } from '../../lib/cli/opt-out.js'
import { readList } from '../../lib/opt-out/files.js'
import { userOperands, userOptions } from './options.js'
import { usersGiven } from './users.js'

export const check = defineCommand({
  name: 'optout check',
  summary: 'Says of users whether they are in the list.',
  examples: [['vanadium optout check --stdin', 'identifiers, one a line, then Ctrl-D']],
  notes: 'Prints a line for each, in their order, without the identifiers. Exit code 2 if one is not in the list.\n\n',
  light: true,
  options: userOptions,
  operands: userOperands,
  defaults: { 'log-level': 'warn' },
  prepare (options, _transports, common) {
    return async () => {
      const { list, key } = readList(optOutFiles(common))
      const verdicts = (await usersGiven(options)).map(user => key !== null && list.has(key.digest(user)))
      process.stdout.write(verdicts.map((isListed, i) => `${i + 1}  ${isListed ? 'opted out' : 'not in the list'}\n`).join(''))
      if (verdicts.includes(false)) process.exitCode = 2
    }
  }
})
