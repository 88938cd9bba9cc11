import mysql from 'mysql2/promise'
import t, { type Test } from 'tap'
import { LeftError } from '../../../lib/errors.js'
import { readRegistry } from '../../../lib/registry/registry.js'
import type { Writer } from '../../../lib/stream/contracts.js'
import { schemasOf, testContext, type TestContext } from '../../helpers/context.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'
import { until } from '../../helpers/wait.js'
import { batchOf, capsuleOf, openWriter, schemaOf } from '../fixtures.js'

interface Opened {
  readonly ctx: TestContext
  readonly writer: Writer
  readonly lease: string
}

const has = 'has the lease: this instance writes'
const standsBy = 'stands by; another instance writes'
const asks = 'asks for the lease: the holder does not store what this instance has'

t.test('a writer with a lease', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const database = await server.database()
  for (const user of ['first', 'second']) {
    await server.query(`CREATE USER ${user}@'%'`)
    await server.query(`GRANT SELECT, INSERT, UPDATE, CREATE, ALTER, CREATE VIEW, SHOW VIEW, DROP ON ${database}.* TO ${user}@'%'`)
  }
  const schemas = schemasOf([schemaOf({ n: { type: 'integer' }, token: { type: 'string', format: 'uuid5-hex' } })])

  async function open (t: Test, lease: string, { user = 'first', overrides = {} } = {}): Promise<Opened> {
    const ctx = testContext({ schemas, ...overrides })
    const writer = await openWriter(`mysql://${user}@127.0.0.1:${server.port}/${database}?lease=${lease}&lease-seconds=8&lease-ask-seconds=2`, ctx)
    t.teardown(async () => {
      ctx.abort()
      await writer.close().catch(() => {})
      await ctx.end()
    })
    return { ctx, writer, lease }
  }

  /** What the server says of transactions is as old as the last look, if that was less than a tenth of a second before: who looks faster sees nothing new. */
  async function untilTransactions (what: string, from: string): Promise<void> {
    await until(what, async () => (await server.query(`SELECT 1 FROM information_schema.INNODB_TRX ${from}`)).length > 0, 20_000, 300)
  }

  async function logged ({ ctx }: Opened, message: string): Promise<unknown> {
    return await until(message, () => ctx.logged().find(line => line['message'] === message))
  }

  /** Two, of which the first has the lease. */
  async function openBoth (t: Test, lease: string, second: Parameters<typeof open>[2] = {}, overrides = {}): Promise<[Opened, Opened]> {
    const one = await open(t, lease, { overrides })
    await logged(one, has)
    const other = await open(t, lease, second)
    await logged(other, standsBy)
    return [one, other]
  }

  await t.test('that stands by has flushed when the other one has stored the rows, and has stored none', async t => {
    const [one, other] = await openBoth(t, 'flush')
    const events = Array.from({ length: 200 }, (_, n) => capsuleOf({ n }))
    await other.writer.write(batchOf(events))
    let flushed = false
    const flushing = other.writer.flush().then(() => { flushed = true })
    await one.writer.write(batchOf(events.slice(0, 199)))
    await one.writer.flush()
    const before = other.ctx.progressed()
    await until('it has looked', () => other.ctx.progressed() > before + 3)
    t.equal(flushed, false, 'one is missing')
    await one.writer.write(batchOf(events.slice(199)))
    await one.writer.flush()
    await flushing

    t.equal(one.ctx.metrics.count('overall.inserted'), 200)
    t.equal(other.ctx.metrics.count('overall.inserted'), 0)
    t.equal(other.ctx.metrics.count('duplicate'), 200)
    t.strictSame(other.ctx.letters, [])
    t.notOk(other.ctx.logged().some(({ message }) => message === asks))
  })

  await t.test('that stands by takes nothing for stored that is not committed, whatever the server shows to others', async t => {
    await server.query('SET GLOBAL TRANSACTION ISOLATION LEVEL READ UNCOMMITTED')
    t.teardown(async () => { await server.query('SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ') })
    let commit = (): void => {}
    const open = new Promise<void>(resolve => { commit = resolve })
    const [one, other] = await openBoth(t, 'committed', {}, { deadLetters: { add: () => {}, drain: async () => { await open } } })
    for (const { writer } of [one, other]) await writer.write(batchOf([capsuleOf({ n: 1 }, { uuid: 'c'.repeat(32) })]))
    const storing = one.writer.flush()
    let proven = false
    const proving = other.writer.flush().then(() => { proven = true })
    await until('the row can be seen', async () => (await server.query(`SELECT 1 FROM Test_1 WHERE uuid = '${'c'.repeat(32)}'`, database)).length > 0)
    const before = other.ctx.progressed()
    await until('it has looked', () => other.ctx.progressed() > before + 1)
    t.equal(proven, false)
    commit()
    await Promise.all([storing, proving])
  })

  await t.test('that stands by refuses what another event keeps out, as the other one does, and asks for nothing', async t => {
    const [one, other] = await openBoth(t, 'unique')
    const token = 'f'.repeat(32)
    const events = [capsuleOf({ n: 1, token }), capsuleOf({ n: 2, token }), capsuleOf({ n: 3 })]
    for (const { writer } of [one, other]) await writer.write(batchOf(events))
    await one.writer.flush()
    await other.writer.flush()

    for (const { ctx } of [one, other]) t.match(ctx.letters, [{ error: { message: 'another event has the same value in a column whose values are unique (event_token)' } }])
    t.equal(other.ctx.letters[0]?.record, one.ctx.letters[0]?.record)
    t.equal(other.ctx.metrics.count('duplicate'), 2)
    t.notOk(other.ctx.logged().some(({ message }) => message === asks))
  })

  await t.test('that stands by and is told to stop leaves what is not stored, and closes', async t => {
    const [, other] = await openBoth(t, 'left')
    await other.writer.write(batchOf([capsuleOf({ n: 1 })]))
    const flushing = other.writer.flush().then(() => null, (error: unknown) => error)
    other.ctx.abort()

    const error = await flushing
    t.type(error, LeftError)
    t.match(error, { message: '1 rows are not stored yet, and another instance has the lease' })
    await other.writer.close()
    t.strictSame(other.ctx.logged().filter(({ level }) => level === 'error'), [])
  })

  await t.test('says nothing of progress while it only keeps the lease: a loop that hangs must show', async t => {
    const [one, other] = await openBoth(t, 'progress')
    for (const { ctx } of [one, other]) {
      const [before, seen] = [ctx.progressed(), await lastSeen('progress')]
      await until('it is renewed', async () => await lastSeen('progress') > seen + 3)

      t.equal(ctx.progressed(), before)
    }
  })

  /** When a member of the lease was heard of last, in seconds. */
  async function lastSeen (lease: string): Promise<number> {
    const [row] = await server.query(`SELECT MIN(UNIX_TIMESTAMP(seen)) AS seen FROM vanadium_lease_members WHERE name = '${lease}'`, database)
    return Number(row?.['seen'])
  }

  await t.test('that stands by copies nothing of the registry, until it has the lease', async t => {
    const one = await open(t, 'copy')
    await logged(one, has)
    await one.writer.write(batchOf([capsuleOf({ n: 1 })]))
    await one.writer.flush()
    const registry = readRegistry('schemas:\n  Test:\n    description: said\n', 'registry.yaml')
    const other = await open(t, 'copy', { overrides: { describe: (schema: string) => registry.find(schema) } })
    await logged(other, standsBy)
    const said = async (): Promise<unknown> => (await server.query("SELECT registry_description AS said FROM vanadium_schemas WHERE name = 'Test'", database))[0]?.['said']
    await other.writer.write(batchOf([capsuleOf({ n: 1 }, { uuid: 'b'.repeat(32) })]))
    await one.writer.write(batchOf([capsuleOf({ n: 1 }, { uuid: 'b'.repeat(32) })]))
    await one.writer.flush()
    await other.writer.flush()
    t.equal(await said(), null)

    await one.writer.close()
    await until('it is copied', async () => await said() === 'said')
  })

  await t.test('keeps its fence while rows come by another statement, because one was refused', async t => {
    let goOn = (): void => {}
    const hanging = new Promise<void>(resolve => { goOn = resolve })
    let hangs = false
    const one = await open(t, 'refused', { overrides: { deadLetters: { add: () => {}, drain: async () => { if (hangs) await hanging } } } })
    t.teardown(() => { goOn() })
    await logged(one, has)
    const token = 'e'.repeat(32)
    await one.writer.write(batchOf(Array.from({ length: 100 }, (_, n) => capsuleOf(n < 2 ? { n, token } : { n }))))
    hangs = true
    const flushing = one.writer.flush()
    await untilTransactions('rows wait for their commit', 'WHERE trx_rows_modified >= 99')

    await t.rejects(server.query("SELECT * FROM vanadium_fences WHERE name = 'refused' FOR UPDATE NOWAIT", database), { message: /Lock wait timeout/ })
    goOn()
    await flushing
    t.equal(one.ctx.metrics.count('overall.inserted'), 99)
  })

  await t.test('that hangs in a load keeps the lease no longer than until the other one asks, though its lag grows as fast as the age of what is missing', async t => {
    let goOn = (): void => {}
    const hanging = new Promise<void>(resolve => { goOn = resolve })
    const [one, other] = await openBoth(t, 'hung', {}, { deadLetters: { add: () => {}, drain: async () => { await hanging } } })
    t.teardown(() => { goOn() })
    const sinceMs = Date.now() - 10_000
    const growing = setInterval(() => { one.ctx.lags.set('in', { records: 1, seconds: (Date.now() - sinceMs) / 1000, journalBytes: 1, mostBytes: 1 << 20 }) }, 100)
    t.teardown(() => { clearInterval(growing) })
    for (const { writer } of [one, other]) await writer.write(batchOf([capsuleOf({ n: 1 }, { uuid: 'd'.repeat(32) })]))
    const storing = one.writer.flush()

    await until('the other one has flushed', (() => {
      let flushed = false
      other.writer.flush().then(() => { flushed = true }, () => {})
      return () => flushed
    })(), 90_000)

    t.match(other.ctx.logged().find(({ message }) => message === asks), { rows: 1, table: 'Test_1' })
    t.equal(other.ctx.metrics.count('overall.inserted'), 1)
    goOn()
    await storing
    t.equal(one.ctx.metrics.count('overall.inserted'), 0)
    t.equal(one.ctx.metrics.count('duplicate'), 1)
  })

  await t.test('makes the table that its last load needs before it lets go', async t => {
    const [one, other] = await openBoth(t, 'mends')
    await one.writer.write(batchOf([capsuleOf({ n: 1 })]))
    await one.writer.flush()
    // its next load waits here, before it finds that there is no table
    const blocker = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
    t.teardown(() => { blocker.destroy() })
    await blocker.query('START TRANSACTION')
    await blocker.query("SELECT * FROM vanadium_fences WHERE name = 'mends' FOR UPDATE")
    await one.writer.write(batchOf([capsuleOf({ n: 2 })]))
    const storing = one.writer.flush()
    await untilTransactions('its load waits', "WHERE trx_state = 'LOCK WAIT'")
    await server.query('DROP TABLE Test_1', database)
    await other.writer.write(batchOf([capsuleOf({ n: 3 })]))
    const proving = other.writer.flush()
    await logged(other, asks)
    const seen = await lastSeen('mends')
    await until('the holder knows', async () => await lastSeen('mends') > seen + 3)
    await blocker.query('COMMIT')
    await Promise.all([storing, proving])

    t.equal(one.ctx.metrics.count('overall.inserted'), 2)
    t.ok(one.ctx.logged().some(({ message }) => message === 'lets go of the lease: another instance has events that this one never got'))
    t.equal(other.ctx.metrics.count('overall.inserted'), 1)
  })

  await t.test('that stands still in a transaction is ended by the server itself, where the other one may not', async t => {
    let hangs = false
    let goOn = (): void => {}
    const hanging = new Promise<void>(resolve => { goOn = resolve })
    const drain = async (): Promise<void> => { if (hangs) await hanging }
    const one = await open(t, 'idle', { overrides: { deadLetters: { add: () => {}, drain } } })
    t.teardown(() => { goOn() })
    await logged(one, has)
    const other = await open(t, 'idle', { user: 'second' })
    await logged(other, standsBy)
    const events = Array.from({ length: 100 }, (_, n) => capsuleOf({ n }))
    for (const { writer } of [one, other]) await writer.write(batchOf(events))
    hangs = true
    const flushing = one.writer.flush()
    await untilTransactions('rows wait for their commit', 'JOIN information_schema.PROCESSLIST ON ID = trx_mysql_thread_id WHERE USER = \'first\' AND trx_rows_modified >= 100')
    // as if it were not heard of any more
    await server.query("UPDATE vanadium_leases SET expires = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND, holder = 'stopped' WHERE name = 'idle'", database)
    await other.writer.flush()
    t.equal(other.ctx.metrics.count('overall.inserted'), 100)
    hangs = false
    goOn()
    await flushing

    t.match(one.ctx.logged().map(({ message }) => String(message)).filter(message => message.includes('the lease is lost')), ['the lease is lost; another instance writes'])
    t.equal(one.ctx.metrics.count('duplicate'), 100)
  })
})
