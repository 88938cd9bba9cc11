import type { CommandGroup } from '../lib/cli/command.js'
import { runCommand } from './backup/run.js'

export const backup: CommandGroup = {
  name: 'backup',
  summary: 'Backs up logs, archives and tables.',
  commands: [runCommand]
}
