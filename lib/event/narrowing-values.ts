import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from './schemas.js'
import { compile } from './validator.js'

/** Kinds of values; a `number` that is no integer is a `fraction`. */
const kinds = ['string', 'integer', 'fraction', 'boolean', 'object', 'array', 'null'] as const
type Kind = typeof kinds[number]
export type Types = ReadonlySet<Kind>

/** What values may be that meet all of the schemas. */
export function typesOf (parts: readonly JsonSchema[]): Types {
  let taken: readonly Kind[] = kinds
  for (const { type } of parts) {
    if (type === undefined) continue
    const names = Array.isArray(type) ? type : [type]
    taken = taken.filter(kind => names.includes(kind) || (names.includes('number') && (kind === 'integer' || kind === 'fraction')))
  }
  return new Set(taken)
}

const words: Readonly<Record<Kind, string>> = { string: 'string', integer: 'integer', fraction: 'fraction', boolean: 'true or false', object: 'object', array: 'array', null: 'null' }

export function wordsOf (kinds: readonly Kind[]): string {
  return kinds.length === 7 ? 'anything' : kinds.map(kind => words[kind]).join(', ')
}

/** All values that there can be, and maybe more, where that is a list; else null. */
export function finiteValues (parts: readonly JsonSchema[], types: Types): readonly unknown[] | null {
  for (const part of parts) {
    if (Object.hasOwn(part, 'const')) return [part['const']]
    if (Array.isArray(part['enum'])) return part['enum']
  }
  if (![...types].every(type => type === 'boolean' || type === 'null')) return null
  return [...types].flatMap(type => type === 'null' ? [null] : [true, false])
}

export interface Comparison {
  readonly parts: readonly JsonSchema[]
  readonly next: JsonSchema
  /** The documents that the parts, and `next`, are in. */
  readonly roots: readonly [JsonSchema, JsonSchema]
  say (what: string, isCertain: boolean): void
}

/** Tries each value. */
export function compareValues (values: readonly unknown[], { parts, next, roots: [old, root], say }: Comparison): void {
  try {
    const was = compile(within(old, { allOf: parts }), 'draft-07')
    const is = compile(within(root, next), 'draft-07')
    const lost = values.filter(value => was(value) && !is(value))
    if (lost.length > 0) say(`takes no ${lost.map(value => JSON.stringify(value)).join(', ').slice(0, 100)} any more`, true)
  } catch {
    // a part that refers by a name, or has a keyword of a later draft
    if (!parts.some(part => isDeepStrictEqual(part, next)) || !isDeepStrictEqual(old, root)) say('whether it takes all that it took cannot be told', false)
  }
}

/** With what references of a part lead to. */
function within (root: JsonSchema, part: JsonSchema): JsonSchema {
  const { definitions, $defs } = root
  return { ...definitions === undefined ? {} : { definitions }, ...$defs === undefined ? {} : { $defs }, ...part }
}

const lengths: Readonly<Record<string, { readonly of: Kind, readonly what: string }>> = {
  minLength: { of: 'string', what: 'characters' },
  maxLength: { of: 'string', what: 'characters' },
  minItems: { of: 'array', what: 'items' },
  maxItems: { of: 'array', what: 'items' },
  minProperties: { of: 'object', what: 'fields' },
  maxProperties: { of: 'object', what: 'fields' }
}

/** What a limit takes away, in words; null for nothing. */
export function limitsOf (keyword: string, operand: unknown, parts: readonly JsonSchema[], types: Types): string | null {
  if (keyword === 'uniqueItems') return operand !== true || !types.has('array') || parts.some(part => part['uniqueItems'] === true) ? null : 'takes no item twice any more'
  if (typeof operand !== 'number') return null
  const before = parts.map(part => part[keyword]).filter(value => typeof value === 'number')
  const length = lengths[keyword]
  if (length !== undefined) {
    const isLower = keyword.startsWith('min')
    const isKept = !types.has(length.of) || (isLower ? Math.max(0, ...before) >= operand : Math.min(Infinity, ...before) <= operand)
    return isKept ? null : `takes ${isLower ? 'at least' : 'at most'} ${operand} ${length.what} now`
  }
  if (!types.has('integer') && !types.has('fraction')) return null
  if (keyword === 'multipleOf') return isMultiple(operand, before, types) ? null : `takes only multiples of ${operand} now`
  const isLower = keyword.endsWith('inimum')
  const kept = isWithin(boundOf([{ [keyword]: operand }], isLower, types), boundOf(parts, isLower, types))
  return kept ? null : `takes only numbers ${keyword.startsWith('exclusive') ? (isLower ? 'above' : 'below') : (isLower ? 'from' : 'up to')} ${operand} now`
}

function isMultiple (of: number, before: readonly number[], types: Types): boolean {
  const isWhole = !types.has('fraction')
  if (isWhole && of === 1) return true
  return before.some(divisor => divisor === of || (isWhole && Number.isInteger(divisor) && Number.isInteger(of) && divisor % of === 0))
}

/** A lower bound; an upper one is that of the negative. */
interface Bound {
  readonly value: number
  /** The bound itself is not taken. */
  readonly isOpen: boolean
}

function boundOf (parts: readonly JsonSchema[], isLower: boolean, types: Types): Bound {
  const [closed, open] = isLower ? ['minimum', 'exclusiveMinimum'] : ['maximum', 'exclusiveMaximum']
  const sign = isLower ? 1 : -1
  const bounds = parts.flatMap(part => [[part[closed ?? ''], false], [part[open ?? ''], true]] as const)
    .flatMap(([value, isOpen]) => typeof value === 'number' ? [{ value: sign * value, isOpen }] : [])
    .map(bound => types.has('fraction') ? bound : ofWhole(bound))
  return bounds.reduce((one, other) => isWithin(one, other) ? other : one, { value: -Infinity, isOpen: false })
}

function ofWhole ({ value, isOpen }: Bound): Bound {
  return { value: isOpen ? Math.floor(value) + 1 : Math.ceil(value), isOpen: false }
}

/** Whether what is above `inner` is above `outer`, too. */
function isWithin (outer: Bound, inner: Bound): boolean {
  return inner.value > outer.value || (inner.value === outer.value && (inner.isOpen || !outer.isOpen))
}
