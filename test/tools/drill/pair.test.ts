import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { leaseTables } from '../../../lib/sql/mysql/lease-tables.js'
import { openMysqlReader } from '../../../lib/sql/mysql/reader.js'
import { openState } from '../../../lib/stream/state.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { lookAtPair, type PairOptions } from '../../../tools/drill/pair.js'
import { failover } from '../../../tools/drill/failover.js'
import { runCommand } from '../../../lib/cli/run.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'

interface Row { readonly host: string, readonly seen?: number, readonly lag?: number }

t.test('what speaks against a drill', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const database = await server.database()
  for (const statement of leaseTables) await server.query(statement, database)
  await server.query("CREATE USER looks@'127.0.0.1'")
  await server.query(`GRANT SELECT ON ${database}.* TO looks@'127.0.0.1'`)
  const over = new AbortController()
  t.teardown(() => { over.abort() })
  const connect = async (user: string): ReturnType<typeof openMysqlReader> => await openMysqlReader(parseUri(`mysql://${user}@127.0.0.1:${server.port}/${database}`), '', 'test', over.signal)

  /** A lease that `db1` has, if anybody, and its members. */
  async function have ({ left = 5, wantedBy = '' }: { left?: number, wantedBy?: string }, ...members: Row[]): Promise<void> {
    await server.query('DELETE FROM vanadium_leases', database)
    await server.query('DELETE FROM vanadium_lease_members', database)
    await server.query(`INSERT INTO vanadium_leases VALUES ('events', 'db1/mysql/0', 7, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ${left} MINUTE, 8, '${wantedBy}')`, database)
    for (const { host, seen = 0, lag = 1 } of members) await server.query(`INSERT INTO vanadium_lease_members VALUES ('events', '${host}/mysql/0', '${host}', 'mysql', UTC_TIMESTAMP(6) - INTERVAL ${seen} SECOND, ${lag}, 0, NULL, '1.0.0')`, database)
  }

  async function problems (t: Test, more: Partial<PairOptions> = {}, user = 'root'): Promise<string[]> {
    const [config, state] = [join(t.testdirName, 'etc'), join(t.testdirName, 'state')]
    const reader = await connect(user)
    const db = { way: reader.way, query: async (sql: string, ...values: Array<string | number>) => await reader.query(sql, values) }
    return (await lookAtPair(db, { lease: 'events', host: 'db1', lag: 30, asksBack: true, config, state, reports: join(t.testdirName, 'reports'), again: false, ...more })).problems
  }

  /** A consumer that is defined, and whose state is held as by one that runs. */
  function running (t: Test): void {
    const directory = t.testdir({ etc: { consumers: { mysql: '' } }, reports: {} })
    const state = openState(join(directory, 'state'), 'consumer-mysql')
    t.teardown(() => { state.close() })
  }

  const [db1, db2] = [{ host: 'db1' }, { host: 'db2' }]

  t.test('nothing, when both are well', async t => {
    running(t)
    await have({}, db1, db2)
    t.strictSame(await problems(t), [])
  })

  t.test('who has the lease, and who does not', async t => {
    running(t)
    t.strictSame(await problems(t, { lease: 'other' }), ['nobody ever had the lease other in this database: no consumer names it, or in another one'])
    await have({ left: -5 }, db1, db2)
    t.strictSame(await problems(t), ['nobody writes: the lease events is free'])
    await have({}, db1, db2)
    t.strictSame(await problems(t, { host: 'db2' }), ['the lease is held by db1/mysql, and this host is db2: run the drill on db1'])
    await have({ wantedBy: 'db2/mysql/0' }, db1, db2)
    t.strictSame(await problems(t), ['db2/mysql/0 asks for the lease: it has events that the writer never got'])
  })

  t.test('nobody stands by, or one of them is behind', async t => {
    running(t)
    await have({}, db1)
    t.strictSame(await problems(t), ['nobody stands by'])
    await have({}, db1, { host: 'db2', seen: 100 })
    t.match(await problems(t), [/^nobody stands by: db2\/mysql was last heard of 1\d\d s ago$/])
    await have({}, db1)
    await server.query("INSERT INTO vanadium_lease_members SELECT name, 'db1/mysql/old', host, instance, seen, 0, 0, NULL, version FROM vanadium_lease_members", database)
    t.match(await problems(t), [/^nobody stands by/], 'the writer, as it was with another state')
    await have({}, { host: 'db1', lag: 40 }, { host: 'db2', lag: 50 })
    t.strictSame(await problems(t), ['db1/mysql is 40 s behind; at most 30 s (--lag)', 'db2/mysql is 50 s behind; at most 30 s (--lag)'])
    t.strictSame(await problems(t, { lag: 60 }), [])
    await have({}, db1, { host: 'db2', lag: 50 }, { host: 'db3' })
    t.strictSame(await problems(t), [], 'another one stands by, and is well')
  })

  t.test('the database is read-only, or does not let the account ask', async t => {
    running(t)
    await have({}, db1, db2)
    await server.query('SET GLOBAL read_only = 1')
    t.strictSame(await problems(t), ['the database is read-only'])
    await server.query('SET GLOBAL read_only = 0')
    t.match(await problems(t, {}, 'looks'), [/^the account cannot ask for the lease back: .*denied.*; GRANT UPDATE \(wanted_by\) ON vanadium_leases, or --stay$/])
    t.strictSame(await problems(t, { asksBack: false }, 'looks'), [])
    await server.query(`GRANT UPDATE (wanted_by) ON ${database}.vanadium_leases TO looks@'127.0.0.1'`)
    t.strictSame(await problems(t, {}, 'looks'), [])
  })

  t.test('a daemon of this host does not run', async t => {
    running(t)
    await have({}, db1, db2)
    mkdirSync(join(t.testdirName, 'etc/processors'))
    writeFileSync(join(t.testdirName, 'etc/processors/valid'), '')
    t.strictSame(await problems(t), ['processor valid is down'])
  })

  t.test('there was a drill within the hour, which was done to its end', async t => {
    running(t)
    await have({}, db1, db2)
    const write = (outcome: string, minutesAgo: number): void => {
      writeFileSync(join(t.testdirName, 'reports/20150521T093001Z-failover.json'), JSON.stringify({ outcome, started: new Date(Date.now() - minutesAgo * 60_000).toISOString() }))
    }
    write('failed', 10)
    t.strictSame(await problems(t), ['the last drill was 10 min ago; --again, if it is to be'])
    t.strictSame(await problems(t, { again: true }), [])
    write('stopped', 10)
    t.strictSame(await problems(t), [])
    write('passed', 61)
    t.strictSame(await problems(t), [])
  })
})

t.test('what is wrong with the options is told at once', async t => {
  const args = ['--read', 'mysql://db/log', '--lease', 'events', '--send', 'udp://db1:8421', '--log-level', 'error']
  const wrong = async (...more: string[]): Promise<number> => await runCommand(failover, [...args, ...more])

  t.equal(await wrong(), 78, 'this is no terminal')
  t.equal(await wrong('--yes', '--within', '0'), 78)
  t.equal(await wrong('--yes', '--lag', '601'), 78)
  t.equal(await wrong('--yes', '--stop-command', 'x'), 78)
  t.equal(await wrong('--yes', '--how', 'burn'), 78)
})
