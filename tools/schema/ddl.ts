import { defineCommand } from '../../lib/cli/command.js'
import { ConfigError, RecordError } from '../../lib/errors.js'
import { isRefused, type RefusedSchema, type Schema, type SchemaRepository } from '../../lib/event/schemas.js'
import type { Log } from '../../lib/log.js'
import { planTable, type TablePlan } from '../../lib/sql/columns.js'
import { settled } from './document.js'
import { dialectNames, scriptOf } from './script.js'
import { chooseSchemas, parseChoice, type Choice } from './selection.js'

export const ddl = defineCommand({
  name: 'schema ddl',
  summary: 'Prints the statements with which a consumer makes the tables of schemas.',
  examples: [
    ['vanadium schema ddl NavigationTiming/1', 'the table of one revision'],
    ['vanadium schema ddl NavigationTiming --schemas ./schemas | mariadb log', 'makes those of all its revisions before the consumer does'],
    ['vanadium schema ddl DemoButtonClick --dialect sqlite | sqlite3 events.sqlite', 'the same in SQLite']
  ],
  notes: 'The output can be given to mariadb, mysql or sqlite3 as it is. A table that is there stays as it is; the\nconsumer adds the columns that it lacks. How a schema becomes a table: docs/analysts.md.\n\n',
  options: {
    schema: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'NAME/REVISION, or NAME for all its revisions; "--schema" before it can be left out' },
    dialect: { choices: dialectNames, default: 'mysql' as const, requiresArg: true, description: 'The database; mysql is MariaDB, too' }
  },
  operands: { option: 'schema', usage: 'NAME[/REVISION]…' },
  defaults: { 'log-level': 'warn' },
  prepare ({ schema, dialect }) {
    const choices = schema.map(parseChoice)

    return async ({ schemas, log }) => {
      const plans = new Map<string, TablePlan>()
      for (const choice of choices) for (const plan of await plansOf(choice, schemas, log)) plans.set(plan.comment, plan)
      process.stdout.write(scriptOf(dialect, [...plans.values()]))
    }
  }
})

/** Revisions that cannot have a table are passed over if there are others, and nobody asked for that one. */
async function plansOf (choice: Choice, schemas: SchemaRepository, log: Log): Promise<TablePlan[]> {
  const plans: TablePlan[] = []
  let failure: ConfigError | null = null
  for (const schema of await chooseSchemas(schemas, choice)) {
    try {
      plans.push(planOf(schema, schemas))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      failure = error
      if (choice.revision === null) log.warn('a revision has no table', { schema: `${schema.name}/${schema.revision}`, reason: error.message })
    }
  }
  if (failure !== null && plans.length === 0) throw failure
  return plans
}

function planOf (schema: Schema | RefusedSchema, schemas: SchemaRepository): TablePlan {
  const name = `${schema.name}/${schema.revision}`
  const found = settled(schemas, schema)
  if (isRefused(found)) throw new ConfigError('bad-schema', `schema ${name} cannot be used: ${found.reason}`)
  try {
    return planTable(found)
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    throw new ConfigError('bad-schema', `no table can hold ${name}: ${error.message}`, { cause: error })
  }
}
