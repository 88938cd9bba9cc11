import { defineCommand } from '../../lib/cli/command.js'
import { optOutFiles } from '../../lib/cli/opt-out.js'
import { editList } from '../../lib/opt-out/files.js'
import { userOperands, userOptions } from './options.js'
import { usersGiven, usersText } from './users.js'

export const remove = defineCommand({
  name: 'optout remove',
  summary: 'Takes users off the list: their events are stored again from now on.',
  examples: [['vanadium optout remove --stdin', 'identifiers, one a line, then Ctrl-D']],
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
        const removed = new Set(users.map(user => key.digest(user).toString('hex')))
        return [...hashes].filter(hash => !removed.has(hash.toString('hex')))
      })
      process.stdout.write(`removed: ${usersText(before - list.count)}; the list has ${usersText(list.count)}\n`)
    }
  }
})
