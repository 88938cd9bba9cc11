import { defineCommand } from '../../lib/cli/command.js'
import { optOutFiles } from '../../lib/cli/opt-out.js'
import { readList } from '../../lib/opt-out/files.js'
import { listOptions } from './options.js'
import { usersText } from './users.js'

export const ls = defineCommand({
  name: 'optout ls',
  summary: 'Says how many users are in the list, and with which key it was made.',
  examples: [
    ['vanadium optout ls', 'whether two hosts have the same'],
    ['vanadium optout ls --optout /srv/copy/optout --optout-key /etc/vanadium/optout.key', 'whether a copy can be used']
  ],
  notes: 'Nobody can tell from a list who is in it. Exit code 78 if a processor would refuse it.\n\n',
  light: true,
  options: listOptions,
  defaults: { 'log-level': 'warn' },
  prepare (_options, _transports, common) {
    return async () => {
      const files = optOutFiles(common)
      const { list, key } = readList(files)
      process.stdout.write(`${files.file}: ${usersText(list.count)}${key === null ? '; there is no key yet' : `, key ${key.id} (${files.keyFile})`}\n`)
      await Promise.resolve()
    }
  }
})
