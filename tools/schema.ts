import type { CommandGroup } from '../lib/cli/command.js'
import { ddl } from './schema/ddl.js'

export const schema: CommandGroup = {
  name: 'schema',
  summary: 'Says what becomes of a schema.',
  commands: [ddl]
}
