import type { CommandGroup } from '../lib/cli/command.js'
import { rates } from './sampling/rates.js'
import { simulate } from './sampling/simulate.js'

export const sampling: CommandGroup = {
  name: 'sampling',
  summary: 'Says which share of a schema\'s events is kept, and what another share would do.',
  commands: [simulate, rates]
}
