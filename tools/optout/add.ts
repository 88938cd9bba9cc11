import { defineCommand } from '../../lib/cli/command.js'
import { optOutFiles } from '../../lib/cli/opt-out.js'
import { editList } from '../../lib/opt-out/files.js'
import { userOperands, userOptions } from './options.js'
import { usersGiven, usersText } from './users.js'

export const add = defineCommand({
  name: 'optout add',
  summary: 'Adds users to the list: their events are dropped from now on.',
  examples: [
    ['vanadium optout add --stdin', 'identifiers, one a line, then Ctrl-D'],
    ['vanadium optout add --stdin < /root/requests', 'from a file'],
    ['vanadium optout add 12345', 'seen by whoever lists processes, and kept in the history of the shell']
  ],
  notes: 'Processors notice within two seconds. What they have let through before that, vanadium optout erase takes out of the stores.\nThe list has hashes only; its key is made if there is none. An ID that begins with - or @: --stdin.\n\n',
  light: true,
  options: userOptions,
  operands: userOperands,
  defaults: { 'log-level': 'warn' },
  prepare (options, _transports, common) {
    return async () => {
      const users = await usersGiven(options)
      let before = 0
      const list = editList(optOutFiles(common), (hashes, key) => {
        before = hashes.count
        return [...hashes, ...users.map(user => key.digest(user))]
      })
      process.stdout.write(`added: ${usersText(list.count - before)}; the list has ${usersText(list.count)}\n`)
    }
  }
})
