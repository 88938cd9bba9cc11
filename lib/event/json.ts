import { randomUUID } from 'node:crypto'
import { messageOf, RecordError } from '../errors.js'

/** Integers of more digits are left to `JSON.parse` (Infinity): nothing stores them, and converting them takes long. */
const mostDigits = 1000

/**
 * `JSON.parse`, except that an integer which a double cannot hold digit for digit becomes a bigint. Costs a twentieth
 * more than `JSON.parse` unless there is such an integer. Throws `RecordError` saying what is wrong and where.
 */
export function parseJson (text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new RecordError('bad-json', `not JSON: ${messageOf(cause)}`, { cause })
  }
  return holdsUnsafeNumber(value) ? parseExactly(text) : value
}

/** `JSON.stringify`, with bigints as digits. Throws `RangeError` when the value is nested too deep for the stack. */
export function stringifyJson (value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    // a bigint, or a cycle, which the second attempt throws again
    if (!(error instanceof TypeError)) throw error
    const mark = randomUUID()
    const text = JSON.stringify(value, (_key, part: unknown) => typeof part === 'bigint' ? `${mark}${part}` : part)
    return text.replaceAll(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1')
  }
}

/** `JSON.stringify`, twice as fast for what most log lines hold: plain text and integers. A number must be finite. */
export function jsonOf (value: unknown): string {
  if (typeof value === 'number') return `${value}`
  return typeof value === 'string' && needsNoEscape.test(value) ? `"${value}"` : JSON.stringify(value)
}

const needsNoEscape = /^[ !#-[\]-~]*$/

/**
 * Whether a parsed value may hold a number that is not the one that was sent: one beyond ±2^53, or infinite, which is what
 * `JSON.parse` makes of 1e400. Also true when it is nested too deep to tell.
 */
export function holdsUnsafeNumber (value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return isUnsafe(value)
  if (typeof value !== 'object' || value === null) return false
  if (depth === deepestLook) return true
  const container = value as Record<string, unknown>
  for (const key in container) {
    const inner = container[key]
    if (typeof inner === 'number' ? isUnsafe(inner) : typeof inner === 'object' && holdsUnsafeNumber(inner, depth + 1)) return true
  }
  return false
}

/** The search recurses; the stack ends at a few thousand. */
const deepestLook = 100

function isUnsafe (value: number): boolean {
  return value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER
}

/** Every string and every number of a valid JSON text. */
const stringOrNumber = /"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*/g

/** Puts the digits into strings that begin with a mark nobody can guess, parses, and turns those strings into bigints. */
function parseExactly (text: string): unknown {
  const mark = randomUUID()
  const marked = text.replace(stringOrNumber, token => isUnsafeInteger(token) ? `"${mark}${token}"` : token)
  return unmark(JSON.parse(marked), mark)
}

function isUnsafeInteger (token: string): boolean {
  return token.length <= mostDigits && /^-?\d+$/.test(token) && isUnsafe(Number(token))
}

/** Without recursion: what is parsed may be nested deeper than the stack is. */
function unmark (root: unknown, mark: string): unknown {
  const holder: Record<string, unknown> = { root }
  const open: Array<Record<string, unknown>> = [holder]
  for (let container = open.pop(); container !== undefined; container = open.pop()) {
    for (const key of Object.keys(container)) {
      const value = container[key]
      if (typeof value === 'string' && value.startsWith(mark)) container[key] = BigInt(value.slice(mark.length))
      else if (typeof value === 'object' && value !== null) open.push(value as Record<string, unknown>)
    }
  }
  return holder['root']
}
