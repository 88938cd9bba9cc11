import { isDeepStrictEqual } from 'node:util'
import { describeFormat } from './formats.js'
import { anything, asSchema, fieldOf, isNever, namesIn, partsOf, restOf, type Parts, type Root } from './narrowing-parts.js'
import { compareValues, finiteValues, limitsOf, typesOf, wordsOf, type Types } from './narrowing-values.js'
import { compilePattern } from './regexp.js'
import { createResolver } from './references.js'
import type { JsonSchema } from './schemas.js'
import { allSchemas, escapePointer, isObject } from './subschemas.js'

/** A way in which a schema takes less than an older one did. */
export interface Narrowing {
  /** JSON pointer of the value, from the top of what the schemas describe; `*` stands for any item or field. */
  readonly pointer: string
  /** For people: what is not taken any more. */
  readonly what: string
  /** Whether there is such a value. Where that cannot be told, it is assumed that there is. */
  readonly isCertain: boolean
}

/**
 * In what way a schema takes less than an older one, both in modern form. Empty only if every value that is valid under `before` is valid
 * under `after`; it is not always found out that this is so.
 */
export function narrowings (before: JsonSchema, after: JsonSchema): Narrowing[] {
  const found: Narrowing[] = []
  const [old, next] = [before, after].map(root => ({ root, resolve: createResolver(root, allSchemas(root)) })) as [Root, Root]
  compare(partsOf(before, old), after, { old, next, pointer: '', found, ids: new Map(), seen: new Set() })
  return found
}

interface Walk {
  readonly old: Root
  readonly next: Root
  readonly pointer: string
  readonly found: Narrowing[]
  readonly ids: Map<JsonSchema, number>
  /** What was compared already, or is being compared: schemas may contain themselves. */
  readonly seen: Set<string>
}

function compare (parts: Parts, after: unknown, walk: Walk): void {
  const next = asSchema(after)
  if (isNever(parts) || walk.seen.has(pairOf(parts, next, walk))) return
  walk.seen.add(pairOf(parts, next, walk))
  if (isNever([next])) {
    say(walk, 'is not taken any more')
    return
  }
  const types = typesOf(parts)
  const values = finiteValues(parts, types)
  if (values !== null) {
    compareValues(values, { parts, next, roots: [walk.old.root, walk.next.root], say: (what, isCertain) => { say(walk, what, isCertain) } })
    return
  }
  for (const [keyword, operand] of Object.entries(next)) rules[keyword]?.({ parts, types, next, operand, keyword, walk })
}

function pairOf (parts: Parts, next: JsonSchema, { ids }: Walk): string {
  return [...parts, next].map(schema => {
    if (!ids.has(schema)) ids.set(schema, ids.size)
    return ids.get(schema)
  }).join()
}

function say ({ found, pointer }: Walk, what: string, isCertain = true): void {
  found.push({ pointer, what, isCertain })
}

function into (walk: Walk, name: string): Walk {
  return { ...walk, pointer: `${walk.pointer}/${name === '*' ? name : escapePointer(name)}` }
}

interface Place {
  readonly parts: Parts
  readonly types: Types
  readonly next: JsonSchema
  readonly operand: unknown
  readonly keyword: string
  readonly walk: Walk
}

/** What each keyword asks of the older schema. Keywords that are not here ask nothing of values. */
const rules: Readonly<Record<string, (place: Place) => void>> = {
  type ({ types, next, walk }) {
    const taken = typesOf([{ type: next['type'] }])
    const lost = [...types].filter(type => !taken.has(type))
    if (lost.length > 0) say(walk, `takes no ${wordsOf(lost)} any more; only ${wordsOf([...taken])}`)
  },
  enum: ({ operand, walk }) => { say(walk, `takes only ${shown(operand)} now`) },
  const: ({ operand, walk }) => { say(walk, `takes only ${shown(operand)} now`) },
  ...Object.fromEntries(['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'uniqueItems']
    .map(keyword => [keyword, limit])),
  pattern ({ parts, types, operand, walk }) {
    if (types.has('string') && !parts.some(part => part['pattern'] === operand)) say(walk, `must match ${shown(operand)} now`, false)
  },
  format ({ parts, types, operand, walk }) {
    const format = describeFormat(operand)
    if (format !== undefined && types.has('string') && !parts.some(part => part['format'] === operand)) say(walk, `must be ${format} now`, false)
  },
  required ({ parts, types, operand, walk }) {
    if (!types.has('object') || !Array.isArray(operand)) return
    const always = new Set(parts.flatMap(({ required }) => Array.isArray(required) ? required as unknown[] : []))
    for (const name of operand) if (!always.has(name)) say(into(walk, String(name)), 'is required now')
  },
  properties ({ parts, types, operand, walk }) {
    if (!types.has('object') || !isObject(operand)) return
    for (const [name, field] of Object.entries(operand)) {
      const before = fieldOf(parts, name, walk.old)
      if (before !== null) compare(before, field, into(walk, name))
    }
  },
  patternProperties: patternFields,
  additionalProperties: otherFields,
  items ({ parts, types, next, operand, walk, ...place }) {
    if (!types.has('array')) return
    const isTuple = [next, ...parts].some(({ items, prefixItems }) => Array.isArray(items) || prefixItems !== undefined)
    if (isTuple) same(['prefixItems', 'items', 'additionalItems'])({ parts, types, next, operand, walk, ...place })
    else compare(parts.flatMap(({ items }) => items === undefined ? [anything] : partsOf(items, walk.old)), operand, into(walk, '*'))
  },
  allOf: ({ parts, operand, walk }) => { for (const member of Array.isArray(operand) ? operand : []) compare(parts, member, walk) },
  anyOf (place) {
    if (!isOneOf(place)) same(['anyOf'])(place)
  },
  $ref ({ parts, operand, walk }) {
    const target = typeof operand === 'string' ? walk.next.resolve(operand) : undefined
    if (target === undefined || target === null) say(walk, 'refers to what cannot be looked into', false)
    else compare(parts, target, walk)
  },
  ...Object.fromEntries([['not'], ['oneOf'], ['if', 'then', 'else'], ['contains', 'minContains', 'maxContains'], ['dependencies'], ['dependentRequired'], ['dependentSchemas'], ['propertyNames'], ['prefixItems', 'items']]
    .map(group => [group[0] ?? '', same(group)])),
  unevaluatedProperties: whole,
  unevaluatedItems: whole
}

/** Of these keywords, which belong together, nothing is known but that they mean the same where they are the same. */
function same (group: readonly string[]): (place: Place) => void {
  return ({ parts, next, walk }) => {
    const isSame = parts.some(part => group.every(keyword => isDeepStrictEqual(part[keyword], next[keyword])))
    if (isSame && (!JSON.stringify(group.map(keyword => next[keyword])).includes('"$ref"') || isDeepStrictEqual(walk.old.root, walk.next.root))) return
    say(walk, `has another ${group[0] ?? ''} now: whether it takes all that it took cannot be told`, false)
  }
}

function whole ({ parts, next, keyword, walk }: Place): void {
  if (!parts.some(part => isDeepStrictEqual(part, next))) say(walk, `has ${keyword}: whether it takes all that it took cannot be told`, false)
}

function limit ({ parts, types, keyword, operand, walk }: Place): void {
  const lost = limitsOf(keyword, operand, parts, types)
  if (lost !== null) say(walk, lost)
}

function patternFields ({ parts, types, operand, walk }: Place): void {
  if (!types.has('object') || !isObject(operand)) return
  for (const [pattern, schema] of Object.entries(operand)) {
    const same = parts.flatMap(({ patternProperties }) => isObject(patternProperties) && Object.hasOwn(patternProperties, pattern) ? partsOf(patternProperties[pattern], walk.old) : [])
    if (same.length > 0) {
      compare(same, schema, into(walk, '*'))
      continue
    }
    for (const name of namesIn(parts, 'properties').filter(name => compilePattern(pattern).test(name))) {
      const before = fieldOf(parts, name, walk.old)
      if (before !== null) compare(before, schema, into(walk, name))
    }
    if (namesIn(parts, 'patternProperties').length > 0 || restOf(parts, walk.old) !== null) say(into(walk, '*'), `fields that match ${shown(pattern)} may not be taken any more`, false)
  }
}

/** Fields that the older schema names and this one does not, and those that neither does. */
function otherFields ({ parts, types, next, operand, walk }: Place): void {
  if (!types.has('object')) return
  const named = new Set(namesIn([next], 'properties'))
  const patterns = namesIn([next], 'patternProperties')
  for (const name of namesIn(parts, 'properties')) {
    if (named.has(name) || patterns.some(pattern => compilePattern(pattern).test(name))) continue
    const before = fieldOf(parts, name, walk.old)
    if (before !== null) compare(before, operand, into(walk, name))
  }
  for (const pattern of namesIn(parts, 'patternProperties').filter(pattern => !patterns.includes(pattern))) {
    const before = parts.flatMap(({ patternProperties }) => isObject(patternProperties) && Object.hasOwn(patternProperties, pattern) ? partsOf(patternProperties[pattern], walk.old) : [])
    compare(before, operand, into(walk, '*'))
  }
  const rest = restOf(parts, walk.old)
  if (rest !== null) compare(rest, operand, into(walk, '*'))
}

/** Whether one of the members takes all that was taken, or all of each choice that there was. */
function isOneOf ({ parts, operand, walk }: Place): boolean {
  const members: unknown[] = Array.isArray(operand) ? operand : []
  const takes = (before: Parts): boolean => members.some(member => {
    const attempt: Walk = { ...walk, found: [], seen: new Set(walk.seen) }
    compare(before, member, attempt)
    return attempt.found.length === 0
  })
  if (takes(parts)) return true
  const choices = parts.flatMap(({ anyOf, oneOf }) => [anyOf, oneOf].filter(choice => Array.isArray(choice)))
  return choices.some(choice => choice.every(one => takes([...parts, ...partsOf(one, walk.old)])))
}

const mostShown = 100

function shown (value: unknown): string {
  const text = Array.isArray(value) ? value.map(one => JSON.stringify(one)).join(', ') : JSON.stringify(value)
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text
}
