import type { CommandGroup } from '../lib/cli/command.js'
import { add } from './optout/add.js'
import { check } from './optout/check.js'
import { ls } from './optout/ls.js'
import { remove } from './optout/remove.js'

export const optout: CommandGroup = {
  name: 'optout',
  summary: 'Keeps the list of users whose events are dropped.',
  commands: [add, remove, check, ls]
}
