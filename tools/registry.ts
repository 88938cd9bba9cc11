import type { CommandGroup } from '../lib/cli/command.js'
import { checkCommand } from './registry/check.js'
import { edit } from './registry/edit.js'
import { log } from './registry/log.js'
import { record } from './registry/record.js'
import { show } from './registry/show.js'

export const registry: CommandGroup = {
  name: 'registry',
  summary: 'What is known of schemas besides their shape: checks, shows and edits it, and tells who changed what.',
  commands: [checkCommand, show, edit, log, record]
}
