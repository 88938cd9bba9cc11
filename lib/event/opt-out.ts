import type { FieldPath } from '../registry/entry.js'
import type { Capsule } from './capsule.js'
import { parsed } from './composition.js'
import { eventErrorSchema, schemaOf } from './event-error.js'
import { keysOf, valueAt } from './field-path.js'
import { identifyEvent } from './identity.js'
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
  const anyListed = (found: Iterable<string>): boolean => {
    const seen = new Set<string>()
    for (const user of found) {
      if (seen.has(user)) continue
      if (users.has(user) || seen.add(user).size > mostUsers) return true
    }
    return false
  }

  function keysFor (schema: string): string[] {
    const field = fields().get(schema)
    if (field !== undefined) return [keyOf(field)]
    return isKnown(schema) && schema !== eventErrorSchema.name ? [] : [...new Set([...fields().values()].map(keyOf))]
  }

  function covers (schema: string, event: Readonly<Capsule>, text: string): boolean {
    if (users.isEmpty) return false
    if (schema === eventErrorSchema.name) return inText(rawEventOf(event)) !== null
    const field = fields().get(schema)
    if (field === undefined) return false
    const value = valueAt(event, keysOf(field))
    if (typeof value === 'string') return users.has(value)
    if (Number.isSafeInteger(value)) return users.has(String(value))
    // its digits are in the text alone
    if (typeof value === 'number') return anyListed(usersIn(text, [keyOf(field)]))
    return typeof value === 'object' && anyListed(leavesOf(value))
  }

  function inText (text: string, event: Readonly<Capsule> | null = null): string | null {
    if (users.isEmpty) return null
    const { schema } = schemaOf(text, event)
    const keys = keysFor(schema)
    return keys.length > 0 && anyListed(usersIn(text, keys)) ? schema : null
  }

  function inRecord (record: string): boolean {
    if (users.isEmpty) return false
    const object: Capsule = { ...parsed(record) }
    if (isLetter(object)) return inRecord(object['record'] as string)
    const schema = identifyEvent(object)?.name ?? ''
    if (covers(schema, object, record)) return true
    return schema !== eventErrorSchema.name && inText(record, 'schema' in object ? object : null) !== null
  }

  return { covers, inText, inRecord }
}

/** Nobody is listed. */
export const nobodyOptedOut: OptOut = { covers: () => false, inText: () => null, inRecord: () => false }

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
