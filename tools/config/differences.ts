import { shown } from '../explain/section.js'

/** Something that is other than expected, by its path: `event/button`. */
export interface Difference {
  readonly path: string
  readonly expected: string
  readonly got: string
}

/**
 * What a value lacks of what is expected of it: of an object only the names that are given, of a list all items; `null` is for what must
 * not be there. An integer that a double cannot hold is given in quotes.
 */
export function differences (expected: unknown, got: unknown, path = ''): Difference[] {
  const below = (name: string): string => path === '' ? name : `${path}/${name}`
  if (expected === null && (got === undefined || got === null)) return []
  if (isObject(expected) && isObject(got)) {
    return Object.entries(expected).flatMap(([name, value]) => differences(value, Object.hasOwn(got, name) ? got[name] : undefined, below(name)))
  }
  if (Array.isArray(expected) && Array.isArray(got) && expected.length === got.length) {
    return expected.flatMap((value, i) => differences(value, got[i], below(String(i))))
  }
  if (expected === got || (typeof got === 'bigint' && String(expected) === String(got))) return []
  return [{ path, expected: expected === null ? 'nothing' : shown(expected), got: got === undefined ? 'nothing' : shown(got) }]
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
