import t from 'tap'
import { compare, declared } from '../../lib/sql/existing.js'
import { narrow, planTable, type Column } from '../../lib/sql/columns.js'
import { schemaOf } from './fixtures.js'

function namesOf (columns: readonly Column[]): string[] {
  return columns.map(column => column.name)
}

function many (count: number, schema: object): Record<string, Record<string, unknown>> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, { ...schema }]))
}

t.test('a capsule\'s own columns come first, in one order, then the event\'s', async t => {
  const plan = planTable(schemaOf({ z: { type: 'string' }, a: { type: 'object', properties: { b: { type: 'integer' } } } }, { name: 'a/b', revision: 7 }))

  t.equal(plan.name, 'a_b_7')
  t.equal(plan.key, 'uuid')
  t.match(plan, { schema: 'a/b', revision: 7, time: 'timestamp', indexes: [{ columns: ['wiki', 'timestamp'] }] })
  t.equal(plan.comment, 'a/b/7')
  t.strictSame(namesOf(plan.columns), ['uuid', 'timestamp', 'webHost', 'wiki', 'userAgent', 'clientIp', 'samplingRate', 'event_z', 'event_a_b'])
  t.strictSame(plan.columns.at(-1)?.path, ['event', 'a', 'b'])
})

t.test('an event with metadata is stored whole, its id unique and its date indexed', async t => {
  const meta = { type: 'object', properties: { topic: { type: 'string' }, dt: { type: 'string' }, id: { type: 'string' }, schema_uri: { type: 'string' } } }
  const plan = planTable(schemaOf({ meta, id: { type: 'integer' }, page: { type: 'object', properties: { title: { type: 'string' } } } }, { style: 'meta' }))

  t.equal(plan.key, 'meta_id')
  t.equal(plan.time, 'meta_dt')
  t.strictSame(plan.columns.slice(0, 2).map(({ name }) => name), [plan.key, plan.time])
  t.match(namesOf(plan.columns), ['meta_id', 'meta_dt', 'meta_topic', 'meta_schema_uri', /^id_[0-9a-f]{8}$/, 'page_title'])
  t.match(plan.columns[0], { kind: 'key', index: 'unique', length: 64 })
  t.match(plan.columns[1], { kind: 'date-time', index: 'plain' })
})

t.test('date-times are indexed, hashes unique, long strings text', async t => {
  const { columns } = planTable(schemaOf({ at: { type: 'string', format: 'date-time' }, id: { type: 'string', format: 'uuid5-hex' }, s: { type: 'string', maxLength: 10 }, l: { type: 'string', maxLength: 5000 } }))

  t.match(columns.slice(-4), [{ kind: 'date-time', index: 'plain' }, { kind: 'key', length: 32, index: 'unique' }, { kind: 'string', length: 1024 }, { kind: 'text' }])
})

t.test('twenty strings fit into a row: the last ones are text', async t => {
  const { columns } = planTable(schemaOf(many(20, { type: 'string' })))
  const kinds = columns.slice(7).map(column => column.kind)

  t.strictSame(kinds, [...new Array<string>(15).fill('string'), ...new Array<string>(5).fill('text')])
})

t.test('the 33rd index and those after it are left out', async t => {
  const dates = planTable(schemaOf(many(50, { type: 'string', format: 'date-time' }))).columns
  const hashes = planTable(schemaOf(many(50, { type: 'string', format: 'uuid5-hex' }))).columns

  t.equal(dates.filter(column => column.index !== null).length, 32)
  t.equal(hashes.filter(column => column.index !== null).length, 32)
  t.match(hashes.at(-1), { kind: 'string', length: 32, index: null })
})

t.test('comments are cut, so that all of them fit into a table\'s definition', async t => {
  const few = planTable(schemaOf(many(1, { type: 'string', description: 'é'.repeat(2000) }))).columns.at(-1)?.comment ?? ''
  const lots = planTable(schemaOf(many(300, { type: 'string', description: 'é'.repeat(2000) }))).columns

  t.match(few, /^é+…$/)
  t.ok(Buffer.byteLength(few) > 1000 && Buffer.byteLength(few) <= 1024)
  t.ok(lots.reduce((sum, { comment }) => sum + Buffer.byteLength(comment), 0) < 50_000)
  t.equal(planTable(schemaOf({ a: { description: 'a\0😀b' } })).columns.at(-1)?.comment, 'a\ufffdb')
})

t.test('a table that lacks columns is given them, the others keep their types', async t => {
  const plan = planTable(schemaOf({ a: { type: 'integer' }, b: { type: 'string' }, c: { type: 'boolean' } }))
  const existing = [...plan.columns.slice(0, 6).map(({ name, length }) => declared(name, length > 0 ? `varchar(${length})` : 'mediumtext')), declared('EVENT_A', 'varchar(255)'), declared('event_c', 'tinyint(1)')]
  const { columns, missing } = compare(plan, existing)

  t.strictSame(namesOf(missing), ['samplingRate', 'event_b'])
  t.strictSame(namesOf(columns), namesOf(plan.columns))
  t.match(columns.slice(-3), [{ kind: 'string', length: 255 }, { kind: 'string', length: 1024 }, { kind: 'boolean' }])
})

t.test('the types of a database are read as the kinds they hold', async t => {
  const plan = planTable(schemaOf({ a: { type: 'string' } }))
  const kindFor = (type: string): string | undefined => compare(plan, [declared('event_a', type)]).columns.at(-1)?.kind

  t.strictSame(['int(11)', 'bigint(20) unsigned', 'BIGINT', 'double', 'decimal(10,2)', 'text', 'longtext', 'datetime', 'varchar(5)', 'json', 'blob', ''].map(kindFor),
    ['integer', 'integer', 'integer', 'number', 'number', 'text', 'text', 'date-time', 'string', 'string', 'string', 'string'])
})

t.test('a string that is added to a full row is text', async t => {
  const before = planTable(schemaOf(many(15, { type: 'string' })))
  const after = planTable(schemaOf({ new: { type: 'string' }, ...many(15, { type: 'string' }) }))
  const existing = before.columns.map(({ name, kind, length }) => declared(name, kind === 'text' ? 'mediumtext' : kind === 'number' ? 'double' : `varchar(${length})`))
  const { columns, missing } = compare(after, existing)

  t.match(missing, [{ name: 'event_new', kind: 'text' }])
  t.match(columns.slice(-1), [{ name: 'event_f14', kind: 'string' }])
})

t.test('narrowing is deterministic: the same columns, the same types', async t => {
  const columns = planTable(schemaOf(many(40, { type: 'string' }))).columns

  t.strictSame(narrow(columns), columns)
})
