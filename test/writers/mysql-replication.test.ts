import t, { type Test } from 'tap'
import { randomUUID } from 'node:crypto'
import type { JsonSchema, SchemaRepository } from '../../lib/event/schemas.js'
import { schemasOf, type TestContext } from '../helpers/context.js'
import { needsMariadb, type Mariadb } from '../helpers/mariadb.js'
import { contents, startPrimary, startReplica } from '../helpers/replica.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, mysqlUri, schemaOf, store } from '../sql/fixtures.js'
import { openOn } from '../sql/stores.js'

const a = schemaOf({ n: { type: 'integer' }, text: { type: 'string' }, at: { type: 'string', format: 'date-time' }, x: { type: 'number' } }, { name: 'A' })
const wider = schemaOf({ ...a.modern['properties'] as Record<string, JsonSchema>, more: { type: 'array' }, since: { type: 'string', format: 'date-time' } }, { name: 'A' })
const b = schemaOf({ id: { type: 'string', format: 'uuid5-hex' }, deep: { type: 'object', properties: { flag: { type: 'boolean' } } } }, { name: 'B' })
const meta = schemaOf({ meta: { type: 'object', properties: { id: { type: 'string' }, dt: { type: 'string', format: 'date-time' }, schema_uri: { type: 'string' } } }, n: { type: 'integer' } }, { name: 'm', style: 'meta' })
const late = schemaOf({ n: { type: 'integer' } }, { name: 'Late', revision: 7 })

const ofA = (n: number): Record<string, unknown> => capsuleOf({ n, text: `${n}: 'ä\\😀\0"`, at: '2014-05-21T09:30:01+02:00', x: n / 3 }, { schema: 'A' })
const ofMeta = (n: number): object => ({ meta: { id: randomUUID(), dt: '2016-01-02T03:04:05Z', schema_uri: 'm/1' }, n })

/** Tables that are made and altered, duplicates within a transaction and later, a value that is refused, two writers at the same time. */
async function writeAll (t: Test, server: Mariadb, database: string): Promise<void> {
  let schemas = schemasOf([a, b, meta])
  const changing: SchemaRepository = { ...schemas, find: (name, revision) => schemas.find(name, revision), list: () => schemas.list() }
  const { writer, ctx } = await openOn(t, { uri: mysqlUri(server, database, '?batch-rows=50') }, changing)
  const { writer: other } = await openOn(t, { uri: mysqlUri(server, database, '?batch-rows=30') }, changing)
  const first = Array.from({ length: 120 }, (_, n) => ofA(n))
  const twice = { uuid: '0123456789abcdef'.repeat(2) }
  await store(writer, [...first, ...first.slice(50, 70), capsuleOf({ id: 'f'.repeat(32), deep: { flag: true } }, { schema: 'B', ...twice }), capsuleOf({}, { schema: 'B', ...twice }), ofMeta(1), ofMeta(2)])
  await server.query('ALTER TABLE A_1 MODIFY event_text VARCHAR(12)', database)
  await store(writer, [...Array.from({ length: 20 }, (_, n) => ofA(n + 200)), capsuleOf({ text: 'much too long for that' }, { schema: 'A' }), capsuleOf({ id: 'f'.repeat(32) }, { schema: 'B' }), ofA(300)])
  schemas = schemasOf([wider, b, meta, late])
  const both = Array.from({ length: 200 }, (_, n) => n % 3 === 0 ? capsuleOf({ n, more: [n, 'x'], since: '2014-05-21T09:30:01Z' }, { schema: 'A' }) : n % 3 === 1 ? capsuleOf({ n }, { schema: 'Late', revision: 7 }) : ofMeta(n))
  await Promise.all([store(writer, both), store(other, both.toReversed()).then(async () => { await store(other, first) })])

  t.match(ctx.letters.map(({ error }) => error.message), [/Data too long for column 'event_text'/, /same value in a column whose values are unique \(event_id\)/])
  t.equal(ctx.letters.length, 2)
}

for (const format of ['ROW', 'MIXED'] as const) {
  t.test(`a replica of a server whose binary log is ${format}`, { skip: needsMariadb }, async t => {
    const primary = await startPrimary(format)
    t.teardown(primary.stop)
    const replica = await startReplica(primary, ['--read-only'])
    t.teardown(replica.stop)

    t.test('has the same tables with the same rows, ids and all', async t => {
      const database = await primary.database()
      await writeAll(t, primary, database)
      await replica.caughtUp()

      const here = await contents(primary, database)
      t.strictSame(await contents(replica, database), here)
      t.match(Object.fromEntries(Object.entries(here).map(([table, { rows }]) => [table, rows.length])), { A_1: 208, B_1: 1, Late_7: 67 })
    })

    t.test('goes on when a schema has more fields than a replica would take', async t => {
      const database = await primary.database()
      const wide = schemaOf(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`f${n}`, { type: 'string' }])), { name: 'Wide' })
      const { writer, ctx } = await openOn(t, { uri: mysqlUri(primary, database) }, schemasOf([wide, late]))
      const ofWide = capsuleOf({ f0: 'x' }, { schema: 'Wide' })
      const ofLate = (): object => capsuleOf({ n: 1 }, { schema: 'Late', revision: 7 })
      await store(writer, [ofWide, ofLate()])

      t.match(ctx.letters, [{ error: { code: 'refused-by-store', message: /Row size too large.*give the schema fewer fields, or set innodb_strict_mode=OFF on the server and all its replicas/ } }])
      await replica.caughtUp()
      t.strictSame(Object.keys(await contents(replica, database)), ['Late', 'Late_7', 'vanadium_schemas'])

      for (const server of [primary, replica]) await server.query('SET GLOBAL innodb_strict_mode = OFF')
      for (const statement of ['STOP SLAVE', 'START SLAVE']) await replica.query(statement)
      const { writer: next, ctx: nextCtx } = await openOn(t, { uri: mysqlUri(primary, database) }, schemasOf([wide, late]))
      await store(next, [ofWide, ofLate()])
      t.strictSame(nextCtx.letters, [])
      await replica.caughtUp()
      t.strictSame(await contents(replica, database), await contents(primary, database))
    })

    t.test('is not written to', async t => {
      const database = await primary.database()
      await replica.caughtUp()
      const { writer, ctx } = await openOn(t, { uri: mysqlUri(replica, database) }, schemasOf([late]))
      const stored = store(writer, [capsuleOf({ n: 1 }, { schema: 'Late', revision: 7 })])
      const line = await firstLogged(ctx, 'waiting for the store')
      t.match(line, { level: 'warn', reason: /the server is read-only/ })
      t.strictSame(await contents(replica, database), {})

      // it is promoted
      for (const statement of ['STOP SLAVE', 'SET GLOBAL read_only = 0']) await replica.query(statement)
      await stored
      t.match(await replica.query('SELECT event_n FROM Late_7', database), [{ event_n: 1 }])
    })
  })
}

/** The first line of the log with that message, past or future. */
async function firstLogged (ctx: TestContext, message: string): Promise<Record<string, unknown>> {
  return await until(`the log says "${message}"`, () => ctx.logged().find(line => line['message'] === message))
}
