import t, { type Test } from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { ConfigError } from '../../lib/errors.js'
import type { Schema } from '../../lib/event/schemas.js'
import type { Writer } from '../../lib/stream/contracts.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { needsMariadb, startMariadb, type Mariadb, type Row } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { batchOf, capsuleOf, checkUri, mysqlUri, openWriter, schemaOf, store } from '../sql/fixtures.js'

t.test('a URI that cannot work is refused with what to write instead', async t => {
  const refused: Array<[string, RegExp]> = [
    ['mysql://me:secret@db/log', /mysql:\/\/me:\*\*\*@db\/log: a password does not belong on a command line.*defaults-file=/],
    ['mysql://db', /the path is missing/], ['mysql://db/', /"\/" is not the name of a database/], ['mysql://db/a/b', /"\/a\/b" is not the name of a database/],
    ['mysql://db/log?charset=utf8', /unknown option "charset"; allowed options: batch-bytes, batch-rows, defaults-file/], ['mysql://db/log?batch-rows=0', /batch-rows.*>= 1/]
  ]
  for (const [uri, message] of refused) t.throws(() => { checkUri(uri) }, { code: 'bad-uri', message }, uri)
  t.doesNotThrow(() => { checkUri('mysql://me@db:3307/log?defaults-file=/etc/mysql/x.cnf&batch-rows=1&batch-bytes=1000') })
})

t.test('a credentials file that is not there ends the start', async t => {
  const ctx = testContext()
  t.teardown(ctx.end)

  await t.rejects(openWriter(`mysql://db/log?defaults-file=${t.testdir({})}/none.cnf`, ctx), ConfigError)
})

t.test('a MariaDB server', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)

  interface Opened { ctx: TestContext, writer: Writer, rows: (table: string) => Promise<Row[]>, database: string }

  async function open (t: Test, schemas: Schema[], options = ''): Promise<Opened> {
    const database = await server.database()
    const ctx = testContext({ schemas: schemasOf(schemas) })
    const writer = await openWriter(mysqlUri(server, database, options), ctx)
    t.teardown(async () => {
      await writer.close()
      await ctx.end()
    })
    return { ctx, writer, database, rows: async table => await server.query(`SELECT * FROM ${table} ORDER BY id`, database) }
  }

  t.test('one bad row among ten thousand costs itself and about log2(10,000) statements', async t => {
    const { ctx, writer, rows, database } = await open(t, [schemaOf({ v: { type: 'string' } })])
    const events = Array.from({ length: 10_000 }, (_, at) => capsuleOf({ v: at === 7213 ? 'much too long' : 'x' }))
    await narrowColumn(writer, database)
    const before = await statements(server)
    await store(writer, events)

    t.equal((await rows('Test_1')).length, 10_000)
    t.match(ctx.letters, [{
      record: /much too long/, error: { code: 'refused-by-store', message: "the database refuses the event: Data too long for column 'event_v'", details: { table: 'Test_1', column: 'event_v' } }
    }])
    t.equal(ctx.letters.length, 1)
    // two statements for the two loads of 5,000, and four more around the bad row
    t.ok(await statements(server) - before <= Math.ceil(Math.log2(10_000)) + 6, 'few statements')
    t.equal(ctx.metrics.count('overall.inserted'), 10_000)
  })

  t.test('where all rows are bad each costs little more than a statement', async t => {
    const { ctx, writer, rows, database } = await open(t, [schemaOf({ v: { type: 'string' } }), schemaOf({}, { name: 'Other' })])
    await narrowColumn(writer, database)
    const before = await statements(server)
    await store(writer, [...Array.from({ length: 1000 }, () => capsuleOf({ v: 'too long' })), capsuleOf({}, { schema: 'Other' }), capsuleOf({ v: 'x' })])

    t.equal(ctx.letters.length, 1000)
    t.equal((await rows('Test_1')).length, 2)
    t.equal((await rows('Other_1')).length, 1)
    t.ok(await statements(server) - before < 1200, 'few statements')
  })

  /** Makes the table, and behind the writer's back a column of it shorter than the writer thinks. */
  async function narrowColumn (writer: Writer, database: string): Promise<void> {
    await store(writer, [capsuleOf({ v: 'first' })])
    await server.query('ALTER TABLE Test_1 MODIFY event_v VARCHAR(5)', database)
  }

  t.test('all tables of a flush are stored together or not at all', async t => {
    const { writer, rows, database } = await open(t, [schemaOf({}, { name: 'A' }), schemaOf({}, { name: 'B' })])
    const events = ['A', 'B'].map(schema => capsuleOf({}, { schema }))
    await store(writer, events)
    const unlock = await lock('B_1', database)
    const stored = store(writer, ['A', 'B'].map(schema => capsuleOf({}, { schema })))
    await until('the writer waits for table B', async () => (await server.query('SHOW PROCESSLIST')).some(({ State }) => /lock/i.test(String(State))))

    t.equal((await rows('A_1')).length, 1)
    await unlock()
    await stored
    t.equal((await rows('A_1')).length, 2)
    t.equal((await rows('B_1')).length, 2)
  })

  t.test('the next load is collected while one is in flight, and the one after it waits', async t => {
    const { writer, rows, database } = await open(t, [schemaOf({})], '?batch-rows=10')
    await store(writer, [capsuleOf({})])
    const unlock = await lock('Test_1', database)
    const ten = (): unknown[] => Array.from({ length: 10 }, () => capsuleOf({}))
    let third = 'waits'
    await writer.write(batchOf(ten()))
    await writer.write(batchOf(ten().slice(1)))
    const last = writer.write(batchOf(ten())).then(() => { third = 'taken' })
    await until('the writer waits for the table', async () => (await server.query('SHOW PROCESSLIST')).some(({ State }) => /lock/i.test(String(State))))

    t.equal(third, 'waits')
    await unlock()
    await last
    await writer.flush()
    t.equal((await rows('Test_1')).length, 30)
  })

  /** Resolves when nobody else can use the table, with what ends that. */
  async function lock (table: string, database: string): Promise<() => Promise<void>> {
    const connection = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
    await connection.query(`LOCK TABLES ${table} WRITE`)
    return async () => { await connection.end() }
  }

  t.test('statements and rows keep to the server\'s max_allowed_packet', async t => {
    const [before] = await server.query('SELECT @@GLOBAL.max_allowed_packet AS bytes')
    await server.query('SET GLOBAL max_allowed_packet = 1048576')
    t.teardown(async () => { await server.query(`SET GLOBAL max_allowed_packet = ${String(before?.['bytes'])}`) })
    const { ctx, writer, rows } = await open(t, [schemaOf({ v: { type: 'string', maxLength: 2_000_000 } })])
    const sizes = [100_000, 300_000, 1_000_000, 1_048_000, 1_100_000, 5, 900_000]
    await store(writer, [...sizes.map(size => capsuleOf({ v: 'x'.repeat(size) })), capsuleOf({ v: '😀'.repeat(260_000) })])

    t.match((await rows('Test_1')).map(row => String(row['event_v']).length), [100_000, 300_000, 1_000_000, 1_048_000, 5, 900_000, 520_000])
    t.match(ctx.letters, [{ error: { code: 'refused-by-store', message: /max_allowed_packet/ } }])
    t.notOk(ctx.logged().some(({ level }) => level === 'warn' || level === 'error'))
  })

  t.test('the server\'s own defaults change nothing', async t => {
    await server.query("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES', GLOBAL time_zone = '-05:00', GLOBAL autocommit = 0")
    t.teardown(async () => { await server.query('SET GLOBAL sql_mode = DEFAULT, GLOBAL time_zone = DEFAULT, GLOBAL autocommit = 1') })
    const { ctx, writer, rows, database } = await open(t, [schemaOf({ v: { type: 'string' }, at: { type: 'string', format: 'date-time' } })])
    await store(writer, [capsuleOf({ v: "\\'", at: '2014-05-21T09:30:01Z' })])
    await server.query('ALTER TABLE Test_1 MODIFY event_v VARCHAR(5)', database)
    await store(writer, [capsuleOf({ v: 'too long' })])

    t.match(await rows('Test_1'), [{ event_v: "\\'", event_at: '2014-05-21 09:30:01' }])
    t.equal(ctx.letters.length, 1)
  })

  t.test('credentials come from a my.cnf file, through a socket too, and may change while it runs', async t => {
    const database = await server.database()
    await server.query("CREATE USER el@localhost IDENTIFIED BY 'first#1'")
    await server.query(`GRANT ALL ON ${database}.* TO el@localhost`)
    const file = join(t.testdir({}), 'my.cnf')
    writeFileSync(file, `[client]\nuser=el\npassword="first#1"\nsocket=${server.socket}\n`, { mode: 0o600 })
    const ctx = testContext({ schemas: schemasOf([schemaOf({})]) })
    const writer = await openWriter(`mysql:///${database}?defaults-file=${file}`, ctx)
    await store(writer, [capsuleOf({})])

    await server.query("SET PASSWORD FOR el@localhost = PASSWORD('second')")
    writeFileSync(file, `[client]\nuser=el\npassword=second\nsocket=${server.socket}\n`)
    await disconnect('el')
    await store(writer, [capsuleOf({})])
    await writer.close()
    await ctx.end()

    t.match(await server.query('SELECT COUNT(*) AS n FROM Test_1', database), [{ n: 2 }])
    t.strictSame(ctx.logged().map(({ message, for: purpose }) => `${String(message)}: ${String(purpose)}`).sort(), ['rows', 'rows', 'tables'].map(purpose => `connected to the database: ${purpose}`), 'an idle connection that is lost is not worth a warning')
    t.notMatch(JSON.stringify(ctx.logged()), /first#1|second"/)
  })

  async function disconnect (user: string): Promise<void> {
    for (const { Id, User } of await server.query('SHOW PROCESSLIST')) if (User === user) await server.query(`KILL ${String(Id)}`)
    await until('the connection is gone', async () => !(await server.query('SHOW PROCESSLIST')).some(({ User }) => User === user))
  }

  t.test('tables are InnoDB, utf8mb4, commented, with an index on uuid, timestamp and date-times', async t => {
    const { writer, database } = await open(t, [schemaOf({ at: { type: 'string', format: 'date-time', description: 'when it\'s done' } })])
    await store(writer, [capsuleOf({})])

    t.match(await server.query(`SELECT ENGINE, TABLE_COLLATION, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${database}' AND TABLE_NAME = 'Test_1'`), [{ ENGINE: 'InnoDB', TABLE_COLLATION: 'utf8mb4_bin', TABLE_COMMENT: 'Test/1' }])
    t.match((await server.query('SHOW INDEX FROM Test_1', database)).map(({ Column_name: name, Non_unique: many }) => [name, many]), [['id', 0], ['uuid', 0], ['timestamp', 1], ['event_at', 1], ['wiki', 1], ['timestamp', 1]])
    t.match((await server.query('SHOW FULL COLUMNS FROM Test_1', database)).find(({ Field }) => Field === 'event_at'), { Type: 'datetime', Null: 'YES', Comment: 'when it\'s done' })
  })
})

/** INSERT statements that the server has been sent so far. */
async function statements (server: Mariadb): Promise<number> {
  const [row] = await server.query("SHOW GLOBAL STATUS LIKE 'Com_insert'")
  return Number(row?.['Value'])
}
