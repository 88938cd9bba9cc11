import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { getegid, geteuid } from 'node:process'
import { Ajv, type ValidateFunction } from 'ajv'
import { codeOf, messageOf, StreamError } from '../errors.js'
import { replaceFile } from '../file/replace.js'
import type { Manifest } from './manifest.js'

const manifestEnd = '.manifest.json'

/** Of the manifest of a file, which is beside it. */
export function manifestName (file: string): string {
  return `${file}${manifestEnd}`
}

/** The file that a manifest is about; null if this is none. */
export function fileOfManifest (path: string): string | null {
  return path.endsWith(manifestEnd) ? path.slice(0, -manifestEnd.length) : null
}

/** Writes the manifest of `file`, an hour a line: there whole or not at all. Throws `StreamError`. */
export function writeManifest (file: string, { hours, ...manifest }: Manifest): void {
  const name = manifestName(file)
  const head = JSON.stringify(manifest).slice(0, -1)
  try {
    replaceFile(name, `${head},"hours":[${hours.map(hour => `\n${JSON.stringify(hour)}`).join(',')}\n]}\n`, modeIn(dirname(name)))
  } catch (cause) {
    throw new StreamError('cannot-write', `${name} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

/** What root makes in a directory of somebody else's is theirs; not everybody's to read. */
function modeIn (directory: string): { uid: number, gid: number, mode: number } {
  const uid = geteuid?.() ?? 0
  return { ...uid === 0 ? statSync(directory) : { uid, gid: getegid?.() ?? 0 }, mode: 0o640 }
}

/** Null if there is none. Throws `StreamError` for one that cannot be read, or is damaged. */
export function readManifest (file: string): Manifest | null {
  const name = manifestName(file)
  let text: string
  try {
    text = readFileSync(name, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    throw new StreamError('cannot-read', `${name} cannot be read: ${messageOf(cause)}`, { cause })
  }
  const value = parsed(text)
  validator ??= new Ajv({ allowUnionTypes: true }).compile(shape)
  if (validator(value)) return value as Manifest
  const [error] = validator.errors ?? []
  throw new StreamError('cannot-read', `${name} is damaged, or no manifest: ${value === undefined ? 'it is no JSON' : `${error?.instancePath ?? ''} ${error?.message ?? ''}`.trim()}`)
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

let validator: ValidateFunction | undefined

const text = { type: 'string' } as const
const number = { type: 'integer', minimum: 0 } as const
const common = { path: text, bytes: number, sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' } }
const hours = {
  type: 'array',
  items: objectOf({
    hour: { type: 'string', pattern: '^(?:\\d{4}-\\d\\d-\\d\\dT\\d\\d|undated)$' },
    schema: text,
    count: number,
    first: text,
    last: text,
    uuids: { type: 'string', pattern: '^[0-9a-f]{32}$' },
    content: { type: 'string', pattern: '^[0-9a-f]{64}$' }
  })
}

/** What a later version adds is let pass. */
const shape = {
  type: 'object',
  properties: {
    version: { const: 1 },
    made: text,
    host: text,
    source: {
      type: 'object',
      required: ['kind'],
      oneOf: [
        objectOf({ kind: { const: 'file' }, ...common, log: text, head: text, seen: text, clean: text }),
        objectOf({ kind: { const: 'dump' }, ...common, database: text, table: text, day: text, kept: hours }),
        objectOf({ kind: { const: 'schema' }, ...common, database: text, table: text })
      ]
    },
    hours
  },
  required: ['version', 'made', 'host', 'source', 'hours']
}

function objectOf (properties: object): object {
  return { type: 'object', properties, required: Object.keys(properties) }
}
