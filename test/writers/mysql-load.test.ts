import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { JsonSchema } from '../../lib/event/schemas.js'
import type { Writer } from '../../lib/stream/contracts.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { needsMariadb, startMariadb, type Row } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, mysqlUri, openWriter, schemaOf, store } from '../sql/fixtures.js'

t.test('rows that come by LOAD DATA LOCAL', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)

  interface Opened {
    readonly ctx: TestContext
    readonly writer: Writer
    readonly rows: () => Promise<Row[]>
    /** Of the table. */
    readonly alter: (change: string) => Promise<unknown>
  }

  async function open (t: Test, field: JsonSchema, port = server.port): Promise<Opened> {
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf([schemaOf({ v: field, hash: { type: 'string' } })]) })
    const writer = await openWriter(mysqlUri({ ...server, port }, database), ctx)
    t.teardown(async () => {
      await writer.close().catch(() => {})
      await ctx.end()
    })
    return {
      ctx,
      writer,
      rows: async () => await server.query('SELECT * FROM Test_1 ORDER BY id', database),
      alter: async change => await server.query(`ALTER TABLE Test_1 ${change}`, database)
    }
  }

  /** How many statements of that kind the server was sent. */
  async function count (kind: 'load' | 'insert'): Promise<number> {
    return Number((await server.query(`SHOW GLOBAL STATUS LIKE 'Com_${kind}'`))[0]?.['Value'])
  }

  const numbers = (length: number, from = 0): unknown[] => Array.from({ length }, (_, n) => capsuleOf({ v: from + n }))
  const integer = { type: 'integer' }

  t.test('many rows are one LOAD, a few are one INSERT; the log says once how rows come', async t => {
    const { ctx, writer, rows } = await open(t, integer)
    await store(writer, numbers(1))
    const before = [await count('load'), await count('insert')]
    await store(writer, numbers(1000, 1))
    await store(writer, numbers(10, 1001))

    // each transaction has one INSERT more, into vanadium_schemas
    t.strictSame([await count('load') - (before[0] ?? 0), await count('insert') - (before[1] ?? 0)], [1, 3])
    t.strictSame((await rows()).map(row => row['event_v']), Array.from({ length: 1011 }, (_, n) => n))
    t.strictSame(ctx.logged().filter(line => 'rows_by' in line).map(line => line['rows_by']), ['LOAD DATA LOCAL'])
  })

  t.test('a back-fill of nothing but duplicates needs no INSERT', async t => {
    const { ctx, writer, rows } = await open(t, integer)
    const events = numbers(6000)
    await store(writer, events)
    const before = await count('insert')
    await store(writer, [...events, ...numbers(1, 6000), ...events.slice(0, 100)])

    t.equal(await count('insert'), before + 1, 'into vanadium_schemas')
    t.equal((await rows()).length, 6001)
    t.equal(ctx.metrics.count('duplicate'), 6100)
    t.equal(ctx.metrics.count('overall.inserted'), 6001)
    t.strictSame(ctx.letters, [])
  })

  t.test('what LOCAL would change or leave out silently is refused, duplicates among it are still duplicates', async t => {
    const changes = {
      'a number beyond its column': ['MODIFY event_v TINYINT', 1264],
      'a row that a CHECK forbids': ['ADD CONSTRAINT small CHECK (event_v < 200)', 4025],
      'null where the table takes none': ['MODIFY event_v INT NOT NULL', 1048]
    } as const
    for (const [name, [change, number]] of Object.entries(changes)) {
      const { ctx, writer, rows, alter } = await open(t, integer)
      const first = numbers(100)
      await store(writer, first)
      await alter(change)
      const bad = capsuleOf({ v: number === 1048 ? null : 1000 })
      await store(writer, [...first.slice(0, 30), ...numbers(20), bad, ...first.slice(50, 60), ...numbers(20)])

      t.match(ctx.letters, [{ record: JSON.stringify(bad), error: { code: 'refused-by-store', details: { sql_error: number } } }], name)
      t.equal((await rows()).length, 100 + 40, name)
      t.equal(ctx.metrics.count('duplicate'), 40, name)
    }
  })

  t.test('a value that must be unique by an index of somebody else is looked at row by row', async t => {
    const { ctx, writer, rows, alter } = await open(t, integer)
    const first = numbers(100)
    await store(writer, first)
    await alter('ADD UNIQUE KEY other (event_hash)')
    const before = await count('insert')
    await store(writer, [...first, capsuleOf({ v: 100, hash: 'a' }), capsuleOf({ v: 101, hash: 'a' })])

    t.ok(await count('insert') > before)
    t.equal((await rows()).length, 101)
    t.equal(ctx.metrics.count('duplicate') + ctx.letters.length, 101)
  })

  t.test('rows of several tables are together in a transaction, whatever becomes of one', async t => {
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf(['A', 'B', 'C'].map(name => schemaOf({ v: integer }, { name }))) })
    const writer = await openWriter(mysqlUri(server, database), ctx)
    t.teardown(async () => {
      await writer.close()
      await ctx.end()
    })
    const of = (schema: string, v = 1): unknown[] => Array.from({ length: 60 }, () => capsuleOf({ v }, { schema }))
    await store(writer, ['A', 'B', 'C'].flatMap(name => of(name)))
    for (const name of ['A', 'B']) await server.query(`ALTER TABLE ${name}_1 MODIFY event_v TINYINT`, database)
    await store(writer, [...of('A'), capsuleOf({ v: 1000 }, { schema: 'A' }), ...of('C'), ...of('B'), capsuleOf({ v: 1000 }, { schema: 'B' })])

    for (const name of ['A', 'B', 'C']) t.match(await server.query(`SELECT COUNT(*) AS n FROM ${name}_1`, database), [{ n: 120 }], name)
    t.equal(ctx.letters.length, 2)
  })

  t.test('packets keep to the server\'s max_allowed_packet', async t => {
    await server.query('SET GLOBAL max_allowed_packet = 1048576')
    t.teardown(async () => { await server.query('SET GLOBAL max_allowed_packet = DEFAULT') })
    const { ctx, writer, rows } = await open(t, { type: 'string', maxLength: 2_000_000 })
    const texts = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? '日' : 'x').repeat(60_000 + n))
    const before = await count('load')
    await store(writer, texts.map(v => capsuleOf({ v })))
    t.ok(await count('load') > before)
    await store(writer, [...texts, 'x'.repeat(1_100_000), 'x'.repeat(1_000_000)].map(v => capsuleOf({ v })))

    t.strictSame((await rows()).map(row => String(row['event_v']).length), [...texts, ...texts, 'x'.repeat(1_000_000)].map(text => text.length))
    t.match(ctx.letters, [{ error: { code: 'refused-by-store', message: /max_allowed_packet/ } }])
    t.notOk(ctx.logged().some(({ level }) => level === 'warn' || level === 'error'))
  })

  t.test('a server that takes it no more gets INSERTs', async t => {
    t.teardown(async () => { await server.query('SET GLOBAL local_infile = ON') })
    const { ctx, writer, rows } = await open(t, integer)
    await store(writer, numbers(100))
    await server.query('SET GLOBAL local_infile = OFF')
    await store(writer, numbers(100, 100))
    await store(writer, numbers(100, 200))

    t.strictSame((await rows()).map(row => row['event_v']), Array.from({ length: 300 }, (_, n) => n))
    t.match(ctx.logged().filter(({ level }) => level !== 'info'), [{ level: 'warn', message: 'the database takes no LOAD DATA LOCAL any more; rows come by INSERT', reason: /local infile/ }])
    const other = await open(t, integer)
    await store(other.writer, numbers(100))
    t.match(other.ctx.logged().filter(line => 'rows_by' in line), [{ message: 'connected to the database', rows_by: 'INSERT', reason: 'local_infile is OFF on the server' }])
  })

  // an attack known for clients that send whatever file they are asked for
  for (const [name, isTarget] of [['a query', () => true], ['a LOAD', sql => sql.includes('LOAD DATA')]] as const satisfies ReadonlyArray<[string, (sql: string) => boolean]>) {
    t.test(`a server that answers ${name} by asking for a file gets nothing`, async t => {
      const secret = join(t.testdir({}), 'secret')
      writeFileSync(secret, 'the secret')
      const proxy = await askingProxy(t, server.port, secret, isTarget)
      const { ctx, writer } = await open(t, integer, proxy.port)
      const stored = store(writer, numbers(100))
      t.match(await until('the log says so', () => ctx.logged().find(({ level }) => level === 'error')), { reason: /asks for the file ".*secret"/ })
      proxy.behave()
      await stored

      t.equal(ctx.metrics.count('overall.inserted'), 100)
      t.strictSame(proxy.answers, [])
    })
  }
})

interface AskingProxy {
  readonly port: number
  /** What clients sent after they were asked. */
  readonly answers: Buffer[]
  /** From now on it only passes on. */
  behave (): void
}

/** Between a client and a server; asks for the file instead of passing on such a statement. */
async function askingProxy (t: Test, port: number, file: string, isTarget: (sql: string) => boolean): Promise<AskingProxy> {
  const answers: Buffer[] = []
  let asks = true
  const proxy = createServer(client => {
    const server = connect(port, '127.0.0.1')
    let asked = false
    client.on('data', bytes => {
      if (asked) answers.push(bytes)
      // a packet: three bytes of length, its number, then the command: 3 is a query
      else if (asks && bytes[3] === 0 && bytes[4] === 3 && isTarget(bytes.toString())) {
        asked = true
        const request = Buffer.from(`\0\0\0\x01\xfb${file}`, 'latin1')
        request[0] = request.length - 4
        client.write(request)
        server.destroy()
      } else server.write(bytes)
    })
    server.on('data', bytes => { if (!asked) client.write(bytes) })
    for (const [one, other] of [[client, server], [server, client]] as const) {
      one.on('error', () => {})
      one.on('close', () => { if (one === client || !asked) other.destroy() })
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => { proxy.close() })
  return { port: (proxy.address() as AddressInfo).port, answers, behave () { asks = false } }
}
