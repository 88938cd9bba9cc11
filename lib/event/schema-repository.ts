import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { aboutLater, codeOf, ConfigError, messageOf } from '../errors.js'
import type { Log } from '../log.js'
import { describesEvents, readDefinition, type ModernSchema } from './modern-schema.js'
import { wholeProblem } from './problem.js'
import { parseSchema, readSchemaFiles, type SchemaFile } from './schema-files.js'
import { createRemoteSchemas, sharesOf, type RemoteDocument, type RemoteOptions, type RemoteSchemas } from './schema-remote.js'
import type { JsonSchema, Problem, RefusedSchema, Schema, SchemaRepository } from './schemas.js'
import { isRefused } from './schemas.js'
import { compileInspector, compileValidator } from './validator.js'

export interface SchemaOptions {
  /** With `<Name>/<revision>.(json|yaml|yml)`; for a revision that several have, the first counts. */
  readonly directories: readonly string[]
  /** Documents that are in no directory, yet: they count before all that are. */
  readonly documents?: readonly SchemaFile[]
  readonly remote?: RemoteOptions
  readonly log: Log
}

/** A file and what came of it. */
interface Source extends SchemaFile {
  readonly result: ModernSchema | ConfigError
}

type Layer = ReadonlyMap<string, Source>

/** The schema of what surrounds an event: no event has it. */
export const capsuleName = 'EventCapsule'

/**
 * Reads all schemas, so that those that cannot be used are known (and logged, and kept as refused) from the start; validators
 * are made on first use. The capsule is the highest usable revision of `EventCapsule` in the directories, or the shipped one.
 *
 * Reading again, a file that became unreadable or bad leaves its revision as it was, because a revision is not supposed to
 * change; so does a directory. A file that is gone is gone. Throws `ConfigError` for a directory that cannot be read at start.
 */
export async function openSchemas ({ directories, documents = [], remote, log }: SchemaOptions): Promise<SchemaRepository> {
  const repository = new Repository(directories, documents, remote, log)
  await repository.reload()
  return repository
}

/** The schemas that come with vanadium: `schemas/` beside the `package.json` above this file. */
export function shippedSchemas (): string {
  let at = import.meta.dirname
  while (!existsSync(join(at, 'package.json')) || !existsSync(join(at, 'schemas'))) {
    const up = dirname(at)
    if (up === at) throw new ConfigError('bad-option', `there is no schemas/ beside a package.json above ${import.meta.dirname}; install vanadium again`)
    at = up
  }
  return join(at, 'schemas')
}

class Repository implements SchemaRepository {
  readonly #directories: readonly string[]
  readonly #documents: Layer
  readonly #cacheDir: string | null
  readonly #remote: RemoteSchemas | null
  readonly #log: Log
  #layers = new Map<string, Layer>()
  #index = new Map<string, Map<number, Schema | RefusedSchema>>()
  #capsule: JsonSchema = {}
  /** What the capsule is taken from if no directory has one. */
  #shipped: Layer | null = null
  #loading: Promise<void> | null = null
  /** Schemas that came from the remote repository, this time or earlier, by their shares. */
  #held = 0

  constructor (directories: readonly string[], documents: readonly SchemaFile[], remote: RemoteOptions | undefined, log: Log) {
    this.#directories = directories
    this.#documents = new Map(documents.map(file => [file.path, { ...file, result: resultOf(file.content) }]))
    this.#cacheDir = remote?.cacheDir ?? null
    this.#remote = remote === undefined ? null : createRemoteSchemas(remote, () => this.#held, log)
    this.#log = log
  }

  find (name: string, revision: number): Schema | RefusedSchema | undefined {
    return this.#index.get(name)?.get(revision)
  }

  canFetch (name: string, revision: number): boolean {
    return this.#remote?.canFetch(name, revision) === true && this.find(name, revision) === undefined
  }

  async fetch (name: string, revision: number): Promise<Schema | RefusedSchema | undefined> {
    const document = this.find(name, revision) === undefined ? await this.#remote?.fetch(name, revision) : undefined
    // others may have waited for the same document
    const known = this.find(name, revision)
    return known !== undefined || document === undefined ? known : await this.#learn(name, revision, document)
  }

  list (): Array<Schema | RefusedSchema> {
    const all = [...this.#index.values()].flatMap(revisions => [...revisions.values()])
    return all.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : a.revision - b.revision)
  }

  async reload (): Promise<void> {
    const before = this.#loading
    const loading = (async () => {
      await before?.catch(() => {})
      await this.#load()
    })()
    this.#loading = loading
    await loading
  }

  async #load (): Promise<void> {
    const own = new Map<string, Layer>([['', this.#documents]])
    for (const directory of this.#directories) own.set(directory, await aboutLater(directory, async () => await this.#readLayer(directory)))
    const capsule = this.#chooseCapsule([...own.values()]) ?? this.#chooseCapsule([this.#shipped ??= await this.#readLayer(shippedSchemas())])
    if (capsule === undefined) throw new ConfigError('bad-schema', `${shippedSchemas()} has no usable ${capsuleName}; install vanadium again`)
    const layers = this.#cacheDir === null ? own : new Map([...own, [this.#cacheDir, await this.#readLayer(this.#cacheDir)]])
    this.#use(layers, capsule)
  }

  async #readLayer (directory: string): Promise<Layer> {
    const before = this.#layers.get(directory)
    let files: SchemaFile[]
    try {
      files = await readSchemaFiles(directory, this.#log)
    } catch (cause) {
      if (directory === this.#cacheDir && codeOf(cause) === 'ENOENT') return new Map()
      if (before === undefined) throw new ConfigError('bad-option', `--schemas ${directory}: ${messageOf(cause)}; give a directory that has <Name>/<revision>.json or .yaml`, { cause })
      this.#log.error('a schema directory cannot be read; its schemas stay as they were', { directory, reason: messageOf(cause) })
      return before
    }
    return new Map(files.map(file => [file.path, this.#readSource(file, before?.get(file.path))]))
  }

  #readSource (file: SchemaFile, before: Source | undefined): Source {
    if (before?.content === file.content) return before
    const source = { ...file, result: resultOf(file.content) }
    if (!(source.result instanceof ConfigError) || before === undefined || before.result instanceof ConfigError) return source
    this.#log.warn('a schema file became unusable; the revision stays as it was', { path: file.path, reason: source.result.message })
    return before
  }

  /** Never from the cache: what is in it was named by the internet. */
  #chooseCapsule (layers: readonly Layer[]): JsonSchema | undefined {
    let best: { revision: number, modern: JsonSchema } | undefined
    for (const { name, revision, result } of layers.flatMap(layer => [...layer.values()])) {
      if (name !== capsuleName || result instanceof ConfigError || result.dialect !== 'draft-07') continue
      if (best === undefined || revision > best.revision) best = { revision, modern: result.modern }
    }
    return best?.modern
  }

  #use (layers: Map<string, Layer>, capsule: JsonSchema): void {
    const before = this.#index
    const sameCapsule = capsule === this.#capsule
    this.#layers = layers
    this.#capsule = capsule
    this.#held = [...(this.#cacheDir === null ? undefined : layers.get(this.#cacheDir))?.values() ?? []].reduce((sum, { content }) => sum + (typeof content === 'string' ? sharesOf(content) : 1), 0)
    this.#index = new Map()
    for (const { name, revision, path, result } of [...layers.values()].flatMap(layer => [...layer.values()])) {
      if (this.find(name, revision) !== undefined) continue
      const old = before.get(name)?.get(revision)
      const isSame = sameCapsule && old !== undefined && !isRefused(old) && !(result instanceof ConfigError) && old.modern === result.modern
      this.#put(isSame ? old : this.#schemaOf(name, revision, path, result))
    }
    const all = this.list()
    const refused = all.filter(isRefused).length
    this.#log.info('schemas loaded', { usable: all.length - refused, refused })
  }

  #put (schema: Schema | RefusedSchema): void {
    let revisions = this.#index.get(schema.name)
    if (revisions === undefined) this.#index.set(schema.name, revisions = new Map())
    revisions.set(schema.revision, schema)
  }

  #schemaOf (name: string, revision: number, source: string, result: ModernSchema | ConfigError): Schema | RefusedSchema {
    if (result instanceof ConfigError) return this.#refuse(name, revision, source, result.message)
    const { definition, modern, style } = result
    let validate = (event: object): Problem | null => {
      validate = this.#compile(name, revision, source, result)
      return validate(event)
    }
    // made each time: it is seldom asked for, and would be kept beside the other one
    const problems = (event: object): Problem[] => {
      const problem = validate(event)
      return problem === null ? [] : this.#inspect(name, revision, result, event) ?? [problem]
    }
    return { name, revision, style, source, definition, modern, validate: event => validate(event), problems }
  }

  /** What ajv does not take in spite of all checks becomes a refused schema when it is first used. */
  #compile (name: string, revision: number, source: string, { modern, dialect, style }: ModernSchema): (event: object) => Problem | null {
    try {
      return compileValidator({ name, revision, style, modern, dialect, capsule: this.#capsule })
    } catch (error) {
      const refused = this.#refuse(name, revision, source, messageOf(error))
      this.#put(refused)
      const problem = wholeProblem('an event of a usable schema', `one of ${name}/${revision}, which cannot be used: ${refused.reason}`)
      return () => problem
    }
  }

  /** Null when that cannot be compiled, as it cannot to validate either. */
  #inspect (name: string, revision: number, { modern, dialect, style }: ModernSchema, event: object): Problem[] | null {
    try {
      return compileInspector({ name, revision, style, modern, dialect, capsule: this.#capsule })(event)
    } catch {
      return null
    }
  }

  #refuse (name: string, revision: number, source: string, reason: string): RefusedSchema {
    this.#log.warn('schema refused; its events are invalid', { schema: name, revision, source, reason })
    return { name, revision, source, reason }
  }

  async #learn (name: string, revision: number, { url, text }: RemoteDocument): Promise<Schema | RefusedSchema | undefined> {
    const document = attempt(() => parseSchema(text))
    if (!describesEvents(document)) {
      this.#log.warn('the remote schema repository sent something that is no schema', { url })
      this.#remote?.forget(name, revision)
      return undefined
    }
    const schema = this.#schemaOf(name, revision, url, attempt(() => readDefinition(document)))
    this.#put(schema)
    this.#held += sharesOf(text)
    if (!isRefused(schema)) await this.#remote?.keep(name, revision, text)
    return schema
  }
}

function resultOf (content: SchemaFile['content']): ModernSchema | ConfigError {
  return content instanceof ConfigError ? content : attempt(() => readDefinition(parseSchema(content)))
}

/** Whatever is wrong with a schema is the schema's fault: it never takes a daemon down. */
function attempt<T> (read: () => T): T | ConfigError {
  try {
    return read()
  } catch (error) {
    return error instanceof ConfigError ? error : new ConfigError('bad-schema', messageOf(error), { cause: error })
  }
}
