import { messageOf, RecordError } from '../errors.js'
import type { CapsuleEncoding } from './line-format.js'

/** An event with what surrounds it (`schemas/EventCapsule`), or a whole event in the style that carries `meta`. */
export type Capsule = Record<string, unknown>

const questionMark = 0x3f
const semicolon = 0x3b

/** Fields that old clients still send and nobody wants. */
const unwanted = ['clientValidated', 'isTruncated'] as const

/** What a line carries, decoded to JSON. Throws `RecordError` for broken percent-encoding. */
export function decodeCapsule (encoded: string, encoding: CapsuleEncoding): string {
  return encoding === 'query' ? decodeQuery(encoded) : encoded
}

/** Throws `RecordError` that tells the sender what to change. Numbers are as exact as a double. */
export function parseCapsule (json: string): Capsule {
  const value = parse(json)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Capsule
  const what = Array.isArray(value) ? 'an array' : JSON.stringify(value).slice(0, 40)
  throw new RecordError('bad-capsule', `the capsule is ${what}; send a JSON object with schema, revision and event`)
}

/** Drops what nobody wants. Returns whether anything was changed. */
export function tidy (capsule: Capsule): boolean {
  let changed = false
  for (const name of unwanted) {
    if (capsule[name] === undefined) continue
    delete capsule[name]
    changed = true
  }
  // PHP encodes an empty array and an empty object alike
  if (!Array.isArray(capsule['event']) || capsule['event'].length > 0) return changed
  capsule['event'] = {}
  return true
}

/** Strips `?` and `;` at both ends and percent-decodes; `+` is a space (WHATWG URL, section 5.1). */
export function decodeQuery (query: string): string {
  let start = 0
  let end = query.length
  while (start < end && isDelimiter(query.charCodeAt(start))) start++
  while (end > start && isDelimiter(query.charCodeAt(end - 1))) end--
  const encoded = query.slice(start, end)
  try {
    return decodeURIComponent(encoded.includes('+') ? encoded.replaceAll('+', ' ') : encoded)
  } catch (cause) {
    throw new RecordError('bad-encoding', `the query is not percent-encoded UTF-8${whereBroken(encoded)}; encode it with encodeURIComponent`, { cause })
  }
}

function isDelimiter (code: number): boolean {
  return code === questionMark || code === semicolon
}

/** ` (at "%ZZ%7D")`: the first escape that cannot be decoded. */
function whereBroken (encoded: string): string {
  for (const { 0: escapes, index } of encoded.matchAll(/(?:%[0-9A-Fa-f]{2})+|%/g)) {
    try {
      decodeURIComponent(escapes)
    } catch {
      return ` (at "${encoded.slice(index, index + 12)}")`
    }
  }
  return ''
}

function parse (json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    if (json === '') throw new RecordError('bad-json', 'the capsule is empty; send a JSON object with schema, revision and event', { cause })
    throw new RecordError('bad-json', `the capsule is not JSON: ${messageOf(cause)}`, { cause })
  }
}

/**
 * The number of keys in a value, at any depth. Throws `RecordError` for an infinite number, which is what `JSON.parse` makes of
 * 1e400, and `RangeError` when the value is nested too deep for the stack.
 */
export function countKeys (value: unknown): number {
  let keys = 0
  for (const name in value as Capsule) {
    const part = (value as Capsule)[name]
    keys++
    if (typeof part === 'object' && part !== null) keys += Array.isArray(part) ? countKeysOfItems(part) : countKeys(part)
    else if (part === Infinity || part === -Infinity) refuseInfinity()
  }
  return keys
}

function countKeysOfItems (items: readonly unknown[]): number {
  let keys = 0
  for (const item of items) {
    if (typeof item === 'object' && item !== null) keys += Array.isArray(item) ? countKeysOfItems(item) : countKeys(item)
    else if (item === Infinity || item === -Infinity) refuseInfinity()
  }
  return keys
}

function refuseInfinity (): never {
  throw new RecordError('bad-json', 'a number is too large (beyond 1.8e308); send a smaller one, or a string')
}

/**
 * Puts `added` (`,"name":value…`) at the end of the JSON text of an object that has `keys` keys at all depths: several times as
 * fast as `JSON.stringify`, and every digit and escape stays as it was sent. Null when the text cannot be passed on as it is,
 * because a key stands in it twice or it is more than one line.
 *
 * Each key is followed by `":` unless white space parts the two. If that pair is there exactly `keys` times, no key was
 * overwritten by a later one; it may be there more often, inside a string, and then the text is passed over too.
 */
export function splice (json: string, keys: number, added: string): string | null {
  if (json.charCodeAt(json.length - 1) !== closingBrace || keys === 0) return null
  // looking for single characters is several times as fast as a regular expression
  if (json.includes('\n') || json.includes('\r')) return null
  let found = 0
  for (let at = json.indexOf(':'); at !== -1; at = json.indexOf(':', at + 1)) {
    const before = json.charCodeAt(at - 1)
    if (before === quotationMark) found++
    else if (before === space || before === tab) return null
  }
  return found === keys ? `${json.slice(0, -1)}${added}}` : null
}

const closingBrace = 0x7d
const quotationMark = 0x22
const space = 0x20
const tab = 0x09
