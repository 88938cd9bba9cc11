import t, { type Test } from 'tap'
import type { RefusedSchema, Schema, SchemaRepository } from '../../lib/event/schemas.js'
import { schemasOf } from '../helpers/context.js'
import { capsuleOf, changing, schemaOf, store } from './fixtures.js'
import { openOn, storeKinds, type Opened, type TestStore } from './stores.js'

for (const kind of storeKinds) {
  t.test(`tables that change in ${kind.name}`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    async function open (t: Test, schemas: SchemaRepository): Promise<TestStore & Opened> {
      const database = await server.store()
      return { ...database, ...await openOn(t, database, schemas) }
    }

    t.test('a field that a schema gains without a new revision gets its column; earlier rows stay', async t => {
      const other = schemaOf({ n: { type: 'integer' } }, { name: 'Other' })
      const schemas = changing(schemaOf({ a: { type: 'string' } }), other)
      const { writer, rows, ctx } = await open(t, schemas)
      await store(writer, [capsuleOf({ a: 'x' }), capsuleOf({ n: 1 }, { schema: 'Other' })])
      schemas.set(schemaOf({ a: { type: 'string' }, b: { type: 'string', format: 'date-time' }, c: { type: 'integer' } }), other)
      await store(writer, [capsuleOf({ a: 'y', b: '2014-05-21T09:30:01Z', c: 5 }), capsuleOf({ n: 2 }, { schema: 'Other' })])

      t.strictSame(ctx.letters, [])
      t.match(await rows('Test_1'), [{ event_a: 'x', event_b: null, event_c: null }, { event_a: 'y', event_b: '2014-05-21 09:30:01', event_c: 5 }])
      t.match((await rows('Other_1')).map(row => row['event_n']), [1, 2])
    })

    t.test('a field that changes its type without a new revision costs the events that do not fit, and says what to do', async t => {
      const schemas = changing(schemaOf({ a: { type: 'integer' } }))
      const { writer, rows, ctx } = await open(t, schemas)
      await store(writer, [capsuleOf({ a: 1 })])
      schemas.set(schemaOf({ a: { type: 'string' } }))
      await store(writer, [capsuleOf({ a: 'one' }), capsuleOf({})])

      t.match((await rows('Test_1')).map(row => row['event_a']), [1, null])
      t.match(ctx.letters, [{ error: { code: 'refused-by-store', message: /column event_a takes an integer; got "one".*needs a new revision/, details: { column: 'event_a' } } }])
    })

    t.test('a field that a schema loses keeps its column, and comes back into it', async t => {
      const both = schemaOf({ a: { type: 'integer' }, b: { type: 'integer' } })
      const schemas = changing(both)
      const { writer, rows } = await open(t, schemas)
      await store(writer, [capsuleOf({ a: 1, b: 1 })])
      schemas.set(schemaOf({ a: { type: 'integer' } }))
      await store(writer, [capsuleOf({ a: 2 })])
      schemas.set(both)
      await store(writer, [capsuleOf({ a: 3, b: 3 })])

      t.match((await rows('Test_1')).map(row => row['event_b']), [1, null, 3])
    })

    t.test('a table, or a column, that somebody drops is made again, and no row is lost', async t => {
      const { writer, rows, query, ctx } = await open(t, schemasOf([schemaOf({ a: { type: 'integer' }, b: { type: 'integer' } }), schemaOf({}, { name: 'Other' })]))
      await store(writer, [capsuleOf({ a: 1, b: 1 })])
      // SQLite drops no column that a view shows
      await query('DROP VIEW Test')
      await query('ALTER TABLE Test_1 DROP COLUMN event_b')
      await store(writer, [capsuleOf({ event: {} }, { schema: 'Other' }), capsuleOf({ a: 2, b: 2 })])
      t.match(await rows('Test_1'), [{ event_a: 1, event_b: null }, { event_a: 2, event_b: 2 }])

      await query('DROP TABLE Test_1')
      await store(writer, [capsuleOf({ a: 3, b: 3 }), capsuleOf({}, { schema: 'Other' })])

      t.match(await rows('Test_1'), [{ event_a: 3, event_b: 3 }])
      t.equal((await rows('Other_1')).length, 2)
      t.equal(ctx.metrics.count('overall.inserted'), 5)
      t.strictSame(ctx.letters, [])
    })

    t.test('a schema with more fields than a table can have costs its own events only', async t => {
      const fields = Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`f${at}`, { type: 'boolean' }]))
      const { writer, rows, ctx } = await open(t, schemasOf([schemaOf({ a: { type: 'integer' } }), schemaOf(fields, { name: 'Wide' })]))
      await store(writer, [capsuleOf({ a: 1 }), capsuleOf({}, { schema: 'Wide' }), capsuleOf({ a: 2 }), capsuleOf({}, { schema: 'Wide' })])

      t.equal((await rows('Test_1')).length, 2)
      t.match(ctx.letters.map(({ error }) => error.message), [/more than 1000 fields/, /more than 1000 fields/])
      t.equal(ctx.logged().filter(({ level }) => level === 'error').length, 1)
    })

    t.test('of two schemas that would have the same table the second is refused', async t => {
      const { writer, rows, ctx } = await open(t, schemasOf([schemaOf({}, { name: 'a.b' }), schemaOf({}, { name: 'a-b' })]))
      await store(writer, [capsuleOf({}, { schema: 'a.b' }), capsuleOf({}, { schema: 'a-b' })])

      t.equal((await rows('a_b_1')).length, 1)
      t.match(ctx.letters, [{ record: /"a-b"/, error: { message: /a\.b\/1 and a-b\/1 have the same table, a_b_1/ } }])
    })

    t.test('a schema that only the remote repository has is fetched once, and events wait for it', async t => {
      const schema = schemaOf({ n: { type: 'integer' } })
      let known: Schema | undefined
      let asked = 0
      const remote: SchemaRepository = {
        ...schemasOf([]),
        find: (name): Schema | RefusedSchema | undefined => name === 'Test' ? known : undefined,
        canFetch: name => name === 'Test' && known === undefined,
        async fetch () {
          asked++
          return await Promise.resolve(known = schema)
        }
      }
      const { writer, rows, ctx } = await open(t, remote)
      await store(writer, [capsuleOf({ n: 1 }), capsuleOf({}, { schema: 'Nobodys' }), capsuleOf({ n: 2 })])

      t.equal(asked, 1)
      t.match((await rows('Test_1')).map(row => row['event_n']), [1, 2])
      t.match(ctx.letters, [{ error: { code: 'unknown-schema' } }])
    })

    t.test('two writers that begin at the same moment do not trip over each other', async t => {
      const schemas = Array.from({ length: 10 }, (_, at) => schemaOf({ n: { type: 'integer' } }, { name: `S${at}` }))
      const database = await server.store()
      const events = Array.from({ length: 200 }, (_, n) => capsuleOf({ n }, { schema: `S${n % 10}` }))
      const writers = await Promise.all([1, 2, 3].map(async () => await openOn(t, database, schemasOf(schemas))))
      await Promise.all(writers.map(async ({ writer }) => { await store(writer, events) }))

      const counts = await Promise.all(schemas.map(async ({ name }) => (await database.rows(`${name}_1`)).length))
      t.strictSame(counts, new Array(10).fill(20))
      t.equal(writers.reduce((sum, { ctx }) => sum + ctx.metrics.count('overall.inserted'), 0), 200)
      t.equal(writers.reduce((sum, { ctx }) => sum + ctx.metrics.count('duplicate'), 0), 400)
    })

    t.test('a field added by several writers at once is added once', async t => {
      const before = schemaOf({ a: { type: 'integer' } })
      const after = schemaOf({ a: { type: 'integer' }, b: { type: 'string', format: 'date-time' } })
      const database = await server.store()
      const writers = await Promise.all([1, 2, 3].map(async () => {
        const schemas = changing(before)
        return { ...await openOn(t, database, schemas), schemas }
      }))
      await Promise.all(writers.map(async ({ writer }) => { await store(writer, [capsuleOf({ a: 1 })]) }))
      for (const { schemas } of writers) schemas.set(after)
      await Promise.all(writers.map(async ({ writer }) => { await store(writer, [capsuleOf({ a: 2, b: '2014-05-21T09:30:01Z' })]) }))

      t.equal((await database.rows('Test_1')).filter(row => row['event_b'] === '2014-05-21 09:30:01').length, 3)
      t.ok(writers.every(({ ctx }) => ctx.letters.length === 0))
    })
  })
}
