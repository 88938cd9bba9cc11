import t, { type Test } from 'tap'
import mysql from 'mysql2/promise'
import type { Schema } from '../../lib/event/schemas.js'
import { schemasOf, testContext } from '../helpers/context.js'
import { needsMariadb, startMariadb, type Row } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, mysqlUri, openWriter, schemaOf, store } from '../sql/fixtures.js'
import { openOn, storeKinds, type Opened, type TestStore } from '../sql/stores.js'

const first = 1400664601
const integer = schemaOf({ n: { type: 'integer' } })

for (const kind of storeKinds) {
  t.test(`vanadium_schemas in ${kind.name}`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    async function open (t: Test, schemas: Schema[]): Promise<TestStore & Opened> {
      const database = await server.store()
      return { ...database, ...await openOn(t, database, schemasOf(schemas)) }
    }

    async function catalog ({ query }: TestStore): Promise<Row[]> {
      return await query('SELECT name, revision, table_name, view_name, description, first_event, last_event, row_count FROM vanadium_schemas ORDER BY name, revision')
    }

    t.test('a table has a row that says what it is, and counts what was stored: no duplicates, nothing refused', async t => {
      const described = { ...integer, modern: { ...integer.modern, description: "It's about n" } }
      const opened = await open(t, [described, schemaOf({ hash: { type: 'string', format: 'uuid5-hex' } }, { name: 'Unique', revision: 7 })])
      const events = [3, 1, 2].map(n => capsuleOf({ n }, { timestamp: first + n }))
      const unique = [5, 0, 9].map(later => capsuleOf({ hash: 'a'.repeat(32) }, { schema: 'Unique', revision: 7, timestamp: first + later }))
      await store(opened.writer, [...events, events[0], capsuleOf({ n: 2n ** 63n }, { timestamp: 5 }), ...unique])
      await store(opened.writer, [...events, unique[0]])

      t.strictSame(await catalog(opened), [
        { name: 'Test', revision: 1, table_name: 'Test_1', view_name: 'Test', description: "It's about n", first_event: '2014-05-21 09:30:02', last_event: '2014-05-21 09:30:04', row_count: 3 },
        { name: 'Unique', revision: 7, table_name: 'Unique_7', view_name: 'Unique', description: '', first_event: '2014-05-21 09:30:06', last_event: '2014-05-21 09:30:06', row_count: 1 }
      ])
      t.match((await opened.query('SELECT updated FROM vanadium_schemas'))[0]?.['updated'], /^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$/)
    })

    t.test('it goes on after a restart, and counts what is there when the table had no row', async t => {
      const database = await server.store()
      const before = await openOn(t, database, schemasOf([integer]))
      await store(before.writer, [1, 2].map(n => capsuleOf({ n }, { timestamp: first + n })))
      await before.writer.close()
      const after = await openOn(t, database, schemasOf([integer]))
      await store(after.writer, [capsuleOf({ n: 3 }, { timestamp: first - 1 })])
      t.match(await catalog(database), [{ row_count: 3, first_event: '2014-05-21 09:30:00', last_event: '2014-05-21 09:30:03' }])

      await database.query('DELETE FROM vanadium_schemas')
      await store(after.writer, [capsuleOf({ n: 4 }, { timestamp: first + 9 })])

      t.match(await catalog(database), [{ row_count: 4, first_event: '2014-05-21 09:30:00', last_event: '2014-05-21 09:30:10' }])
    })

    // seen to fail without each use of isListed: in catalog.ts, tables.ts and sqlite/store.ts
    t.test('what is internal is stored, again and in new columns too, and neither it nor a view has it', async t => {
      const internal = (more = {}): Schema => {
        const schema = schemaOf({ n: { type: 'integer' }, ...more }, { name: 'Own' })
        return { ...schema, definition: { ...schema.definition, internal: true } }
      }
      const opened = await open(t, [internal(), integer])
      await store(opened.writer, [capsuleOf({ n: 1 }, { schema: 'Own' }), capsuleOf({ n: 1 })])
      await store(opened.writer, [capsuleOf({ n: 2 }, { schema: 'Own' })])
      await opened.writer.close()
      const { writer } = await openOn(t, opened, schemasOf([internal({ more: { type: 'integer' } })]))
      await store(writer, [capsuleOf({ n: 3, more: 3 }, { schema: 'Own' })])

      t.match(await opened.rows('Own_1'), [{ event_n: 1 }, { event_n: 2 }, { event_n: 3, event_more: 3 }])
      t.strictSame((await catalog(opened)).map(({ name }) => name), ['Test'])
      await t.rejects(opened.query('SELECT * FROM Own'), /exist|no such table/)
      t.equal((await opened.query('SELECT * FROM Test')).length, 1, 'others have a view')
      t.strictSame(opened.ctx.letters, [])
    })

    t.test('dropped, it is made again with all that the tables have, and no row is lost or stored twice', async t => {
      const opened = await open(t, [integer, schemaOf({}, { revision: 2 })])
      await store(opened.writer, [capsuleOf({ n: 1 }), capsuleOf({}, { revision: 2 })])
      await opened.query('DROP TABLE vanadium_schemas')
      await store(opened.writer, [capsuleOf({ n: 2 })])

      t.match((await catalog(opened)).find(row => row['revision'] === 1), { row_count: 2 })
      t.equal((await opened.rows('Test_1')).length, 2)
      const [, old] = await until('the other revision and the view are entered again', async () => {
        const rows = await catalog(opened)
        return rows.length === 2 && rows.every(row => row['view_name'] === 'Test') ? rows : null
      }, 60_000)
      t.match(old, { revision: 2, row_count: 1 })
    })

    t.test('a table that is dropped is counted from nothing when it is made again', async t => {
      const opened = await open(t, [integer])
      await store(opened.writer, [1, 9].map(n => capsuleOf({ n }, { timestamp: first + n })))
      await opened.query('DROP TABLE Test_1')
      await store(opened.writer, [4, 6].map(n => capsuleOf({ n }, { timestamp: first + n })))

      t.match(await catalog(opened), [{ row_count: 2, first_event: '2014-05-21 09:30:05', last_event: '2014-05-21 09:30:07' }])
    })

    t.test('a table that is dropped and stays away has no row and is in no view', async t => {
      const opened = await open(t, [integer, schemaOf({}, { revision: 2 }), schemaOf({}, { revision: 3 })])
      await store(opened.writer, [capsuleOf({ n: 1 }), capsuleOf({}, { revision: 2 })])
      await opened.query('DROP TABLE Test_1')
      await opened.query('DROP TABLE Test_2')
      await store(opened.writer, [capsuleOf({ n: 2 }, { timestamp: first + 5 }), capsuleOf({}, { revision: 3 })])

      t.match((await catalog(opened)).map(({ revision, row_count: count }) => [revision, count]), [[1, 1], [3, 1]])
      await until('the view has both', async () => (await opened.query('SELECT * FROM Test')).length === 2)
    })

    t.test('several writers at once into the same tables count each row once', async t => {
      const schemas = ['A', 'B', 'C'].map(name => schemaOf({ n: { type: 'integer' } }, { name }))
      const database = await server.store()
      const writers = await Promise.all([1, 2, 3].map(async () => await openOn(t, database, schemasOf(schemas))))
      const own = writers.map((_, writer) => Array.from({ length: 20 }, (_, load) => capsuleOf({ n: load }, { schema: ['A', 'B', 'C'][(writer + load) % 3] })))
      const shared = Array.from({ length: 30 }, (_, n) => capsuleOf({ n }, { schema: ['A', 'B', 'C'][n % 3] }))
      await Promise.all(writers.map(async ({ writer }, at) => {
        for (const event of own[at] ?? []) await store(writer, [event, ...shared])
      }))

      t.equal((await catalog(database)).reduce((sum, row) => sum + Number(row['row_count']), 0), 90)
      for (const { name } of schemas) {
        t.strictSame(await database.query(`SELECT row_count AS n FROM vanadium_schemas WHERE name = '${name}'`), await database.query(`SELECT COUNT(*) AS n FROM ${name}`))
      }
      t.ok(writers.every(({ ctx }) => ctx.letters.length === 0))
    })

    t.test('revisions that other consumers made at the same moment, or before there were views, are all in the view', async t => {
      const database = await server.store()
      const revisions = Array.from({ length: 6 }, (_, at) => schemaOf({ n: { type: 'integer' } }, { revision: at + 1 }))
      await Promise.all(revisions.map(async (schema, at) => {
        const { writer } = await openOn(t, database, schemasOf([schema]))
        await store(writer, [capsuleOf({ n: at }, { revision: schema.revision })])
      }))
      await until('all are in the view', async () => (await database.query('SELECT * FROM Test')).length === 6, 60_000)
      t.ok((await catalog(database)).every(row => row['view_name'] === 'Test' && row['row_count'] === 1))

      await database.query('DROP VIEW Test')
      await database.query('DROP TABLE vanadium_schemas')
      const { writer } = await openOn(t, database, schemasOf([schemaOf({ n: { type: 'integer' } }, { revision: 7 })]))
      await store(writer, [capsuleOf({ n: 6 }, { revision: 7 })])

      t.strictSame((await database.query('SELECT revision FROM Test ORDER BY revision')).map(row => row['revision']), [1, 2, 3, 4, 5, 6, 7])
      t.match(await catalog(database), new Array(7).fill({ row_count: 1, view_name: 'Test' }))
    })
  })
}

t.test('views on a MariaDB server', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const both = schemasOf([integer, schemaOf({}, { revision: 2 })])

  t.test('an open transaction that has read the view does not hold up rows; the view follows when it ends', async t => {
    const database = await server.database()
    const { ctx, writer } = await openOn(t, { uri: mysqlUri(server, database) }, both)
    await store(writer, [capsuleOf({ n: 1 })])
    const analyst = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
    await analyst.query('START TRANSACTION')
    await analyst.query('SELECT * FROM Test')
    await store(writer, [capsuleOf({}, { revision: 2 })])

    t.strictSame(await server.query('SELECT COUNT(*) AS n FROM Test_2', database), [{ n: 1 }])
    t.strictSame((await server.query('SELECT view_name FROM vanadium_schemas ORDER BY revision', database)).map(row => row['view_name']), ['Test', null])
    t.match(ctx.logged().filter(({ level }) => level === 'warn'), [{ message: /view of a schema is not up to date/, schema: 'Test', reason: /Lock wait timeout/ }])
    await analyst.end()
    await until('the view has both', async () => (await server.query('SELECT * FROM Test', database)).length === 2, 60_000)
  })

  t.test('one consumer at a time makes views, so that the last has seen what all made; rows do not wait', async t => {
    const database = await server.database()
    const { ctx, writer } = await openOn(t, { uri: mysqlUri(server, database) }, both)
    const other = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
    await other.query("SELECT GET_LOCK(CONCAT('vanadium-views-', LEFT(SHA1(DATABASE()), 20)), 0)")
    await store(writer, [capsuleOf({ n: 1 })])

    t.strictSame(await server.query('SELECT row_count, view_name FROM vanadium_schemas', database), [{ row_count: 1, view_name: null }])
    t.match(ctx.logged().filter(({ level }) => level === 'warn'), [{ reason: /another consumer is making views/ }])
    await other.end()
    await until('the view is made', async () => (await server.query('SHOW FULL TABLES', database)).some(row => row['Table_type'] === 'VIEW'), 60_000)
  })

  t.test('an account that may not make views stores its rows, and the log says once what to grant', async t => {
    const database = await server.database()
    await server.query('CREATE USER noviews@localhost')
    await server.query(`GRANT SELECT, INSERT, UPDATE, CREATE, ALTER, INDEX ON ${database}.* TO noviews@localhost`)
    const ctx = testContext({ schemas: both })
    const writer = await openWriter(`mysql://noviews@127.0.0.1:${server.port}/${database}`, ctx)
    t.teardown(async () => {
      await writer.close()
      await ctx.end()
    })
    await store(writer, [capsuleOf({ n: 1 }), capsuleOf({}, { revision: 2 })])

    t.match(await server.query('SELECT row_count, view_name FROM vanadium_schemas ORDER BY revision', database), [{ row_count: 1, view_name: null }, { row_count: 1, view_name: null }])
    const warned = ctx.logged().filter(({ level }) => level === 'warn' || level === 'error')
    t.match(warned, [{ level: 'warn', schema: 'Test', reason: /CREATE VIEW command denied/, advice: /grant CREATE VIEW/ }])
    t.equal(warned.length, 1)
    await server.query(`GRANT CREATE VIEW, SHOW VIEW, DROP ON ${database}.* TO noviews@localhost`)
    await until('the view is made', async () => (await server.query('SELECT view_name FROM vanadium_schemas', database)).every(row => row['view_name'] === 'Test'), 60_000)
  })

  t.test('a union that the server makes but cannot show has no view', async t => {
    const wide = [1, 2, 3, 4].map(revision => schemaOf(Object.fromEntries(Array.from({ length: 780 }, (_, at) => [`r${revision}_${at}`, { type: 'boolean' }])), { name: 'Wide', revision }))
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf(wide) })
    const writer = await openWriter(mysqlUri(server, database), ctx)
    t.teardown(async () => {
      await writer.close()
      await ctx.end()
    })
    await store(writer, wide.map(({ revision }) => capsuleOf({}, { schema: 'Wide', revision })))

    t.strictSame(ctx.letters, [])
    t.match(ctx.logged().filter(({ level }) => level === 'warn'), [{ schema: 'Wide', reason: /too many columns/i }])
    t.ok((await server.query('SELECT revision FROM Wide', database)).length < 4, 'the view is what it was')
  })
})
