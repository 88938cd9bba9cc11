import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { LeaseKeeper, fenced } from '../../../lib/sql/mysql/lease.js'
import { enterConnection, passFence } from '../../../lib/sql/mysql/lease-statements.js'
import { readLease, type Lease } from '../../../lib/sql/mysql/lease-tables.js'
import { Session, type Link } from '../../../lib/sql/mysql/session.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { testContext, type TestContext } from '../../helpers/context.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'
import { until } from '../../helpers/wait.js'

const seconds = 6

interface Member {
  readonly ctx: TestContext
  readonly keeper: LeaseKeeper
  readonly member: string
  /** The connection that would write rows. */
  readonly rows: Session
}

t.test('a lease', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const database = await server.database()

  function session (t: Test, ctx: TestContext, purpose: 'rows' | 'lease', user: string): Session {
    const session = new Session(ctx, { uri: parseUri(`mysql://${user}@127.0.0.1:${server.port}/${database}`), purpose, defaultsFile: '', lockWaitSeconds: 2, held: () => 0, askMs: 2000, mostPauseMs: 500 })
    t.teardown(() => { session.close() })
    return session
  }

  /** A consumer's part that has to do with the lease. */
  function join (t: Test, name: string, host: string, { user = 'root', state = randomBytes(8).toString('hex') } = {}): Member {
    const ctx = testContext()
    const member = `${host}/mysql/${state}`
    const keeper = new LeaseKeeper(ctx, session(t, ctx, 'lease', user), { name, member, host, instance: 'mysql', seconds, askSeconds: 1, version: '1.2.3' })
    t.teardown(async () => {
      await keeper.close()
      await ctx.end()
    })
    return { ctx, keeper, member, rows: session(t, ctx, 'rows', user) }
  }

  async function read (name: string): Promise<Lease | null> {
    return await readLease(async sql => await server.query(sql, database), name)
  }

  /** Begins a transaction of rows, if the fence lets it, and leaves it open. Resolves with its connection. */
  async function beginLoad ({ rows, keeper }: Member): Promise<{ link: Link, passed: boolean }> {
    let found: Link | null = null
    const passed = await keeper.use(async token => await rows.run(async link => {
      found = link
      await enterConnection(link, keeper.claimant)
      await link.execute('START TRANSACTION')
      return await passFence(link, keeper.claimant, token)
    }))
    if (found === null) throw new Error('nothing was begun')
    return { link: found, passed: passed === true }
  }

  await t.test('is taken by one, who keeps it, and the other stands by and says for whom', async t => {
    const one = join(t, 'first', 'db1')
    await until('one writes', () => one.keeper.writes)
    const other = join(t, 'first', 'db2')
    await until('the other stands by', () => other.ctx.waits.get('the lease first') === 'stands by; db1 writes')
    const { since } = await read('first') ?? {}
    await other.keeper.change(seconds * 1500)

    t.match(await read('first'), { holder: one.member, token: 1, since, wantedBy: '', seconds, members: [{ member: one.member, host: 'db1', version: '1.2.3' }, { member: other.member, host: 'db2' }] })
    t.ok((await read('first') as Lease).secondsLeft > 0)
    t.equal(other.keeper.writes, false)
    t.equal(await other.keeper.use(async () => await Promise.resolve('done')), null)
    t.equal(one.ctx.waits.size, 0)
  })

  await t.test('is nothing that anybody has read of before there is one', async t => {
    t.equal(await read('nobody has this'), null)
  })

  await t.test('that is let go is taken at once, with the next token', async t => {
    const one = join(t, 'let-go', 'db1')
    await until('one writes', () => one.keeper.writes)
    const other = join(t, 'let-go', 'db2')
    await until('the other stands by', () => other.ctx.waits.size > 0)
    await one.keeper.close()
    await until('the other writes', () => other.keeper.writes)

    t.match(await read('let-go'), { holder: other.member, token: 2 })
    t.match(one.ctx.logged().at(-1), { message: 'lets go of the lease' })
  })

  await t.test('is lost by a member whose place another has taken: its next transaction finds the fence closed', async t => {
    const one = join(t, 'fence', 'db1')
    await until('one writes', () => one.keeper.writes)
    const token = await one.keeper.use(async token => await Promise.resolve(token)) as number
    // what a take-over does, between two of its renewals
    await server.query(`UPDATE vanadium_leases SET holder = 'db3/mysql/x', token = ${token + 1}, expires = UTC_TIMESTAMP(6) + INTERVAL 3 SECOND WHERE name = 'fence'`, database)
    await server.query(`UPDATE vanadium_fences SET holder = 'db3/mysql/x', token = ${token + 1} WHERE name = 'fence'`, database)

    const tried = one.keeper.use(async token => await one.rows.run(async link => {
      await link.execute('START TRANSACTION')
      return await passFence(link, one.keeper.claimant, token) ? 'stored' : fenced
    }))
    t.equal(await tried, null)
    t.equal(one.keeper.writes, false)
    await until('it stands by', () => one.ctx.waits.get('the lease fence') === 'stands by; db3/mysql/x writes')
    t.match(one.ctx.logged().map(({ message }) => String(message)).filter(message => message.includes('lease') || message.startsWith('stands by')), ['has the lease: this instance writes', 'the lease is lost; another instance writes', 'stands by; another instance writes'])
  })

  await t.test('of the same number that another holder got, as after a fail-over to a replica, does not pass the fence', async t => {
    const one = join(t, 'replica', 'db1')
    await until('one writes', () => one.keeper.writes)
    await server.query("UPDATE vanadium_fences SET holder = 'db3/mysql/x' WHERE name = 'replica'", database)

    t.match(await beginLoad(one), { passed: false })
  })

  await t.test('is not taken while a transaction of the holder before is open, which is ended', async t => {
    const one = join(t, 'kill', 'db1')
    await until('one writes', () => one.keeper.writes)
    const { link, passed } = await beginLoad(one)
    t.ok(passed)
    await link.execute('CREATE TEMPORARY TABLE mine (id INT)').catch(() => {})
    // a host that is stopped: it renews nothing
    await server.query('UPDATE vanadium_leases SET expires = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND, holder = \'db1/mysql/stopped\' WHERE name = \'kill\'', database)
    await server.query('UPDATE vanadium_lease_members SET member = \'db1/mysql/stopped\' WHERE name = \'kill\'', database)
    await one.keeper.close()
    const other = join(t, 'kill', 'db2')
    await until('the other writes', () => other.keeper.writes)

    t.match(other.ctx.logged().find(({ level }) => level === 'warn'), { message: 'an open transaction of the holder before is ended', holder: 'db1/mysql/stopped' })
    await t.rejects(link.execute('COMMIT'), 'the connection is gone')
  })

  await t.test('that the clock of the server, set back, would keep for an hour is taken all the same', async t => {
    const one = join(t, 'clock', 'db1')
    await until('one writes', () => one.keeper.writes)
    await one.keeper.close()
    await server.query("UPDATE vanadium_leases SET holder = 'db9/mysql/gone', expires = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE name = 'clock'", database)
    const other = join(t, 'clock', 'db2')

    await until('the other writes', () => other.keeper.writes)
    t.match(await read('clock'), { holder: other.member })
  })

  await t.test('is taken anew by who had it before a restart, at once', async t => {
    const state = 'a'.repeat(16)
    const one = join(t, 'again', 'db1', { state })
    await until('one writes', () => one.keeper.writes)
    const { token = 0, secondsLeft = 0, since } = await read('again') ?? {}
    t.ok(secondsLeft > 0)
    const again = join(t, 'again', 'db1', { state })
    await until('it writes', () => again.keeper.writes)

    t.ok((await read('again') as Lease).token > token)
    t.equal((await read('again'))?.since, since, 'one that ends again and again is not spared each time')
  })

  await t.test('is let go between two loads for who asks, and kept from the others until that one has it', async t => {
    const one = join(t, 'ask', 'db1')
    await until('one writes', () => one.keeper.writes)
    const other = join(t, 'ask', 'db2')
    await until('the other stands by', () => other.ctx.waits.size > 0)
    let end = (): void => {}
    const load = one.keeper.use(async () => { await new Promise<void>(resolve => { end = resolve }) })
    other.keeper.ask(other, { rows: 3 })
    await until('it is asked', async () => (await read('ask'))?.wantedBy === other.member)
    await until('no load begins any more', () => !one.keeper.writes)
    t.match(await read('ask'), { holder: one.member }, 'the load that is under way ends first')
    t.equal(await one.keeper.use(async () => await Promise.resolve(1)), null)
    end()
    await load
    await until('the other writes', () => other.keeper.writes)

    t.match(await read('ask'), { holder: other.member, wantedBy: '' })
    t.match(other.ctx.logged().find(({ level }) => level === 'warn'), { message: 'asks for the lease: the holder does not store what this instance has', rows: 3, holder: one.member })
    one.keeper.ask(one, {})
    await one.keeper.change(1000)
    t.match(await read('ask'), { holder: other.member, wantedBy: '' }, 'it changes hands once in a while only')
  })

  await t.test('that nobody asks for any more is kept, and written with, though a load was under way meanwhile', async t => {
    const one = join(t, 'content', 'db1')
    await until('one writes', () => one.keeper.writes)
    const other = join(t, 'content', 'db2')
    await until('the other stands by', () => other.ctx.waits.size > 0)
    let end = (): void => {}
    const load = one.keeper.use(async () => { await new Promise<void>(resolve => { end = resolve }) })
    other.keeper.ask(other, {})
    await until('no load begins any more', () => !one.keeper.writes)
    other.keeper.content(other)
    await until('it is not asked any more', async () => (await read('content'))?.wantedBy === '')
    end()
    await load

    await until('one writes again', () => one.keeper.writes)
    t.match(await read('content'), { holder: one.member, token: 1 })
  })

  await t.test('whose holder is asked, and has a load that never ends, is taken when it has expired', async t => {
    const one = join(t, 'hangs', 'db1')
    await until('one writes', () => one.keeper.writes)
    const other = join(t, 'hangs', 'db2')
    await until('the other stands by', () => other.ctx.waits.size > 0)
    let end = (): void => {}
    const load = one.keeper.use(async () => { await new Promise<void>(resolve => { end = resolve }) })
    other.keeper.ask(other, {})
    await until('the other writes', () => other.keeper.writes, 60_000)

    await until('one knows', () => one.ctx.waits.get('the lease hangs') === 'stands by; db2 writes')
    t.equal(one.keeper.writes, false)
    end()
    await load
  })

  await t.test('that somebody asked for who is gone is kept', async t => {
    const one = join(t, 'gone', 'db1')
    await until('one writes', () => one.keeper.writes)
    await server.query("UPDATE vanadium_leases SET wanted_by = 'db9/mysql/gone' WHERE name = 'gone'", database)
    await until('the wish is forgotten', async () => (await read('gone'))?.wantedBy === '')

    t.match(await read('gone'), { holder: one.member, token: 1 })
    t.ok(one.keeper.writes)
  })

  await t.test('whose open transaction may not be ended is waited for, and the log says why', async t => {
    await server.query("CREATE USER own@'%'")
    await server.query(`GRANT SELECT, INSERT, UPDATE, CREATE ON ${database}.* TO own@'%'`)
    await server.query("GRANT PROCESS ON *.* TO own@'%'")
    const one = join(t, 'may-not', 'db1')
    await until('one writes', () => one.keeper.writes)
    const { link } = await beginLoad(one)
    await server.query('UPDATE vanadium_leases SET expires = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND, holder = \'db1/mysql/stopped\' WHERE name = \'may-not\'', database)
    await server.query('UPDATE vanadium_lease_members SET member = \'db1/mysql/stopped\' WHERE name = \'may-not\'', database)
    await one.keeper.close()
    const other = join(t, 'may-not', 'db2', { user: 'own' })
    t.match(await until('it says so', () => other.ctx.logged().find(({ level }) => level === 'warn')), { message: 'an open transaction of the holder before cannot be ended; waiting for its end', advice: /same account/ })
    t.equal(other.keeper.writes, false)
    await link.execute('ROLLBACK')

    await until('the other writes', () => other.keeper.writes)
  })
})
