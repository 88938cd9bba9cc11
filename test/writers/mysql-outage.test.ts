import t, { type Test } from 'tap'
import mysql from 'mysql2/promise'
import { StreamError } from '../../lib/errors.js'
import type { Writer } from '../../lib/stream/contracts.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { needsMariadb, startMariadb, type Mariadb } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { batchOf, capsuleOf, mysqlUri, openWriter, schemaOf, store } from '../sql/fixtures.js'

interface Opened {
  readonly ctx: TestContext
  readonly writer: Writer
}

async function open (t: Test, uri: string): Promise<Opened> {
  const ctx = testContext({ schemas: schemasOf([schemaOf({ n: { type: 'integer' } })]) })
  const writer = await openWriter(uri, ctx)
  t.teardown(async () => {
    await writer.close().catch(() => {})
    await ctx.end()
  })
  return { ctx, writer }
}

async function numbers (server: Mariadb, database: string): Promise<number[]> {
  return (await server.query('SELECT event_n FROM Test_1 ORDER BY id', database)).map(row => Number(row['event_n']))
}

/** Resolves with the first line of the log that has these fields. */
async function logged (ctx: TestContext, fields: Record<string, unknown>): Promise<Record<string, unknown>> {
  return await until(`the log has ${JSON.stringify(fields)}`, () => ctx.logged().find(line => Object.entries(fields).every(([name, value]) => line[name] === value)))
}

const waiting = { level: 'warn', message: 'waiting for the store' }
const mustAct = { level: 'error', message: 'the store refuses; it is tried again until somebody has corrected that' }
const isBack = { level: 'info', message: 'the store is back' }

t.test('outages of MariaDB', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)

  t.test('a database that is away at the start is waited for, aloud, and gets every row when it comes', async t => {
    const database = await server.database()
    await server.halt()
    const { ctx, writer } = await open(t, mysqlUri(server, database))
    const line = await logged(ctx, waiting)
    t.match(line, { store: `mysql://root@127.0.0.1:${server.port}/${database}`, since: /^\d{4}-/, rows: 0, reason: /ECONNREFUSED/ })

    const stored = store(writer, [1, 2, 3].map(n => capsuleOf({ n })))
    await server.restart()
    await stored

    t.strictSame(await numbers(server, database), [1, 2, 3])
    t.ok(await logged(ctx, isBack))
  })

  t.test('rows written while the server is killed, and killed again, are all there once, in order', async t => {
    const database = await server.database()
    const { ctx, writer } = await open(t, `${mysqlUri(server, database)}?batch-rows=200`)
    let next = 0
    let ended = false
    const writing = (async () => {
      while (!ended) {
        await writer.write(batchOf(Array.from({ length: 100 }, () => capsuleOf({ n: next++ }))))
        if (next % 1000 === 0) await writer.flush()
      }
      await writer.flush()
    })()
    for (let kill = 0; kill < 4; kill++) {
      const before = next
      await until('rows flow', () => next > before + 2000)
      await server.kill()
      await server.restart()
    }
    ended = true
    await writing

    t.strictSame(await numbers(server, database), Array.from({ length: next }, (_, n) => n))
    t.strictSame(ctx.letters, [])
    t.ok(next > 8000)
    // what was committed but not acknowledged is met again as a duplicate
    t.equal(ctx.metrics.count('overall.inserted') + ctx.metrics.count('duplicate'), next)
  })

  t.test('while the database is away no more than two loads and a batch are taken', async t => {
    const database = await server.database()
    const { ctx, writer } = await open(t, `${mysqlUri(server, database)}?batch-rows=20`)
    await store(writer, [capsuleOf({ n: 0 })])
    await server.kill()
    let taken = 0
    const writing = (async () => {
      for (let n = 1; n <= 100; n++) {
        await writer.write(batchOf([capsuleOf({ n })]))
        taken++
      }
      await writer.flush()
    })()
    const line = await until('the log counts all rows that wait', () => ctx.logged().find(line => line['message'] === waiting.message && Number(line['rows']) === 40))

    t.match(line, { level: 'warn' })
    t.equal(taken, 39)
    await server.restart()
    await writing
    t.equal((await numbers(server, database)).length, 101)
  })

  t.test('a stop while the database is away waits ten seconds, then says how much is lost', async t => {
    const database = await server.database()
    const { ctx, writer } = await open(t, mysqlUri(server, database))
    await store(writer, [capsuleOf({ n: 0 })])
    await server.kill()
    t.teardown(async () => { await server.restart() })
    const flushed = store(writer, [1, 2, 3].map(n => capsuleOf({ n })))
    await logged(ctx, waiting)
    const before = Date.now()
    ctx.abort()

    await t.rejects(flushed, StreamError)
    t.ok(Date.now() - before > 9_000 && Date.now() - before < 13_000)
    t.match(await logged(ctx, { level: 'error', message: 'rows were not stored' }), { rows: 3 })
    await t.rejects(writer.flush(), StreamError)
    await t.rejects(writer.write(batchOf([capsuleOf({ n: 4 })])), StreamError)
    await t.resolves(writer.close())
  })
})

t.test('a MariaDB that refuses', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)

  t.test('a statement that hangs does not hold up the stop for ever', async t => {
    const database = await server.database()
    const { ctx, writer } = await open(t, mysqlUri(server, database))
    await store(writer, [capsuleOf({ n: 0 })])
    const connection = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
    t.teardown(async () => { await connection.end() })
    await connection.query('LOCK TABLES Test_1 WRITE')
    const flushed = store(writer, [capsuleOf({ n: 1 })])
    ctx.abort()

    await t.rejects(flushed, StreamError)
    t.match(await logged(ctx, { level: 'error', message: 'rows were not stored' }), { rows: 1 })
  })

  t.test('a refused password, a missing database and missing rights are errors, waited for until they are corrected', async t => {
    await server.query("CREATE USER el@localhost IDENTIFIED BY 'unknown'")
    const uri = `mysql://el@127.0.0.1:${server.port}/later`
    const { ctx, writer } = await open(t, uri)
    const stored = store(writer, [capsuleOf({ n: 1 })])

    t.match(await logged(ctx, mustAct), { reason: /Access denied/, store: uri })
    await server.query("SET PASSWORD FOR el@localhost = PASSWORD('')")
    await server.query('GRANT SELECT ON *.* TO el@localhost')
    await until('the database is missed', () => ctx.logged().some(line => /Unknown database/.test(String(line['reason']))))
    await server.query('CREATE DATABASE later')
    await until('rights are missed', () => ctx.logged().some(line => /CREATE command denied/.test(String(line['reason']))))
    await server.query('GRANT ALL ON later.* TO el@localhost')
    await stored

    t.strictSame(await numbers(server, 'later'), [1])
    t.ok(await logged(ctx, isBack))
  })

  t.test('a read-only server is not written to, even by an account that could', async t => {
    const database = await server.database()
    await server.query('SET GLOBAL read_only = 1')
    t.teardown(async () => { await server.query('SET GLOBAL read_only = 0') })
    const { ctx, writer } = await open(t, mysqlUri(server, database))
    const stored = store(writer, [capsuleOf({ n: 1 })])

    t.match(await logged(ctx, waiting), { reason: /read-only/ })
    t.strictSame(await server.query('SHOW TABLES', database), [])
    await server.query('SET GLOBAL read_only = 0')
    await stored
    t.strictSame(await numbers(server, database), [1])
  })
})
