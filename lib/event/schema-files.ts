import { readdir, readFile, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { ConfigError, messageOf } from '../errors.js'
import type { Log } from '../log.js'
import { parseYaml, valueOf } from '../yaml.js'

/** Largest schema that is read, in bytes, from a file or over HTTP. */
export const largestSchema = 256 * 1024

/** A document of a schema, or why it cannot be read. */
export interface SchemaFile {
  readonly name: string
  readonly revision: number
  readonly path: string
  readonly content: string | ConfigError
}

const nameShape = /^[A-Za-z0-9_./-]{1,63}$/
const fileShape = /^(.+)\/([1-9]\d{0,14})\.(json|yaml|yml)$/
/** Files that are read at a time. */
const concurrency = 32

/** Whether a schema can be called so and be a file: no empty, hidden or parent folder among its parts. */
export function isSchemaName (name: string): boolean {
  return nameShape.test(name) && name.split('/').every(part => part !== '' && !part.startsWith('.'))
}

/** What a file is the schema of, by its path below a schema directory, with slashes; null if it is not named as such files are. */
export function identityOfFile (path: string): { readonly name: string, readonly revision: number } | null {
  const [, name, digits] = fileShape.exec(path) ?? []
  return name === undefined || !isSchemaName(name) ? null : { name, revision: Number(digits) }
}

/**
 * The files `<Name>/<revision>.(json|yaml|yml)` of a directory, one for each revision: if there are several, in that order. Other
 * files with these endings are named in a warning; hidden ones are passed over. Rejects if the directory cannot be read.
 */
export async function readSchemaFiles (directory: string, log: Log): Promise<SchemaFile[]> {
  const found = new Map<string, { name: string, revision: number, path: string }>()
  const names = await readdir(directory, { recursive: true })
  for (const file of names.map(name => name.replaceAll(sep, '/')).sort()) {
    if (!/\.(json|ya?ml)$/.test(file) || /(^|\/)\./.test(file)) continue
    const path = join(directory, file)
    const identity = identityOfFile(file)
    if (identity === null) {
      log.warn('file in a schema directory is not named <Name>/<revision>.json or .yaml; it is not used', { path })
      continue
    }
    const key = file.slice(0, file.lastIndexOf('.'))
    const first = found.get(key)
    if (first === undefined) found.set(key, { ...identity, path })
    else log.warn('two files for one revision of a schema; the second is not used', { path, used: first.path })
  }
  const files: SchemaFile[] = []
  const due = [...found.values()]
  while (due.length > 0) {
    files.push(...await Promise.all(due.splice(0, concurrency).map(async file => ({ ...file, content: await readSchemaText(file.path) }))))
  }
  return files
}

/** What a schema file holds, or why it cannot be read. */
export async function readSchemaText (path: string): Promise<string | ConfigError> {
  try {
    const found = await stat(path)
    // a pipe would be waited for
    if (!found.isFile()) return new ConfigError('bad-schema', 'the file cannot be read: it is not a regular file')
    const { size } = found
    if (size > largestSchema) return new ConfigError('bad-schema', `the file has ${size} bytes, at most ${largestSchema} are read; make it smaller`)
    return await readFile(path, 'utf8')
  } catch (cause) {
    return new ConfigError('bad-schema', `the file cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/** The value that a document holds, JSON or YAML 1.2. Throws `ConfigError` with line and column. */
export function parseSchema (text: string): unknown {
  const trimmed = text.replace(/^\ufeff/, '').trimStart()
  if (trimmed.startsWith('{')) {
    try {
      return JSON.parse(trimmed) as unknown
    } catch {
      // YAML is a superset of JSON, and its parser says where the mistake is
    }
  }
  return readYaml(text)
}

function readYaml (text: string): unknown {
  const yaml = parseYaml(text)
  const [error] = yaml.errors
  if (error !== undefined) {
    const { line, col } = yaml.lines.linePos(error.offset)
    throw new ConfigError('bad-schema', `line ${line}, column ${col}: ${error.message.split('\n')[0] ?? ''}`, { line })
  }
  try {
    return valueOf(yaml)
  } catch (cause) {
    throw new ConfigError('bad-schema', messageOf(cause), { cause })
  }
}
