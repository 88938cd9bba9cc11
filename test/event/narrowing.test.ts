import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { readDefinition } from '../../lib/event/modern-schema.js'
import { narrowings } from '../../lib/event/narrowing.js'
import type { JsonSchema } from '../../lib/event/schemas.js'
import { compile } from '../../lib/event/validator.js'

const names = ['a', 'b', 'c', 'xa']
const words = ['', 'x', 'xy', 'xyz', 'init', '2014-05-21T09:30:01Z', '1']
const numbers = [-1, 0, 0.5, 1, 2, 3, 4, 6, 9, 12.5]
const scalar = fc.constantFrom<unknown>(null, true, false, ...words, ...numbers)
const value = fc.letrec(tie => ({
  value: fc.oneof({ maxDepth: 3 }, { weight: 5, arbitrary: scalar }, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 3 }))
})).value
const event = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 })

/** Most keywords have no value, so that schemas take something. */
function rarely <T> (arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined, freq: 2 })
}

function defined (schema: Record<string, unknown>): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([, operand]) => operand !== undefined))
}

const bound = fc.constantFrom(...numbers)
const length = fc.constantFrom(0, 1, 2, 3)
const type = fc.oneof(fc.constantFrom('string', 'integer', 'number', 'boolean', 'array', 'object', 'null'), fc.subarray(['string', 'integer', 'number', 'null', 'boolean', 'object', 'array'], { minLength: 1, maxLength: 3 }))

const { schema } = fc.letrec<{ schema: JsonSchema, object: JsonSchema }>(tie => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    { weight: 3, arbitrary: fc.record({ type: rarely(type), minimum: rarely(bound), maximum: rarely(bound), exclusiveMinimum: rarely(bound), exclusiveMaximum: rarely(bound), multipleOf: rarely(fc.constantFrom(1, 2, 3, 0.5)) }).map(defined) },
    { weight: 3, arbitrary: fc.record({ type: rarely(type), minLength: rarely(length), maxLength: rarely(length), pattern: rarely(fc.constantFrom('^x', 'y')), format: rarely(fc.constantFrom('date-time', 'style')) }).map(defined) },
    { weight: 2, arbitrary: fc.record({ type: rarely(type), enum: fc.subarray<unknown>([null, true, ...words, 0, 1, 0.5], { minLength: 1 }) }).map(defined) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('array'), items: rarely(tie('schema')), minItems: rarely(length), maxItems: rarely(length), uniqueItems: rarely(fc.boolean()) }).map(defined) },
    { weight: 1, arbitrary: fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }) },
    { weight: 1, arbitrary: fc.record({ not: tie('schema') }) },
    { weight: 1, arbitrary: fc.constantFrom<JsonSchema>({ $ref: '#/definitions/tree' }, { $ref: '#/definitions/leaf' }, {}) },
    { weight: 4, arbitrary: tie('object') }
  ),
  object: fc.record({
    type: rarely(fc.constantFrom('object', ['object', 'string'])),
    properties: rarely(fc.dictionary(fc.constantFrom(...names), tie('schema'), { maxKeys: 3 })),
    patternProperties: rarely(fc.dictionary(fc.constantFrom('^x', '^[ab]$'), tie('schema'), { minKeys: 1, maxKeys: 1 })),
    additionalProperties: rarely(fc.oneof(fc.boolean(), tie('schema'))),
    required: rarely(fc.subarray(names, { minLength: 1, maxLength: 2 })),
    minProperties: rarely(length),
    maxProperties: rarely(length)
  }).map(defined)
}))

const definitions = fc.record({
  tree: fc.constantFrom<JsonSchema>({ type: 'object', properties: { a: { $ref: '#/definitions/tree' }, b: { type: 'integer' } } }, { type: 'object', properties: { a: { $ref: '#/definitions/tree' }, b: { type: 'number' } } }),
  leaf: fc.constantFrom<JsonSchema>({ type: 'string' }, { type: ['string', 'null'], maxLength: 2 })
})

const top = fc.record({ properties: fc.dictionary(fc.constantFrom(...names), schema, { minKeys: 1, maxKeys: 4 }), required: rarely(fc.subarray(names, { minLength: 1, maxLength: 2 })), additionalProperties: rarely(fc.boolean()), definitions })
  .map(({ definitions, ...rest }) => ({ $schema: 'http://json-schema.org/draft-07/schema#', type: 'object', ...defined(rest), definitions }))

/** Changed here and there: two schemas that have nothing to do with each other hardly ever go together. */
function edited (before: JsonSchema, other: JsonSchema, choices: readonly boolean[]): JsonSchema {
  let at = 0
  function mixed (one: unknown, two: unknown): unknown {
    const isTaken = choices[at++ % choices.length] === true
    if (!isPlain(one) || !isPlain(two)) return isTaken ? two : one
    const keys = [...new Set([...Object.keys(one), ...Object.keys(two)])]
    const kept = keys.map(key => [key, key in one && key in two ? mixed(one[key], two[key]) : choices[at++ % choices.length] === true ? two[key] : one[key]] as const)
    return Object.fromEntries(kept.filter(([, operand]) => operand !== undefined))
  }
  return { ...mixed(before, other) as JsonSchema, $schema: before['$schema'] }
}

function isPlain (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const pair = fc.tuple(top, top, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), fc.integer({ min: 0, max: 3 }))
  .map(([before, other, choices, rarity]) => ({ before, after: edited(before, other, choices.map((isTaken, at) => isTaken && at % 4 >= rarity)) }))

// seen to fail when additionalProperties looks at no removed field, and when required is left out
t.test('what is said to take all that it took does so, for any schemas and any events', async t => {
  const counts = { pairs: 0, compatible: 0, events: 0 }

  fc.assert(fc.property(pair, fc.array(event, { minLength: 60, maxLength: 60, size: 'max' }), ({ before, after }, events) => {
    const [old, next] = [before, after].map(definition => readDefinition(definition).modern) as [JsonSchema, JsonSchema]
    counts.pairs++
    if (isDeepStrictEqual(old, next) || narrowings(old, next).length > 0) return
    counts.compatible++
    const [was, is] = [old, next].map(schema => compile({ ...schema, type: 'object' }, 'draft-07')) as [ReturnType<typeof compile>, ReturnType<typeof compile>]
    for (const event of events) {
      if (was(event) !== true) continue
      counts.events++
      if (is(event) !== true) throw new Error(`${JSON.stringify(event)} was valid and is not`)
    }
  }), { numRuns: 800 })

  t.comment(counts)
  t.ok(counts.compatible > counts.pairs / 20, 'many are compatible')
  t.ok(counts.events > counts.compatible * 2, 'and take events')
})

const base = {
  properties: {
    action: { type: 'string', enum: ['init', 'go'], required: true },
    n: { type: 'integer', minimum: 1, maximum: 9 },
    share: { type: 'number', minimum: 0 },
    name: { type: 'string', maxLength: 20 },
    page: { type: 'object', properties: { id: { type: 'integer' } } },
    tags: { type: 'array', items: { type: 'string' } }
  }
}

function changesOf (fields: Record<string, unknown>, rest: object = {}): string[] {
  const [before, after] = [base, { ...base, ...rest, properties: { ...base.properties, ...fields } }].map(document => readDefinition(JSON.parse(JSON.stringify(document))).modern) as [JsonSchema, JsonSchema]
  return narrowings(before, after).map(({ pointer, what, isCertain }) => `${pointer}: ${what}${isCertain ? '' : ' (?)'}`)
}

t.test('a field that is added, a longer list of values, a wider limit and the like take nothing away', async t => {
  for (const fields of [
    { colour: { type: 'string' } },
    { action: { type: 'string', enum: ['init', 'go', 'stop'], required: true } },
    { action: { type: 'string', enum: ['init', 'go'] } },
    { action: { type: 'string', required: true, maxLength: 4 } },
    { n: { type: 'integer', minimum: 0 } },
    { n: { type: 'number', minimum: 1, maximum: 9 } },
    { n: { type: ['integer', 'null'], minimum: 0.5, maximum: 9.5 } },
    { share: { type: 'number', minimum: -1, exclusiveMinimum: true } },
    { name: { type: 'any' } },
    { name: { type: 'string', maxLength: 30, format: 'style', description: 'Other words' } },
    { page: { type: 'object', properties: { id: { type: 'integer' }, title: {} } } },
    { tags: { type: 'array', items: { type: ['string', 'integer'] } } }
  ]) t.strictSame(changesOf(fields), [], JSON.stringify(fields))
})

// seen to fail when an exclusive bound is as good as another
t.test('what takes something away is named, where it is', async t => {
  for (const [fields, said] of [
    [{ action: undefined }, ['/action: is not taken any more']],
    [{ action: { type: 'string', enum: ['init'], required: true } }, ['/action: takes no "go" any more']],
    [{ action: { type: 'string', required: true, pattern: '^i' } }, ['/action: takes no "go" any more']],
    [{ n: { type: 'string' } }, ['/n: takes no integer any more; only string']],
    [{ n: { type: 'integer', minimum: 2, maximum: 9, required: true } }, ['/n: is required now', '/n: takes only numbers from 2 now']],
    [{ share: { type: 'number', minimum: 0, exclusiveMinimum: true } }, ['/share: takes only numbers above 0 now']],
    [{ share: { type: 'integer', minimum: 0 } }, ['/share: takes no fraction any more; only integer']],
    [{ name: { type: 'string', maxLength: 10 } }, ['/name: takes at most 10 characters now']],
    [{ name: { type: 'string', maxLength: 20, format: 'date-time' } }, ['/name: must be a date-time like 2014-05-21T09:30:01Z now (?)']],
    [{ page: { type: 'object', properties: { id: { type: 'integer' } }, additionalProperties: false } }, ['/page/*: is not taken any more']],
    [{ tags: { type: 'array', items: { type: 'string', enum: ['a'] } } }, ['/tags/*: takes only "a" now']],
    [{ tags: { type: 'array', items: { type: 'string' }, maxItems: 3 } }, ['/tags: takes at most 3 items now']]
  ] as const) t.strictSame(changesOf(fields).sort(), [...said].sort(), JSON.stringify(fields))
})
