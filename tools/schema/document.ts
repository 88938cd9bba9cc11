import { relative, resolve, sep } from 'node:path'
import { schemaOptions } from '../../lib/cli/schema-options.js'
import type { CommonOptions } from '../../lib/cli/options.js'
import { ConfigError } from '../../lib/errors.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { identityOfFile, readSchemaText, type SchemaFile } from '../../lib/event/schema-files.js'
import { isRefused, type RefusedSchema, type Schema, type SchemaRepository } from '../../lib/event/schemas.js'
import { createLog } from '../../lib/log.js'

/** A schema as somebody names it: a file that is not published yet, perhaps, or a revision that is. */
export interface Document {
  readonly schema: Schema | RefusedSchema
  /** What the file holds; null where that is not at hand. */
  readonly text: string | null
  /** False for a file that no schema directory could have under its name. */
  readonly isNamed: boolean
}

/** Whether an operand means a file: no name of a schema looks like one. */
export function isFile (operand: string): boolean {
  return /\.(json|ya?ml)$/.test(operand)
}

/** A file as one of schemas. `named` is false if its name is made up, because the path does not tell. */
export interface Proposal extends SchemaFile {
  readonly isNamed: boolean
}

/**
 * Reads a file. Its name and revision are those of its path, below one of the directories or else in its folder; `as` says other
 * ones. Throws `ConfigError` if it cannot be read.
 */
export async function readProposal (path: string, directories: readonly string[], as: Pick<SchemaFile, 'name' | 'revision'> | null = null): Promise<Proposal> {
  const content = await readSchemaText(path)
  if (content instanceof ConfigError) throw new ConfigError('bad-schema', `${path}: ${content.message}; name a file of a schema, as schemas/DemoButtonClick/1.yaml`)
  const identity = as ?? identityOf(resolve(path), directories)
  return { ...identity ?? madeUp(path), path, content, isNamed: identity !== null }
}

function identityOf (path: string, directories: readonly string[]): Pick<SchemaFile, 'name' | 'revision'> | null {
  const below = directories.map(directory => relative(directory, path)).filter(inside => !inside.startsWith('..'))
  return [...below, path.split(sep).slice(-2).join('/')].map(inside => identityOfFile(inside.replaceAll(sep, '/'))).find(found => found !== null) ?? null
}

function madeUp (path: string): Pick<SchemaFile, 'name' | 'revision'> {
  const stem = path.split(sep).at(-1)?.replace(/\.[^.]*$/, '').replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 63)
  return { name: stem === undefined || stem === '' ? 'Schema' : stem, revision: 1 }
}

/** The file's schema by itself, in the capsule that comes with vanadium. */
export async function openProposal ({ isNamed, ...file }: Proposal): Promise<Document> {
  const schemas = await openSchemas({ directories: [], documents: [file], log: silentLog() })
  const schema = settled(schemas, file)
  return { schema, text: typeof file.content === 'string' ? file.content : null, isNamed }
}

/** All schemas as they would be if the file were published. */
export async function openWith (file: SchemaFile, common: CommonOptions): Promise<SchemaRepository> {
  return await openSchemas({ ...schemaOptions(common, silentLog()), documents: [file] })
}

/** A revision as it is published, with its text if it is in a file. */
export async function openPublished (schema: Schema | RefusedSchema, schemas: SchemaRepository): Promise<Document> {
  const text = isFile(schema.source) && !/^https?:/.test(schema.source) ? await readSchemaText(schema.source) : null
  return { schema: settled(schemas, schema), text: typeof text === 'string' ? text : null, isNamed: true }
}

/** What a schema is when it is used: some turn out to be unusable only then. Throws `TypeError` if the repository does not have it. */
export function settled (schemas: SchemaRepository, { name, revision }: Pick<Schema, 'name' | 'revision'>): Schema | RefusedSchema {
  const found = schemas.find(name, revision)
  if (found !== undefined && !isRefused(found)) found.validate({})
  const now = schemas.find(name, revision)
  if (now === undefined) throw new TypeError(`schema ${name}/${revision} is not there`)
  return now
}

/** What is wrong with a file is what its reader is told, once, and not as a log. */
export function silentLog (): ReturnType<typeof createLog> {
  return createLog({ level: 'error' })
}
