import fc from 'fast-check'
import type { JsonSchema } from '../../../lib/event/schemas.js'

/** A schema as its owner writes it (draft-03), with a name and a style. */
export interface Definition {
  readonly name: string
  readonly revision: number
  readonly style: 'capsule' | 'meta'
  readonly document: JsonSchema
}

/** Words that SQL or JavaScript have for themselves, or that tables have already. */
const reserved = [
  'select', 'SELECT', 'order', 'group', 'key', 'table', 'index', 'from', 'primary', 'null', 'desc', 'rank', 'system', 'interval', 'rowid', 'limit',
  'id', 'uuid', 'timestamp', 'wiki', 'event', 'meta_id', 'dt', 'PRIMARY', 'GEN_CLUST_INDEX', 'DB_ROW_ID', 'FTS_DOC_ID', '__proto__', 'constructor', 'toString', 'hasOwnProperty'
]

/** Names that become one column with others, by case, by path, or by what columns cannot be called. */
const colliding = ['a', 'A', 'b', 'B', 'a_b', 'A_B', 'a b', 'a-b', 'a.b', 'a_', '_a', 'b_a', 'a_a_a', 'é', '日', '😀', '', ' ', '_']

const long = fc.tuple(fc.constantFrom('x', 'X', 'long_', 'ä'), fc.integer({ min: 50, max: 90 }), fc.constantFrom('', 'a', 'b')).map(([part, length, end]) => part.repeat(length).slice(0, length) + end)

const key = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,20}$/) },
  { weight: 2, arbitrary: fc.constantFrom(...reserved) },
  { weight: 3, arbitrary: fc.constantFrom(...colliding) },
  { weight: 1, arbitrary: long },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) }
)

const description = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom('', "it's", '\\', 'a\nb\r\0c', '/* -- #;', 'é😀'.repeat(1000))
)

const choice = fc.oneof(
  fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 4 }),
  fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 4 }),
  fc.uniqueArray(fc.constantFrom(0, 1, 0.5, -1e300), { minLength: 1 }),
  fc.uniqueArray(fc.constantFrom(true, false, null), { minLength: 1 }),
  fc.uniqueArray(fc.constantFrom(1, '1', null, true, 'one', 0.5), { minLength: 1 })
)

const type = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('boolean', 'integer', 'number', 'string', 'array', 'object', 'any', 'null') },
  { weight: 1, arbitrary: fc.uniqueArray(fc.constantFrom('boolean', 'integer', 'number', 'string', 'null', 'array', 'object'), { minLength: 1, maxLength: 3 }) }
)

const leaf: fc.Arbitrary<JsonSchema> = fc.oneof(
  { weight: 6, arbitrary: type.map(type => ({ type })) },
  { weight: 3, arbitrary: fc.constantFrom(5, 255, 1024, 1025, 5000).map(maxLength => ({ type: 'string', maxLength })) },
  { weight: 2, arbitrary: fc.constantFrom('string', ['string', 'null']).map(type => ({ type, format: 'date-time' })) },
  { weight: 1, arbitrary: fc.constant({ type: 'string', format: 'uuid5-hex' }) },
  { weight: 2, arbitrary: choice.map(values => ({ enum: values })) },
  { weight: 1, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ type: 'object', additionalProperties: { type: 'integer' } }) },
  { weight: 1, arbitrary: type.map(type => ({ type: 'array', items: { type } })) }
)

const described = (schema: fc.Arbitrary<JsonSchema>): fc.Arbitrary<JsonSchema> =>
  fc.tuple(schema, fc.option(description), fc.boolean()).map(([schema, description, required]) => ({
    ...schema, ...description === null ? {} : { description }, ...required ? { required } : {}
  }))

function propertiesOf (value: fc.Arbitrary<JsonSchema>, least: number, most: number): fc.Arbitrary<JsonSchema> {
  return fc.uniqueArray(fc.tuple(key, described(value)), { selector: ([key]) => key, minLength: least, maxLength: most, size: 'max' }).map(entries => Object.fromEntries(entries))
}

const { node } = fc.letrec<{ node: JsonSchema, object: JsonSchema }>(tie => ({
  // an object's own level is one, and one of its fields'
  node: fc.oneof({ maxDepth: 5, depthSize: 'max' }, { weight: 8, arbitrary: leaf }, { weight: 2, arbitrary: tie('object') }),
  object: fc.tuple(
    propertiesOf(tie('node'), 0, 4),
    fc.constantFrom<JsonSchema>({ type: 'object' }, { type: ['object', 'null'] }, {}, { type: 'object', additionalProperties: false }, { type: ['object', 'string'] })
  ).map(([properties, rest]) => ({ ...rest, properties }))
}))

const name = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,20}$/) },
  { weight: 2, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{40,63}$/) },
  { weight: 1, arbitrary: fc.constantFrom('select', 'sqlite_master', 'SQLITE_x', 'a.b-c', 'order', '0', '__proto__', 'constructor', 'vanadium_positions') }
)

const document = fc.tuple(
  fc.oneof({ weight: 12, arbitrary: propertiesOf(node, 1, 20) }, { weight: 1, arbitrary: propertiesOf(leaf, 200, 300) }),
  fc.option(description)
).map(([properties, description]) => ({ properties, ...description === null ? {} : { description } }))

/** What an event of the other style has besides its fields. */
const meta = {
  type: 'object',
  required: true,
  properties: {
    id: { type: 'string', required: true, maxLength: 64 },
    dt: { type: 'string', format: 'date-time' },
    schema_uri: { type: 'string', required: true },
    domain: { type: 'string' }
  }
}

/** Anything that people could write: names, types, depths up to 6, up to 300 fields. */
export const definitions: fc.Arbitrary<Definition> = fc.tuple(name, fc.integer({ min: 1, max: 99_999_999 }), document, fc.integer({ min: 0, max: 9 })).map(([name, revision, document, kind]) => {
  // `meta` itself is what tells the styles apart
  const own = Object.fromEntries(Object.entries(document.properties).filter(([key]) => key !== 'meta'))
  return kind === 0
    ? { name, revision, style: 'meta', document: { ...document, properties: Object.fromEntries([['meta', meta], ...Object.entries(own)]) } }
    : { name, revision, style: 'capsule', document: { ...document, properties: own } }
})
