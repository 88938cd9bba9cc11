import type { Problem } from './schemas.js'

/** Which schema an event names. */
export interface Identity {
  readonly name: string
  /** Integer, at least 1. */
  readonly revision: number
  /** `capsule`: `schema` and `revision` stand beside `event`. `meta`: `meta.schema_uri` ends in `<name>/<revision>`. */
  readonly style: 'capsule' | 'meta'
}

const schemaName = /^[A-Za-z0-9_./-]{1,63}$/
const schemaUri = /(?:^|\/)([A-Za-z0-9_.-]{1,63})\/([1-9]\d{0,14})$/

/** Null when the event does not tell, or names what cannot be a schema. An event with a `schema` is a capsule. */
export function identifyEvent (event: unknown): Identity | null {
  if (typeof event !== 'object' || event === null) return null
  const { schema, revision, meta } = event as Record<string, unknown>
  if (schema !== undefined) {
    if (typeof schema !== 'string' || !schemaName.test(schema)) return null
    if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 1) return null
    return { name: schema, revision, style: 'capsule' }
  }
  const [, name, digits] = schemaUri.exec(uriOf(meta)) ?? []
  return name === undefined ? null : { name, revision: Number(digits), style: 'meta' }
}

function uriOf (meta: unknown): string {
  if (typeof meta !== 'object' || meta === null || !('schema_uri' in meta)) return ''
  return typeof meta.schema_uri === 'string' ? meta.schema_uri : ''
}

/** What is wrong with an event that cannot be identified. */
export function whyUnidentified ({ schema, revision, meta }: Readonly<Record<string, unknown>>): Problem {
  if (meta !== undefined && schema === undefined) return problem('/meta/schema_uri', 'a string that ends in <name>/<revision>', uriOf(meta))
  if (schema === undefined) return missing('/schema', 'the name of the event\'s schema')
  if (typeof schema !== 'string' || !schemaName.test(schema)) return problem('/schema', '1 to 63 of A-Z a-z 0-9 _ . / -', schema)
  if (revision === undefined) return missing('/revision', 'the revision of the schema, an integer')
  return problem('/revision', 'an integer of at least 1', revision)
}

/** Longest part of what came, in characters. */
const mostSeen = 100

function problem (pointer: string, expected: string, value: unknown): Problem {
  const seen = shortJson(value)
  return { pointer, expected, seen, message: `${pointer}: expected ${expected}; got ${seen}` }
}

/** What has parts is not looked into: the stack ends where JSON.stringify follows a nesting that JSON.parse has taken. */
function shortJson (value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return JSON.stringify(typeof value === 'string' ? value.slice(0, mostSeen) : value).slice(0, mostSeen)
}

function missing (pointer: string, expected: string): Problem {
  return { pointer, expected, seen: 'nothing', message: `${pointer}: required, but missing; send ${expected}` }
}
