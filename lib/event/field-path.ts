import type { FieldPath } from '../registry/entry.js'
import type { Capsule } from './capsule.js'

/** The keys of a path, from the top of a capsule. */
export function keysOf (path: FieldPath): string[] {
  return path.split('.')
}

/** What an event has there; undefined for nothing. */
export function valueAt (capsule: Capsule, keys: readonly string[]): unknown {
  let value: unknown = capsule
  for (const key of keys) {
    // what every object inherits is not the event's
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Capsule)[key]
  }
  return value
}

/** The same; of each of the objects in a list, where a list is on the way. */
export function * valuesAt (value: unknown, keys: readonly string[]): Generator<unknown> {
  const [key, ...rest] = keys
  if (key === undefined) {
    yield value
  } else if (Array.isArray(value)) {
    // a list in a list is none of objects, and may be as deep as the sender likes
    for (const item of value) if (!Array.isArray(item)) yield * valuesAt(item, keys)
  } else if (typeof value === 'object' && value !== null && Object.hasOwn(value, key)) {
    yield * valuesAt((value as Capsule)[key], rest)
  }
}
