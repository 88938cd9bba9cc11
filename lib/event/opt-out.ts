import type { FieldPath } from '../registry/entry.js'
import type { Capsule } from './capsule.js'
import { parsed, unknownSchema } from './composition.js'
import { eventErrorSchema, schemaOf, schemasInText } from './event-error.js'
import { keysOf, valuesAt } from './field-path.js'
import { identifyEvent } from './identity.js'
import { holdsUnsafeNumber } from './json.js'
import { leavesOf, usersIn } from './opt-out-text.js'

/** Users who do not want to be counted, by their identifiers. */
export interface ListedUsers {
  readonly isEmpty: boolean
  has (user: string): boolean
}

/** The field that names the user, by schema, of those schemas that have one. */
export type UserFields = ReadonlyMap<string, FieldPath>

export interface OptOutOptions {
  readonly users: ListedUsers
  /** Asked for each event, so that a registry that was read again counts at once; the same map as long as it was not. */
  readonly fields: () => UserFields
  /** Whether a schema of that name is published: of others, nobody can say which field names the user. */
  readonly isKnown: (schema: string) => boolean
}

/** Tells whose event it is, without keeping or saying it. */
export interface OptOut {
  /** Nobody is listed, now. */
  readonly isEmpty: boolean
  /** Whether an event, `text` before it was parsed, is of a listed user. Exact: every digit of a number counts. */
  covers (schema: string, event: Readonly<Capsule>, text: string): boolean
  /**
   * Of what may be no event: the schema it names, or `unknown`, if it is about a listed user; null otherwise. It is looked into as far as
   * it can be, decoded or not, whole or cut; of what names no schema that is known, every field is looked at that names a user in any.
   * `event` is what could be parsed of it.
   */
  inText (text: string, event?: Readonly<Capsule> | null): string | null
  /** Whether a record of any stream is of a listed user: an event, an event error, a dead letter, or a raw line. */
  inRecord (record: string): boolean
}

/** No honest event names more users than this. What does is taken for one of a listed user, as it would take long to find out. */
const mostUsers = 1000

export function createOptOut ({ users, fields, isKnown }: OptOutOptions): OptOut {
  const anyListed = (found: Iterable<string | null>): boolean => {
    const seen = new Set<string>()
    for (const user of found) {
      if (user === null) return true
      if (seen.has(user)) continue
      if (users.has(user) || seen.add(user).size > mostUsers) return true
    }
    return false
  }

  /** The names that users' fields have in any of these schemas; in all that there are, if one of them is not known. */
  function keysFor (schemas: readonly string[]): string[] {
    const own = schemas.flatMap(schema => fields().get(schema) ?? [])
    const isTold = schemas.length > 0 && schemas.every(schema => fields().has(schema) || (isKnown(schema) && schema !== eventErrorSchema.name))
    return [...new Set([...isTold ? own : fields().values()].map(keyOf))]
  }

  function isListed (value: unknown, key: string, text: string): boolean {
    if (typeof value === 'string') return users.has(value)
    if (Number.isSafeInteger(value)) return users.has(String(value))
    if (typeof value === 'object' && anyListed(leavesOf(value))) return true
    // its digits are in the text alone
    return holdsUnsafeNumber(value) && anyListed(usersIn(text, [key]))
  }

  function covers (schema: string, event: Readonly<Capsule>, text: string): boolean {
    if (users.isEmpty) return false
    if (schema === eventErrorSchema.name) return inText(rawEventOf(event)) !== null
    const field = fields().get(schema)
    if (field === undefined) return false
    for (const value of valuesAt(event, keysOf(field))) if (isListed(value, keyOf(field), text)) return true
    return false
  }

  function inText (text: string, event: Readonly<Capsule> | null = null): string | null {
    if (users.isEmpty) return null
    const schemas = event === null ? schemasInText(text) : [schemaOf(text, event).schema]
    const keys = keysFor(schemas)
    return keys.length > 0 && anyListed(usersIn(text, keys)) ? schemas[0] ?? unknownSchema : null
  }

  function inRecord (record: string): boolean {
    if (users.isEmpty) return false
    const object: Capsule = { ...parsed(record) }
    if (isLetter(object)) return inRecord(object['record'] as string)
    const schema = identifyEvent(object)?.name ?? ''
    if (covers(schema, object, record)) return true
    return schema !== eventErrorSchema.name && inText(record, 'schema' in object ? object : null) !== null
  }

  return { get isEmpty () { return users.isEmpty }, covers, inText, inRecord }
}

/** Nobody is listed. */
export const nobodyOptedOut: OptOut = { isEmpty: true, covers: () => false, inText: () => null, inRecord: () => false }

/** Of a path the name by which its value stands in a text. */
function keyOf (field: FieldPath): string {
  return field.slice(field.lastIndexOf('.') + 1)
}

function rawEventOf ({ event }: Readonly<Capsule>): string {
  const raw = typeof event === 'object' && event !== null && 'rawEvent' in event ? event.rawEvent : ''
  return typeof raw === 'string' ? raw : ''
}

/** A dead letter, which has a record in it (lib/stream/dead-letters.ts). */
function isLetter (object: Readonly<Capsule>): boolean {
  return ['time', 'instance', 'code', 'message', 'record'].every(name => typeof object[name] === 'string')
}
