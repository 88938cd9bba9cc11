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
