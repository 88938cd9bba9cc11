import type { CommandGroup } from '../lib/cli/command.js'
import { rehearse } from './backup/rehearse.js'
import { restore } from './backup/restore.js'
import { runCommand } from './backup/run.js'
import { verify } from './backup/verify.js'

export const backup: CommandGroup = {
  name: 'backup',
  summary: 'Backs up logs, archives and tables, and proves that the backups are good.',
  commands: [runCommand, verify, rehearse, restore]
}
