import type { CommandGroup } from '../lib/cli/command.js'
import { check } from './journal/check.js'
import { exportRecords } from './journal/export.js'
import { forget } from './journal/forget.js'
import { ls } from './journal/ls.js'
import { salvage } from './journal/salvage.js'
import { tail } from './journal/tail.js'

export const journal: CommandGroup = {
  name: 'journal',
  summary: 'Looks into the journals of published streams, also while their daemons run.',
  commands: [ls, check, exportRecords, tail, forget, salvage]
}
