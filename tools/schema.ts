import type { CommandGroup } from '../lib/cli/command.js'
import { ddl } from './schema/ddl.js'
import { diff } from './schema/diff.js'
import { lint } from './schema/lint.js'
import { newSchema } from './schema/new.js'
import { preflight } from './schema/preflight.js'

export const schema: CommandGroup = {
  name: 'schema',
  summary: 'Says what becomes of a schema, before it is published and after.',
  commands: [newSchema, lint, diff, preflight, ddl]
}
