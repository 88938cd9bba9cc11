import t from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { parseJson } from '../../lib/event/json.js'
import { openSchemas } from '../../lib/event/schema-repository.js'
import { isRefused, type JsonSchema, type Schema } from '../../lib/event/schemas.js'
import { planTable, type Column } from '../../lib/sql/columns.js'
import { createLog } from '../../lib/log.js'
import { schemasOf } from '../helpers/context.js'
import type { Row } from '../helpers/mariadb.js'
import { needsSharedData, sharedData } from '../helpers/shared.js'
import { capsuleOf, schemaOf, store } from './fixtures.js'
import { openOn, storeKinds, type TestStore } from './stores.js'

type Capsule = Record<string, unknown>

for (const kind of storeKinds) {
  t.test(`schemas in ${kind.name}`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    t.test('every real schema has a table, and every real event comes back from it', { skip: needsSharedData }, async t => {
      const data = String(sharedData)
      const schemas = await openSchemas({ directories: [join(data, 'schemas')], log: createLog({ level: 'error' }) })
      const examples = readFileSync(join(data, 'examples.ndjson'), 'utf8').trim().split('\n').map(line => capsuleOf({}, parseJson(line) as object))
      const database = await server.store()
      const { writer, ctx } = await openOn(t, database, schemas)
      await store(writer, examples)

      t.strictSame(ctx.letters, [])
      t.ok(schemas.list().filter(schema => !isRefused(schema)).length >= 29)
      for (const example of examples) {
        const schema = schemas.find(example['schema'] as string, example['revision'] as number) as Schema
        t.strictSame(await readBack(database, schema, example), example['event'], schema.name)
      }
    })

    t.test('names that databases reserve, quote or fold are columns and tables like others', async t => {
      const names = ['select', 'SELECT', 'a`b', 'a"b', "a'b", 'a;b', 'a?b', 'é', '日本', ' ', '', '.', 'x'.repeat(70), `${'x'.repeat(70)}y`, 'constructor', 'id']
      const schema = schemaOf(Object.fromEntries(names.map(name => [name, { type: 'integer', description: `about ${name} \\` }])), { name: 'order/by.select-x' })
      const event = Object.fromEntries(names.map((name, at) => [name, at]))
      const database = await server.store()
      const { writer, ctx } = await openOn(t, database, schemasOf([schema]))
      const capsule = capsuleOf(event, { schema: schema.name })
      await store(writer, [capsule])

      t.strictSame(ctx.letters, [])
      t.strictSame(await readBack(database, schema, capsule), event)
    })

    // seen to stop the consumer for good with an index called "primary"
    t.test('names that InnoDB keeps for itself are columns like others', async t => {
      const names = ['primary', 'GEN_CLUST_INDEX', 'db_row_id', 'DB_TRX_ID', 'DB_ROLL_PTR', 'FTS_DOC_ID', 'rowid', '']
      const fields = Object.fromEntries(names.map(name => [name, { type: 'string', format: 'date-time' }]))
      const meta = { type: 'object', properties: { id: { type: 'string' }, schema_uri: { type: 'string' } } }
      const schema = schemaOf({ meta, ...fields }, { name: 'edit', style: 'meta' })
      const database = await server.store()
      const { writer, ctx } = await openOn(t, database, schemasOf([schema]))
      await store(writer, [{ meta: { id: 'a', schema_uri: 'edit/1' }, ...Object.fromEntries(names.map((name, at) => [name, `2014-05-21T09:30:0${at}Z`])) }])

      t.strictSame(ctx.letters, [])
      const [row = {}] = await database.rows('edit_1')
      t.strictSame(planTable(schema).columns.slice(-names.length).map(({ name }) => row[name]), names.map((_name, at) => `2014-05-21 09:30:0${at}`))
    })

    t.test('generated schemas of up to 300 fields have tables, and their events come back', async t => {
      const samples = [...fc.sample(generated(1, 20), 30), ...fc.sample(generated(200, 300), 3)]
        .map(({ schema, events }, at) => ({ schema: { ...schema, name: `Generated${at}` }, events: events.map(event => capsuleOf(event, { schema: `Generated${at}` })) }))
      const database = await server.store()
      const { writer, ctx } = await openOn(t, database, schemasOf(samples.map(({ schema }) => schema)))
      await store(writer, samples.flatMap(({ events }) => events))

      t.strictSame(ctx.letters.map(({ error }) => error.message), [])
      for (const { schema, events } of samples) {
        for (const event of events) {
          const found = await readBack(database, schema, event)
          // strictSame takes a field called "constructor" for the object's own
          t.ok(isDeepStrictEqual(found, event['event']), schema.name, { found, wanted: event['event'] })
        }
      }
    })
  })
}

interface Node {
  readonly schema: JsonSchema
  readonly values: fc.Arbitrary<unknown>
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => Math.abs(number) < 2.3e-308 ? 0 : number)
const second = fc.date({ min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }).map(date => `${date.toISOString().slice(0, 19)}Z`)
const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(digits => parseJson(String(digits)))

const leaves: Node[] = [
  { schema: { type: 'boolean' }, values: fc.boolean() },
  { schema: { type: ['integer', 'null'] }, values: integer },
  { schema: { type: 'number' }, values: double },
  { schema: { type: 'string' }, values: text.map(text => `s${text}`) },
  { schema: { type: 'string', maxLength: 5000 }, values: text.map(text => `s${text.repeat(50)}`) },
  { schema: { type: 'string', format: 'date-time' }, values: second },
  { schema: { type: 'string', format: 'uuid5-hex' }, values: fc.uuid().map(uuid => uuid.replaceAll('-', '')) },
  { schema: { type: 'array' }, values: fc.array(fc.oneof(integer, text)) },
  { schema: { type: ['object', 'array'] }, values: fc.oneof(fc.constant({}), fc.array(text)) }
]

const node: fc.Arbitrary<Node> = fc.letrec<{ node: Node, object: Node }>(tie => ({
  node: fc.oneof({ maxDepth: 4, withCrossShrink: true }, { weight: 9, arbitrary: fc.constantFrom(...leaves) }, { weight: 1, arbitrary: tie('object') }),
  object: properties(tie('node'), 1, 4)
})).node

/** An object schema, and events of it that hold at least its first field. */
function properties (of: fc.Arbitrary<Node>, least: number, most: number): fc.Arbitrary<Node> {
  const key = fc.oneof(text, fc.stringMatching(/^[A-Za-z_]{1,70}$/)).filter(key => key !== '__proto__')
  return fc.uniqueArray(fc.tuple(key, of), { selector: ([key]) => key, minLength: least, maxLength: most }).map(entries => ({
    schema: { type: 'object', properties: Object.fromEntries(entries.map(([key, { schema }]) => [key, schema])) },
    values: fc.record(Object.fromEntries(entries.map(([key, { values }]) => [key, values])), { requiredKeys: [entries[0]?.[0] ?? ''], noNullPrototype: true })
  }))
}

function generated (least: number, most: number): fc.Arbitrary<{ schema: Schema, events: object[] }> {
  return properties(node, least, most).chain(({ schema, values }) => fc.array(values, { minLength: 3, maxLength: 3 }).map(events => ({
    schema: schemaOf(schema['properties'] as Record<string, JsonSchema>), events: events as object[]
  })))
}

/** The event that a row was made of. */
async function readBack ({ query }: TestStore, schema: Schema, { uuid }: Capsule): Promise<unknown> {
  const { name, columns } = planTable(schema)
  const [row] = await query(`SELECT * FROM ${name} WHERE uuid = '${String(uuid)}'`)
  const root: Capsule = {}
  for (const column of columns.filter(column => column.path[0] === 'event')) {
    const value = valueOf(column, row as Row)
    if (value !== null) put(root, column.path, value)
  }
  return root['event']
}

function put (root: Capsule, path: readonly string[], value: unknown): void {
  let at = root
  for (const key of path.slice(0, -1)) at = (Object.hasOwn(at, key) ? at[key] : at[key] = {}) as Capsule
  at[path.at(-1) ?? ''] = value
}

function valueOf ({ name, kind }: Column, row: Row): unknown {
  const value = row[name]
  if (value === null || value === undefined) return null
  switch (kind) {
    case 'boolean': return value === 1
    case 'integer': return parseJson(String(value))
    case 'date-time': return `${String(value).replace(' ', 'T')}Z`
    // strings that are wide became text: what was no string is JSON
    case 'text': return /^[[{]/.test(String(value)) ? parseJson(String(value)) : value
    default: return value
  }
}
