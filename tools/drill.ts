import type { CommandGroup } from '../lib/cli/command.js'
import { failover } from './drill/failover.js'

export const drill: CommandGroup = {
  name: 'drill',
  summary: 'Rehearses on the live pair what is to happen when a host is lost, and measures it.',
  commands: [failover]
}
