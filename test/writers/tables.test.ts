import t, { type Test } from 'tap'
import fc from 'fast-check'
import type { Schema } from '../../lib/event/schemas.js'
import { schemasOf } from '../helpers/context.js'
import type { Row } from '../helpers/mariadb.js'
import { batchOf, capsuleOf, schemaOf, store } from '../sql/fixtures.js'
import { openOn, storeKinds, type Opened, type TestStore } from '../sql/stores.js'

for (const kind of storeKinds) {
  t.test(`events in ${kind.name}`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    async function open (t: Test, schemas: Schema[]): Promise<TestStore & Opened> {
      const database = await server.store()
      return { ...database, ...await openOn(t, database, schemasOf(schemas)) }
    }

    /** What field `v` of each event is in the table, in order. */
    async function stored (t: Test, schema: object, values: readonly unknown[]): Promise<unknown[]> {
      const { writer, rows, ctx } = await open(t, [schemaOf({ v: { ...schema } })])
      await store(writer, values.map(v => capsuleOf({ v })))
      t.strictSame(ctx.letters, [])
      return (await rows('Test_1')).map(row => row['event_v'])
    }

    t.test('an event is stored once, however often it comes', async t => {
      const { writer, rows, ctx } = await open(t, [schemaOf({ n: { type: 'integer' } })])
      const events = [1, 2, 3].map(n => capsuleOf({ n }))
      await store(writer, [...events, events[1]])
      await store(writer, [capsuleOf({ n: 4 }), ...events])

      t.match((await rows('Test_1')).map(row => row['event_n']), [1, 2, 3, 4])
      t.equal(ctx.metrics.count('overall.inserted'), 4)
      t.equal(ctx.metrics.count('schema.Test.inserted'), 4)
      t.equal(ctx.metrics.count('duplicate'), 4)
      t.strictSame(ctx.letters, [])
    })

    t.test('what is no event of a known schema goes to the dead letters, the rest of its batch is stored', async t => {
      const refused = { name: 'Refused', revision: 1, source: 'test', reason: 'its pattern is unbounded' }
      const database = await server.store()
      const { writer, ctx } = await openOn(t, database, schemasOf([schemaOf({ n: { type: 'integer' } }), refused]))
      const bad = [
        '', '{"a":', '5', '{}', capsuleOf({}, { revision: 2 }), capsuleOf({}, { schema: 'Refused' }),
        capsuleOf({}, { uuid: undefined }), capsuleOf({}, { uuid: 'x'.repeat(33) }), capsuleOf({ n: 2n ** 63n }), '{"schema":"Test","revision":1,"uuid":"a","event":{"n":1e400}}'
      ]
      await store(writer, [...bad.flatMap(event => [event, capsuleOf({ n: 1 })])])

      t.strictSame(ctx.letters.map(({ error }) => error.code), [
        'bad-json', 'bad-json', 'bad-capsule', 'bad-capsule', 'unknown-schema', 'refused-schema', 'bad-capsule', 'refused-by-store', 'refused-by-store', 'refused-by-store'
      ])
      t.equal(ctx.letters[1]?.record, '{"a":')
      t.match(ctx.letters[5]?.error.message, /its pattern is unbounded/)
      t.equal((await database.rows('Test_1')).length, bad.length)
    })

    t.test('every text comes back as it was; halves of surrogate pairs, which no database takes, as U+FFFD', async t => {
      const texts = ["it's", 'a\\b\\', '\0\x1a\n\r\t', '"', '%_', '😀', 'é日本', '\ud800', ' padded ', '', '?', 'NULL', '\\N', '\ufffd', ")\n('", "','", "',NULL)\n", ...fc.sample(fc.string({ unit: 'binary', maxLength: 50 }), 300)]

      t.strictSame(await stored(t, { type: 'string' }, texts), texts.map(text => Buffer.from(text).toString()))
    })

    t.test('every integer of 64 bits comes back digit for digit', async t => {
      const integers = [0n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), ...fc.sample(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), 300)]

      t.strictSame((await stored(t, { type: 'integer' }, integers)).map(String), integers.map(String))
    })

    t.test('every double comes back to the last digit', async t => {
      const doubles = [0, 0.1, 1e21, 1e-7, 1.7976931348623157e308, 2.2250738585072014e-308, ...fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), 300)]
        // MariaDB stores no numbers below 2.2e-308 exactly, and no negative zero
        .map(number => Math.abs(number) < 2.3e-308 ? 0 : number)

      t.strictSame(await stored(t, { type: 'number' }, doubles), doubles)
    })

    t.test('date-times of any zone are in UTC', async t => {
      t.strictSame(await stored(t, { type: 'string', format: 'date-time' }, ['2014-05-21T11:30:01+02:00', '2014-03-30T02:30:00Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z']),
        ['2014-05-21 09:30:01', '2014-03-30 02:30:00', '0001-01-01 00:00:00', '9999-12-31 23:59:59'])
    })

    t.test('booleans are 1 and 0, arrays and unions JSON', async t => {
      t.strictSame(await stored(t, { type: 'boolean' }, [true, false, null]), [1, 0, null])
      t.strictSame(await stored(t, { type: 'array' }, [[], ['a', { b: 12345678901234567890n }]]), ['[]', '["a",{"b":12345678901234567890}]'])
      t.strictSame(await stored(t, { type: ['string', 'number', 'object'] }, ['a', 1.5, { b: null }]), ['a', '1.5', '{"b":null}'])
    })

    t.test('twenty strings of a thousand emoji each fit into a row', async t => {
      const keys = Array.from({ length: 20 }, (_, at) => `f${at}`)
      const { writer, rows, ctx } = await open(t, [schemaOf(Object.fromEntries(keys.map(key => [key, { type: 'string' }])))])
      await store(writer, [capsuleOf(Object.fromEntries(keys.map(key => [key, '😀'.repeat(1024)])))])

      const [row] = await rows('Test_1')
      t.strictSame(ctx.letters, [])
      t.equal(ctx.metrics.count('truncated'), 0)
      t.ok(keys.every(key => row?.[`event_${key}`] === '😀'.repeat(1024)))
    })

    t.test('a string that is longer than its column is cut and counted', async t => {
      const { writer, rows, ctx } = await open(t, [schemaOf({ v: { type: 'string' }, long: { type: 'string', maxLength: 100_000 } })])
      await store(writer, [capsuleOf({ v: 'é'.repeat(2000), long: 'é'.repeat(100_000) })])

      t.match(await rows('Test_1'), [{ event_v: 'é'.repeat(1024), event_long: 'é'.repeat(100_000) }])
      t.equal(ctx.metrics.count('truncated'), 1)
    })

    t.test('events with metadata are stored whole', async t => {
      const meta = { type: 'object', properties: { id: { type: 'string' }, dt: { type: 'string', format: 'date-time' }, topic: { type: 'string' }, schema_uri: { type: 'string' } } }
      const { writer, rows, ctx } = await open(t, [schemaOf({ meta, id: { type: 'integer' } }, { name: 'edit', revision: 3, style: 'meta' })])
      const event = { meta: { id: 'b0caf18d-6c7f-4403-947d-2712bbe28610', dt: '2014-05-21T09:30:01Z', topic: 'x', schema_uri: 'mediawiki/edit/3' }, id: 5 }
      await store(writer, [event, event])

      const [row, ...others] = await rows('edit_3')
      const { id, meta_id: metaId, meta_dt: metaDt, ...fields } = row as Row
      t.strictSame({ id, metaId, metaDt }, { id: 1, metaId: event.meta.id, metaDt: '2014-05-21 09:30:01' })
      t.ok(Object.values(fields).includes(5), 'the event\'s own id has a column of its own')
      t.equal(others.length, 0)
      t.equal(ctx.metrics.count('duplicate'), 1)
    })

    t.test('a second event with a value that must be unique is refused, not taken for a duplicate', async t => {
      const { writer, rows, ctx } = await open(t, [schemaOf({ hash: { type: 'string', format: 'uuid5-hex' }, n: { type: 'integer' } })])
      const hash = 'a'.repeat(32)
      const first = capsuleOf({ hash, n: 1 })
      await store(writer, [first, capsuleOf({ hash, n: 2 }), first, capsuleOf({ n: 3 })])

      t.strictSame((await rows('Test_1')).map(row => row['event_n']), [1, 3])
      t.equal(ctx.metrics.count('duplicate'), 1)
      t.match(ctx.letters, [{ record: /"n":2/, error: { code: 'refused-by-store' } }])
    })

    t.test('rows are in the order of the events, also those that had to wait for their table', async t => {
      const names = ['A', 'B', 'C']
      const { writer, rows } = await open(t, names.map(name => schemaOf({ n: { type: 'integer' } }, { name })))
      const events = Array.from({ length: 300 }, (_, n) => capsuleOf({ n }, { schema: names[n % 3] }))
      for (let at = 0; at < events.length; at += 50) await writer.write(batchOf(events.slice(at, at + 50)))
      await writer.flush()

      for (const [first, name] of names.entries()) {
        t.strictSame((await rows(`${name}_1`)).map(row => row['event_n']), Array.from({ length: 100 }, (_, at) => at * 3 + first))
      }
    })
  })
}
