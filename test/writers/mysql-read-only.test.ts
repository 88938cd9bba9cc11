import t, { type Test } from 'tap'
import type { Writer } from '../../lib/stream/contracts.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { batchOf, capsuleOf, openWriter, schemaOf, store } from '../sql/fixtures.js'

const waiting = 'waiting for the store'

t.test('a server that becomes read-only while it is written to', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  await server.query("CREATE USER ordinary@'localhost'")
  await server.query("GRANT SELECT, INSERT, UPDATE, CREATE, ALTER ON *.* TO ordinary@'localhost'")

  interface Opened { writer: Writer, ctx: TestContext, database: string }

  async function open (t: Test, user: string): Promise<Opened> {
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf([schemaOf({ n: { type: 'integer' } }), schemaOf({}, { name: 'New' })]) })
    const writer = await openWriter(`mysql://${user}@127.0.0.1:${server.port}/${database}?batch-rows=100`, ctx)
    t.teardown(async () => {
      await writer.close()
      await ctx.end()
    })
    return { writer, ctx, database }
  }

  async function readOnly (on: 0 | 1): Promise<void> {
    await server.query(`SET GLOBAL read_only = ${on}`)
  }

  async function numbers (database: string): Promise<number[]> {
    return (await server.query('SELECT event_n FROM Test_1 ORDER BY id', database)).map(row => Number(row['event_n']))
  }

  /** Resolves with the reasons when the log has said so many times that it waits. */
  async function waited (ctx: TestContext, times: number): Promise<unknown[]> {
    return await until(`the log says ${times} times that it waits`, () => {
      const lines = ctx.logged().filter(({ message }) => message === waiting)
      return lines.length >= times ? lines.map(({ reason }) => reason) : null
    })
  }

  for (const user of ['root', 'ordinary']) {
    t.test(`gets nothing from ${user} until it takes writes again, and then all, once, in order`, async t => {
      const { writer, ctx, database } = await open(t, user)
      await store(writer, [capsuleOf({ n: 0 })])
      let next = 1
      let ended = false
      t.teardown(async () => {
        ended = true
        await readOnly(0)
      })
      const writing = (async () => {
        while (!ended) await writer.write(batchOf(Array.from({ length: 50 }, () => capsuleOf({ n: next++ }))))
        await writer.flush()
      })()
      for (let round = 0; round < 2; round++) {
        const before = next
        await until('rows flow', () => next > before + 500)
        const lines = ctx.logged().filter(({ message }) => message === waiting).length
        await readOnly(1)
        const reasons = await waited(ctx, lines + 1)
        t.match(reasons[lines], /read-only/)
        const stored = (await numbers(database)).length
        t.match((await waited(ctx, lines + 3)).at(-1), /^the server is read-only; nothing is written until it is not/)
        t.equal((await numbers(database)).length, stored, 'nothing is written meanwhile')
        await readOnly(0)
      }
      await until('the store is back', () => ctx.logged().filter(({ message }) => message === 'the store is back').length === 2)
      ended = true
      await writing

      t.strictSame(await numbers(database), Array.from({ length: next }, (_, n) => n))
      t.strictSame(ctx.letters, [])
      t.equal(ctx.metrics.count('overall.inserted'), next)
      t.equal(ctx.metrics.count('duplicate'), 0)
    })

    t.test(`gets no table from ${user} either`, async t => {
      const { writer, ctx, database } = await open(t, user)
      await store(writer, [capsuleOf({ n: 0 })])
      await readOnly(1)
      t.teardown(async () => { await readOnly(0) })
      const stored = store(writer, [capsuleOf({}, { schema: 'New' }), capsuleOf({ n: 1 })])
      t.match((await waited(ctx, 2))[0], /read-only/)
      t.equal((await server.query("SHOW TABLES LIKE 'New_1'", database)).length, 0)
      await readOnly(0)
      await stored

      t.equal((await server.query('SELECT * FROM New_1', database)).length, 1)
      t.strictSame(await numbers(database), [0, 1])
    })
  }
})
