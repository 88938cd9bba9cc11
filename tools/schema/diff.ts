import { isDeepStrictEqual } from 'node:util'
import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import { isRefused, type RefusedSchema, type Schema, type SchemaRepository } from '../../lib/event/schemas.js'
import { differenceOf, isCompatible } from './diff/difference.js'
import { jsonOf, textOf } from './diff/report.js'
import { isFile, openProposal, openPublished, readProposal } from './document.js'
import { chooseSchemas, parseChoice } from './selection.js'

/** Of revisions that do not go together. */
const incompatible = 2

export const diff = defineCommand({
  name: 'schema diff',
  summary: 'Compares two revisions of a schema, field by field: whether events and queries of the one go with the other.',
  examples: [
    ['vanadium schema diff DemoButtonClick', 'its two newest revisions'],
    ['vanadium schema diff schemas/DemoButtonClick/2.yaml', 'a file with the newest revision that is published'],
    ['vanadium schema diff HelpPanel/10500 HelpPanel/10501 --schemas ./schemas', 'two revisions; either may be a file']
  ],
  notes: 'Compatible means: what is a valid event of the old revision is a valid one of the new, if it names that; and every column of both tables has\n' +
    'types that go together in the united view. What cannot be told counts as incompatible.\n' +
    'Exit codes: 0 compatible; 2 not; 78 bad options, or a schema that cannot be used.\n\n',
  options: {
    schema: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'The old revision, then the new: NAME/REVISION, or a file; "--schema" before it can be left out' },
    json: { type: 'boolean', default: false, description: 'Print JSON' }
  },
  operands: { option: 'schema', usage: '[OLD] NEW' },
  defaults: { 'log-level': 'warn' },
  prepare ({ schema: operands, json }, _transports, { schemas: directories }) {
    if (operands.length > 2) throw new ConfigError('bad-option', `${operands.join(' ')}: give one or two revisions`)

    return async ctx => {
      const [old, next] = await pairOf(operands, directories, ctx)
      const difference = differenceOf(old, next)
      process.stdout.write(json ? jsonOf(difference) : textOf(difference))
      if (!isCompatible(difference)) process.exitCode = incompatible
    }
  }
})

async function pairOf ([first = '', second]: readonly string[], directories: readonly string[], ctx: CommandContext): Promise<[Schema, Schema]> {
  if (second !== undefined) return [await open(first, directories, ctx), await open(second, directories, ctx)]
  if (!isFile(first)) return await newestTwo(first, ctx)
  const next = await open(first, directories, ctx)
  const older = ctx.schemas.list().filter((schema): schema is Schema => schema.name === next.name && !isRefused(schema))
  const [same, before] = [older.find(({ revision, definition }) => revision === next.revision && !isDeepStrictEqual(definition, next.definition)), older.filter(({ revision }) => revision < next.revision).at(-1)]
  const old = same ?? before
  if (old === undefined) throw new ConfigError('bad-schema', `no revision of ${next.name} before ${next.revision} is published; there is nothing to compare ${first} with: give OLD and NEW`)
  return [old, next]
}

async function newestTwo (operand: string, { schemas }: CommandContext): Promise<[Schema, Schema]> {
  const { name, revision } = parseChoice(operand)
  const usable = (await chooseSchemas(schemas, { name, revision: null })).filter((schema): schema is Schema => !isRefused(schema))
  const next = revision === null ? usable.at(-1) : usable.find(schema => schema.revision === revision)
  const old = next === undefined ? undefined : usable[usable.indexOf(next) - 1]
  if (next === undefined || old === undefined) throw new ConfigError('bad-schema', `${operand} has nothing before it to compare it with; there is ${usable.map(schema => `${name}/${schema.revision}`).join(', ') || 'none that can be used'}`)
  return [old, next]
}

/** Throws `ConfigError` for one that cannot be used. */
async function open (operand: string, directories: readonly string[], { schemas }: CommandContext): Promise<Schema> {
  const { schema } = isFile(operand)
    ? await openProposal(await readProposal(operand, directories))
    : await openPublished(await newestOf(operand, schemas), schemas)
  if (isRefused(schema)) throw new ConfigError('bad-schema', `${operand} cannot be used: ${schema.reason}; vanadium schema lint says where`)
  return schema
}

async function newestOf (operand: string, schemas: SchemaRepository): Promise<Schema | RefusedSchema> {
  const found = (await chooseSchemas(schemas, parseChoice(operand))).at(-1)
  if (found === undefined) throw new ConfigError('bad-schema', `there is no schema ${operand}`)
  return found
}
