import { ConfigError } from '../../lib/errors.js'
import type { RefusedSchema, Schema, SchemaRepository } from '../../lib/event/schemas.js'
import { nearest } from './nearest.js'

/** What somebody asks for by name. */
export interface Choice {
  readonly name: string
  /** Null for all. */
  readonly revision: number | null
}

/** A name may have slashes; digits behind the last one are a revision. */
export function parseChoice (text: string): Choice {
  const [, name = '', revision] = /^([A-Za-z0-9_./-]{1,63}?)(?:\/(\d{1,15}))?$/.exec(text) ?? []
  if (name === '') throw new ConfigError('bad-option', `"${text}" is not the name of a schema; give NAME, or NAME/REVISION, for example NavigationTiming/1`)
  return { name, revision: revision === undefined ? null : Number(revision) }
}

/** At least one, by revision. Asks the remote repository for a revision that no directory has. Throws `ConfigError` with what there is. */
export async function chooseSchemas (schemas: SchemaRepository, { name, revision }: Choice): Promise<Array<Schema | RefusedSchema>> {
  const revisions = schemas.list().filter(schema => schema.name === name)
  if (revision === null && revisions.length > 0) return revisions
  const found = revision === null ? undefined : schemas.find(name, revision) ?? await schemas.fetch(name, revision)
  if (found !== undefined) return [found]
  if (revisions.length > 0) throw new ConfigError('bad-schema', `schema ${name} has no revision ${revision}; there is ${revisions.map(schema => schema.revision).join(', ')}`)
  const known = new Set(schemas.list().map(schema => schema.name))
  const near = nearest(name, [...known])
  const hint = near.length > 0 ? `names like it: ${near.join(', ')}` : `none of the ${known.size} names is like it`
  throw new ConfigError('bad-schema', `there is no schema ${name}; ${hint}. Give the directory that has it with --schemas`)
}
