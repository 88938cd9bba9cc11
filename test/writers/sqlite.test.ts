import t, { type Test } from 'tap'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { StreamError } from '../../lib/errors.js'
import type { Schema } from '../../lib/event/schemas.js'
import type { Writer } from '../../lib/stream/contracts.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, checkUri, openWriter, schemaOf, store } from '../sql/fixtures.js'

interface Opened {
  readonly ctx: TestContext
  readonly writer: Writer
  readonly file: string
}

async function open (t: Test, schemas: Schema[], file = join(t.testdir({}), 'deep', 'er', 'events.sqlite')): Promise<Opened> {
  const ctx = testContext({ schemas: schemasOf(schemas) })
  const writer = await openWriter(`sqlite://${file}`, ctx)
  t.teardown(async () => {
    await writer.close()
    await ctx.end()
  })
  return { ctx, writer, file }
}

function connect (t: Test, file: string): Database.Database {
  const db = new Database(file)
  t.teardown(() => { db.close() })
  return db
}

function count (db: Database.Database): unknown {
  return db.prepare('SELECT COUNT(*) FROM Test_1').pluck().get()
}

t.test('a URI that cannot work is refused with what to write instead', async t => {
  t.throws(() => { checkUri('sqlite://events.sqlite') }, { code: 'bad-uri', message: /the path is missing; for example sqlite:\/\/\// })
  t.throws(() => { checkUri('sqlite://here/events.sqlite') }, { code: 'bad-uri', message: /a SQLite file has no host; write sqlite:\/\/\// })
  t.throws(() => { checkUri('sqlite:///events.sqlite?sync=off') }, { code: 'bad-uri', message: /unknown option "sync"; allowed options: batch-bytes, batch-rows/ })
})

t.test('what is no database, or no place for one, ends the start with the reason', async t => {
  const directory = t.testdir({ text: 'this is not a database, but long enough to have been one: '.repeat(20), folder: {} })
  for (const [path, reason] of [['text', /not a database/], ['folder', /unable to open/], ['text/x.sqlite', /ENOTDIR|EEXIST/]] as const) {
    const ctx = testContext()
    await t.rejects(openWriter(`sqlite://${directory}/${path}`, ctx), { code: 'bad-uri', message: reason })
  }
})

t.test('the file is made with its directories, and found again', async t => {
  const { writer, file } = await open(t, [schemaOf({ n: { type: 'integer' } })])
  await store(writer, [capsuleOf({ n: 1 })])
  await writer.close()
  await t.resolves(writer.close(), 'closing twice is safe')
  const again = await open(t, [schemaOf({ n: { type: 'integer' } })], file)
  await store(again.writer, [capsuleOf({ n: 2 })])

  t.strictSame(connect(t, file).prepare('SELECT id, event_n FROM Test_1').raw().all(), [[1, 1], [2, 2]])
})

t.test('readers see whole flushes while it writes, and do not hold it up', async t => {
  const { writer, file } = await open(t, [schemaOf({ n: { type: 'integer' } })])
  await store(writer, [capsuleOf({ n: 1 })])
  const reader = connect(t, file)
  reader.exec('BEGIN')
  t.equal(count(reader), 1)
  await store(writer, [capsuleOf({ n: 2 }), capsuleOf({ n: 3 })])

  t.equal(count(reader), 1)
  reader.exec('COMMIT')
  t.equal(count(reader), 3)
})

t.test('another process that writes is waited for, aloud', async t => {
  const { ctx, writer, file } = await open(t, [schemaOf({ n: { type: 'integer' } })])
  await store(writer, [capsuleOf({ n: 1 })])
  const other = connect(t, file)
  other.exec('BEGIN IMMEDIATE')
  const stored = store(writer, [capsuleOf({ n: 2 })])
  const line = await until('the log says so', () => ctx.logged().find(({ message }) => message === 'waiting for the store'))
  other.exec('COMMIT')
  await stored

  t.match(line, { level: 'warn', store: `sqlite://${file}`, rows: 1, reason: /locked/ })
  t.equal(count(other), 2)
})

t.test('a stop while the file is locked ends after its grace', async t => {
  const { ctx, writer, file } = await open(t, [schemaOf({})])
  await store(writer, [capsuleOf({})])
  connect(t, file).exec('BEGIN IMMEDIATE')
  ctx.abort()

  await t.rejects(store(writer, [capsuleOf({})]), StreamError)
  t.match(ctx.logged().find(({ message }) => message === 'rows were not stored'), { level: 'error', rows: 1 })
})

t.test('a row that a constraint of the operator\'s refuses costs itself only', async t => {
  const { ctx, writer, file } = await open(t, [schemaOf({ n: { type: 'integer' } })])
  connect(t, file).exec('CREATE TABLE Test_1 (id INTEGER PRIMARY KEY, uuid CHAR(32) UNIQUE, event_n BIGINT CHECK (event_n < 5))')
  await store(writer, [1, 9, 2].map(n => capsuleOf({ n })))

  t.strictSame(connect(t, file).prepare('SELECT event_n, wiki FROM Test_1').raw().all(), [[1, 'enwiki'], [2, 'enwiki']])
  t.match(ctx.letters, [{ record: /"n":9/, error: { code: 'refused-by-store', message: /CHECK constraint failed/ } }])
})

t.test('uuid, timestamp and date-times have an index', async t => {
  const { writer, file } = await open(t, [schemaOf({ at: { type: 'string', format: 'date-time' } })])
  await store(writer, [capsuleOf({})])
  const db = connect(t, file)
  const plan = (where: string): unknown => db.prepare(`EXPLAIN QUERY PLAN SELECT * FROM Test_1 WHERE ${where}`).get()

  t.match(plan("uuid = 'a'"), { detail: /USING INDEX Test_1.uuid/ })
  t.match(plan("timestamp LIKE 'x' AND timestamp > '2014'"), { detail: /USING INDEX Test_1.timestamp/ })
  t.match(plan("event_at > '2014'"), { detail: /USING INDEX Test_1.event_at/ })
})
