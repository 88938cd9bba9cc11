import { join } from 'node:path'
import Database from 'better-sqlite3'
import mysql from 'mysql2/promise'
import t, { type Test } from 'tap'
import type { SchemaRepository } from '../../lib/event/schemas.js'
import { planTable } from '../../lib/sql/columns.js'
import { mysqlIndexes } from '../../lib/sql/mysql/indexes.js'
import { Session } from '../../lib/sql/mysql/session.js'
import { arrival, batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { openState } from '../../lib/stream/state.js'
import { parseUri } from '../../lib/stream/uri.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { needsMariadb, startMariadb, type Mariadb, type Row } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { batchOf, capsuleOf, changing, mysqlUri, openWriter, schemaOf, store } from '../sql/fixtures.js'
import { openOn } from '../sql/stores.js'

const integer = { type: 'integer' }
const other = schemaOf({ n: integer }, { name: 'Other' })
const before = [schemaOf({ a: integer }), other] as const
const after = [schemaOf({ a: integer, b: integer }), other] as const

t.test('tables that are altered while rows flow', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)

  t.test('while somebody\'s transaction holds up one table the rows of others flow; its own follow in order', async t => {
    const { database, rows } = await databaseOf(server)
    const schemas = changing(...before)
    const { writer, ctx } = await openOn(t, { uri: mysqlUri(server, database) }, schemas)
    await store(writer, [capsuleOf({ a: 1 }), capsuleOf({ n: 1 }, { schema: 'Other' })])
    const end = await hold(t, server, database, 'Test_1')
    schemas.set(...after)
    for (const n of [2, 3, 4]) {
      await writer.write(batchOf([capsuleOf({ a: n, b: n }), capsuleOf({ n }, { schema: 'Other' })]))
      t.equal(await writer.settle?.(), false)
    }

    t.match((await rows('Other_1')).map(({ event_n: n }) => n), [1, 2, 3, 4])
    t.match((await rows('Test_1')).map(({ event_a: a }) => a), [1])
    const line = await until('the log tells whom it waits for', () => ctx.logged().find(({ level }) => level === 'warn'))
    t.match(line, { message: 'waiting for the store', rows: 3, reason: /table Test_1 cannot be altered while a transaction of somebody else uses it/ })
    await end()
    await writer.flush()
    t.match(await rows('Test_1'), [1, 2, 3, 4].map(n => ({ event_a: n, event_b: n === 1 ? null : n })))
    t.strictSame(ctx.letters, [])
  })

  // seen to fail when a load that is not whole stores positions
  t.test('a consumer that is killed meanwhile goes on before the first row that waited; none is missed, none twice, the books balance', async t => {
    const { database, rows } = await databaseOf(server)
    const [directory, schemas] = [t.testdir(), changing(...before)]
    const uri = mysqlUri(server, database)
    const first = await openWithState(t, directory, uri, schemas)
    await first.write('1', [{ a: 1 }, { n: 1 }])
    await first.writer.flush()
    await first.save('1')
    const end = await hold(t, server, database, 'Test_1')
    schemas.set(...after)
    await first.write('2', [{ a: 2, b: 2 }, { n: 2 }])
    await first.writer.settle?.()
    await first.write('3', [{ n: 3 }])
    await first.writer.settle?.()
    first.kill()
    await end()

    const second = await openWithState(t, directory, uri, schemas)
    const resumed = second.ctx.state.position('source')
    await second.write('2', [{ a: 2, b: 2 }, { n: 2 }])
    await second.write('3', [{ n: 3 }])
    await second.writer.flush()
    await second.save('3')
    second.kill()

    t.equal(resumed, '1')
    t.match((await rows('Other_1')).map(({ event_n: n }) => n), [1, 2, 3])
    t.match((await rows('Test_1')).map(({ event_a: a }) => a), [1, 2])
    t.strictSame(booksOf(directory), [
      { side: 'input', fate: 'taken', schema: '-', count: 5 },
      { side: 'output', fate: 'duplicate', schema: 'Other', count: 2 },
      { side: 'output', fate: 'passed', schema: 'Other', count: 1 },
      { side: 'output', fate: 'passed', schema: 'Test', count: 2 }
    ])
  })

  // seen to fail when a change of a table waits as long as the server lets it, which is a day: nothing was logged
  t.test('a column that somebody dropped is made again aloud, while a transaction holds its table', async t => {
    const { database, rows } = await databaseOf(server)
    const { writer, ctx } = await openOn(t, { uri: mysqlUri(server, database) }, changing(schemaOf({ a: integer })))
    await store(writer, [capsuleOf({ a: 1 })])
    await server.query('ALTER TABLE Test_1 DROP COLUMN event_a', database)
    const end = await hold(t, server, database, 'Test_1')
    const stored = store(writer, [capsuleOf({ a: 2 })])

    const line = await until('the log tells whom it waits for', () => ctx.logged().find(({ level }) => level === 'warn'))
    t.match(line, { message: 'waiting for the store', reason: /table Test_1 cannot be altered/ })
    await end()
    await stored
    t.match((await rows('Test_1')).map(({ event_a: a }) => a), [null, 2])
  })

  t.test('a column that cannot be made again costs the rows of its table only', async t => {
    const { database, rows } = await databaseOf(server)
    const { writer, ctx } = await openOn(t, { uri: mysqlUri(server, database) }, changing(...before))
    await store(writer, [capsuleOf({ a: 1 }), capsuleOf({ n: 1 }, { schema: 'Other' })])
    await server.query(`ALTER TABLE Test_1 DROP COLUMN event_a, ${Array.from({ length: 1009 }, (_, at) => `ADD COLUMN c${at} TINYINT`).join(', ')}`, database)
    await store(writer, [capsuleOf({ a: 2 }), capsuleOf({ n: 2 }, { schema: 'Other' })])

    t.match((await rows('Other_1')).map(({ event_n: n }) => n), [1, 2])
    t.match(ctx.letters, [{ record: /"a":2/, error: { code: 'refused-by-store', message: /table Test_1 cannot be made/ } }])
  })

  // seen to fail when a column that has no room refuses the table, and when those beside it are not tried
  t.test('a table with no room for a column takes what has no value for it; what has one is refused, so that no row weighs too little', async t => {
    const { database, rows } = await databaseOf(server)
    const uri = mysqlUri(server, database)
    const first = await openOn(t, { uri }, changing(...before))
    await store(first.writer, [capsuleOf({ a: 1 })])
    // a table of an older version, whose row is full but for four bytes
    await server.query('DROP VIEW Test', database)
    await server.query('ALTER TABLE Test_1 DROP COLUMN samplingRate', database)
    await fill(server, database, 'Test_1', 4)

    const { writer, ctx } = await openOn(t, { uri }, changing(schemaOf({ a: integer, flag: { type: 'boolean' } }), other))
    await store(writer, [capsuleOf({ a: 2, flag: true }), capsuleOf({ a: 3 }, { samplingRate: 0.1 }), capsuleOf({ a: 4 }), capsuleOf({ n: 1 }, { schema: 'Other', samplingRate: 0.1 })])

    t.match((await rows('Test_1')).map(({ event_a: a, event_flag: flag }) => [a, flag]), [[1, null], [2, 1], [4, null]])
    t.match(await rows('Other_1'), [{ samplingRate: 0.1 }])
    t.match(ctx.letters, [{ record: /"a":3/, error: { code: 'refused-by-store', message: /a value for column samplingRate, which the table cannot be given: .*Row size too large.*MEDIUMTEXT/, details: { column: 'samplingRate' } } }])
    t.match(ctx.logged().filter(({ level }) => level === 'error'), [{ message: 'a table cannot be given a column; events that have a value for it go to the dead letters', table: 'Test_1', column: 'samplingRate' }])
    t.match(await server.query('SELECT weight FROM Test', database), [{ weight: 1 }, { weight: 1 }, { weight: 1 }])

    await writer.close()
    await server.query('ALTER TABLE Test_1 MODIFY filler_0 MEDIUMTEXT', database)
    const later = await openOn(t, { uri }, changing(...before))
    await store(later.writer, [capsuleOf({ a: 3 }, { samplingRate: 0.1 })])
    t.match((await rows('Test_1')).at(-1), { event_a: 3, samplingRate: 0.1 })
  })

  t.test('rows that wait have a bound: when it is reached everything waits, and the log says so', async t => {
    const { database, rows } = await databaseOf(server)
    const text = { type: 'string', maxLength: 1 << 20 }
    const schemas = changing(schemaOf({ a: text }))
    const { writer, ctx } = await openOn(t, { uri: mysqlUri(server, database) }, schemas)
    await store(writer, [capsuleOf({})])
    const end = await hold(t, server, database, 'Test_1')
    schemas.set(schemaOf({ a: text, b: integer }))
    const write = async (): Promise<void> => { await writer.write(batchOf([capsuleOf({ a: 'x'.repeat(1 << 20) })])) }
    for (let megabyte = 0; megabyte < 31; megabyte++) await write()
    let more = 'waits'
    const last = write().then(() => { more = 'taken' })

    t.match(await until('there is no more room', () => ctx.logged().find(({ message }) => String(message).startsWith('too many rows wait'))), { level: 'warn', rows: 32 })
    t.equal(more, 'waits')
    await end()
    await last
    await writer.flush()
    t.equal((await rows('Test_1')).length, 33)
  })

  t.test('a table takes rows before its new column has an index, and gets the index without being asked again', async t => {
    const { database, rows } = await databaseOf(server)
    const time = { type: 'string', format: 'date-time' }
    const schemas = changing(schemaOf({}))
    const { writer, ctx } = await openOn(t, { uri: mysqlUri(server, database) }, schemas)
    await store(writer, [capsuleOf({})])
    schemas.set(schemaOf({ at: time, id: { type: 'string', format: 'uuid5-hex' } }))
    await store(writer, [capsuleOf({ at: '2014-05-21T09:30:01Z' })])

    await until('the log says that both are made', () => ctx.logged().filter(({ message }) => message === 'the index is made').length === 2)
    const keys = await server.query('SHOW INDEX FROM Test_1', database)
    t.match(keys.find(({ Column_name: name }) => name === 'event_at'), { Non_unique: 1 })
    t.match(keys.find(({ Column_name: name }) => name === 'event_id'), { Non_unique: 0 })
    t.equal((await rows('Test_1')).length, 2)
  })

  t.test('an index that a table has lost is for somebody to make, who is told how; one that is made meanwhile is not worth a word', async t => {
    const { database } = await databaseOf(server)
    const { ctx, writer } = await openOn(t, { uri: mysqlUri(server, database) }, changing(schemaOf({}), other))
    await store(writer, [capsuleOf({}), capsuleOf({}, { schema: 'Other' })])
    for (const table of ['Test_1', 'Other_1']) await server.query(`ALTER TABLE ${table} DROP KEY \`timestamp\`, DROP KEY wiki_timestamp`, database)
    const session = new Session(ctx, { uri: parseUri(mysqlUri(server, database)), defaultsFile: '', purpose: 'indexes', lockWaitSeconds: 10, held: () => 0 })
    const indexes = mysqlIndexes(ctx.log, session, 3000)
    t.teardown(indexes.close)
    for (const schema of [schemaOf({}), other]) await session.run(async link => { await indexes.compare(link, planTable(schema)) })
    await server.query('ALTER TABLE Other_1 ADD KEY (timestamp), ADD KEY (wiki, timestamp)', database)

    const warnings = (): unknown[] => ctx.logged().filter(({ level }) => level === 'warn').map(({ table, statement }) => [table, statement])
    await until('the log says so', () => warnings().length === 2)
    t.strictSame(warnings(), [
      ['Test_1', 'ALTER TABLE `Test_1` ADD KEY `timestamp` (`timestamp`)'], ['Test_1', 'ALTER TABLE `Test_1` ADD KEY `wiki_timestamp` (`wiki`, `timestamp`)']
    ])
  })

  t.test('an index that the server does not take is somebody\'s to decide; rows flow on', async t => {
    const { database, rows } = await databaseOf(server)
    const schemas = changing(schemaOf({}))
    const { writer, ctx } = await openOn(t, { uri: mysqlUri(server, database) }, schemas)
    await store(writer, [capsuleOf({})])
    const there = new Set((await server.query('SHOW INDEX FROM Test_1', database)).map(({ Key_name: name }) => name)).size
    await server.query(`ALTER TABLE Test_1 ${Array.from({ length: 64 - there }, (_, at) => `ADD KEY k${at} (webHost)`).join(', ')}`, database)
    schemas.set(schemaOf({ id: { type: 'string', format: 'uuid5-hex' } }))
    await store(writer, [capsuleOf({ id: 'a'.repeat(32) })])

    t.match(await until('the log says so', () => ctx.logged().find(({ message }) => message === 'an index cannot be made; make it by hand')), { level: 'error', table: 'Test_1', statement: /ADD UNIQUE KEY `event_id`/, reason: /Too many keys/ })
    t.equal((await rows('Test_1')).length, 2)
  })
})

async function databaseOf (server: Mariadb): Promise<{ database: string, rows: (table: string) => Promise<Row[]> }> {
  const database = await server.database()
  return { database, rows: async table => await server.query(`SELECT * FROM ${table} ORDER BY id`, database) }
}

interface Run {
  readonly ctx: TestContext
  readonly writer: Writer
  write (position: string, events: readonly object[]): Promise<void>
  save (position: string): Promise<void>
  kill (): void
}

/** A consumer whose input has positions. The same events have the same uuids. */
async function openWithState (t: Test, directory: string, uri: string, schemas: SchemaRepository): Promise<Run> {
  const state = openState(directory, 'consumer-test')
  const ctx = testContext({ state, schemas })
  t.teardown(async () => { await ctx.end() })
  const writer = await openWriter(uri, ctx)
  await writer.begin?.()
  return {
    ctx,
    writer,
    async write (position, events) {
      const lines = events.map(event => JSON.stringify(capsuleOf(event, {
        schema: 'n' in event ? 'Other' : 'Test', uuid: Buffer.from(JSON.stringify(event)).toString('hex').slice(0, 32)
      })))
      const provenance = { ...arrival('input', lines.length, position), source: 'source' }
      await writer.write(batchOfLines(lines, provenance) as Batch)
    },
    async save (position) {
      const taken = position === '1' ? 2 : 3
      state.ledger.enter('input', 'input', 'taken', Date.now(), new Map([['-', taken]]))
      state.remember('source', position)
      await ctx.save()
    },
    kill () { state.close() }
  }
}

function booksOf (directory: string): unknown[] {
  const db = new Database(join(directory, 'consumer-test.sqlite'), { readonly: true })
  try {
    return db.prepare('SELECT side, fate, schema, SUM(count) AS count FROM ledger GROUP BY 1, 2, 3 ORDER BY 1, 2, 3').all()
  } finally {
    db.close()
  }
}

/** Gives a table columns until no more than `left` bytes of a row are left. */
async function fill (server: Mariadb, database: string, table: string, left: number): Promise<void> {
  const takes = async (name: string, bytes: number): Promise<boolean> =>
    await server.query(`ALTER TABLE ${table} ADD COLUMN ${name} VARBINARY(${bytes})`, database).then(() => true, () => false)
  let columns = 0
  for (let bytes = 32_768; bytes > left; bytes = bytes >> 1) while (await takes(`filler_${columns}`, bytes)) columns++
}

/** An analyst's transaction that has read the table; resolves with what ends it. */
async function hold (t: Test, server: Mariadb, database: string, table: string): Promise<() => Promise<void>> {
  const connection = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
  t.teardown(() => { connection.destroy() })
  await connection.query('START TRANSACTION')
  await connection.query(`SELECT * FROM ${table}`)
  return async () => { await connection.end() }
}
