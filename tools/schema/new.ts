import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defineCommand, type CommandContext } from '../../lib/cli/command.js'
import { codeOf, ConfigError, messageOf } from '../../lib/errors.js'
import { isSchemaName, readSchemaText } from '../../lib/event/schema-files.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { isRefused, type Schema } from '../../lib/event/schemas.js'
import { isFile, openProposal, silentLog } from './document.js'
import { declaredFields } from './fields.js'
import { personalFields } from './lint/privacy.js'
import { parseFields, type NewField } from './new/field.js'
import { fieldsOfEvents } from './new/infer.js'
import { firstRevision, nextRevision } from './new/template.js'

/** Bytes of example events. */
const mostInput = 16 << 20

export const newSchema = defineCommand({
  name: 'schema new',
  summary: 'Writes the first revision of a schema, or the next one as a copy of the last, and says what to do then.',
  examples: [
    ['vanadium schema new ButtonPress --fields \'button:save|cancel:required,durationMs:integer\'', 'schemas/ButtonPress/1.yaml with two fields'],
    ['vanadium schema new ButtonPress --from-event events.ndjson', 'with the fields of example events; - for standard input'],
    ['vanadium schema new ButtonPress --fields label:string', 'once there is one: the next revision, with one field more']
  ],
  options: {
    schema: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Its name, as NavigationTiming; "--schema" before it can be left out' },
    fields: { type: 'string', requiresArg: true, description: 'NAME:TYPE[:required], several by commas; TYPE is string, integer, number, boolean, date-time, or the values: save|cancel' },
    'from-event': { type: 'string', requiresArg: true, description: 'File of example events, one a line as JSON, with their capsules or without; - for standard input' },
    directory: { type: 'string', default: 'schemas', requiresArg: true, description: 'Schema directory into which it is written' }
  },
  operands: { option: 'schema', usage: 'NAME' },
  defaults: { 'log-level': 'warn' },
  prepare ({ schema: names, fields, 'from-event': events, directory }) {
    const [name = '', ...more] = names
    if (more.length > 0 || !isSchemaName(name) || /\/\d+$/.test(name)) {
      throw new ConfigError('bad-option', `${names.join(' ')}: give the name of one schema, without revision: 1 to 63 of A-Z a-z 0-9 _ . / -, as NavigationTiming`)
    }
    if (fields !== undefined && events !== undefined) throw new ConfigError('bad-option', '--fields and --from-event are both given; give one of them')
    const given = fields === undefined ? [] : parseFields('--fields', fields)

    return async ctx => {
      const made = events === undefined ? given : fieldsOfEvents(`--from-event ${events}`, read(events))
      const path = await write(name, directory, made, ctx)
      process.stdout.write(await whatNext(path, name, directory))
    }
  }
})

function read (file: string): string {
  try {
    const bytes = readFileSync(file === '-' ? 0 : file)
    if (bytes.length > mostInput) throw new ConfigError('bad-option', `it has ${bytes.length} bytes, at most ${mostInput} are read; give fewer events`)
    return bytes.toString()
  } catch (cause) {
    throw new ConfigError('bad-option', `--from-event ${file}: ${messageOf(cause)}`, { cause })
  }
}

/** Returns the path. Throws `ConfigError` when something is there. */
async function write (name: string, directory: string, fields: readonly NewField[], ctx: CommandContext): Promise<string> {
  const last = await lastRevision(name, directory, ctx)
  const path = join(directory, name, `${(last?.revision ?? 0) + 1}.${last?.source.endsWith('.json') === true ? 'json' : 'yaml'}`)
  const text = last === null ? firstRevision(name, fields) : nextRevision(await textOf(last), last.definition, fields)
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text, { flag: 'wx' })
  } catch (cause) {
    const reason = codeOf(cause) === 'EEXIST' ? 'it is there already, and cannot be used (vanadium schema lint says why); correct or remove it' : messageOf(cause)
    throw new ConfigError('bad-option', `${path} is not written: ${reason}`, { cause })
  }
  return path
}

/** The newest that is published, or is in the directory already. */
async function lastRevision (name: string, directory: string, { schemas }: CommandContext): Promise<Schema | null> {
  const drafts = existsSync(directory) ? await openSchemas({ directories: [directory], log: silentLog() }) : null
  const all = [...schemas.list(), ...drafts?.list() ?? []].filter((schema): schema is Schema => schema.name === name && !isRefused(schema))
  return all.sort((a, b) => a.revision - b.revision).at(-1) ?? null
}

async function textOf ({ source, definition }: Schema): Promise<string> {
  const text = isFile(source) && !/^https?:/.test(source) ? await readSchemaText(source) : JSON.stringify(definition)
  if (text instanceof ConfigError) throw new ConfigError('bad-schema', `${source}: ${text.message}`)
  return text
}

async function whatNext (path: string, name: string, directory: string): Promise<string> {
  const revision = Number(/(\d+)\.\w+$/.exec(path)?.[1])
  const content = await readSchemaText(path)
  const { schema } = await openProposal({ name, revision, path, content, isNamed: true })
  const steps = [
    `write its descriptions, then: vanadium schema lint ${path}`,
    ...revision === 1 ? [] : [`what is different, and whether it goes with the last one: vanadium schema diff ${path} --schemas ${directory}`],
    `what becomes of the events of the last day: vanadium schema preflight ${path}`,
    ...revision === 1 ? [`tell the operators what is known of it, for the registry:\n${entryOf(name, schema as Schema)}`] : []
  ]
  return `${path} is written. Next:\n${steps.map((step, at) => `${at + 1}. ${step}\n`).join('')}`
}

/** To be pasted into the registry. */
function entryOf (name: string, schema: Schema): string {
  const [user] = personalFields(declaredFields(schema.modern)).filter(({ kind }) => kind.rule === 'privacy-user')
  return [
    '   schemas:',
    `     ${name}:`,
    '       owners: [you@example.org]',
    '       retention: { days: 90 }',
    ...user === undefined ? [] : [`       user: event.${user.field.path.join('.')}`]
  ].join('\n')
}
