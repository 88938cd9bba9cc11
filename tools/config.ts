import type { CommandGroup } from '../lib/cli/command.js'
import { checkCommand } from './config/check.js'
import { testCommand } from './config/test.js'

export const config: CommandGroup = {
  name: 'config',
  summary: 'Says what is wrong with the configuration of a host, with file and line; tries out what it makes of sample lines.',
  commands: [checkCommand, testCommand]
}
