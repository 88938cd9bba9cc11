import { Writable } from 'node:stream'
import mysql, { type Connection } from 'mysql2/promise'
import t, { type Test } from 'tap'
import { createLog } from '../../../lib/log.js'
import { openMysqlPurge, type MysqlPurgeOptions } from '../../../lib/purge/mysql.js'
import type { PurgeStore, Rules, Work } from '../../../lib/purge/store.js'
import { planTable } from '../../../lib/sql/columns.js'
import { mysqlDialect } from '../../../lib/sql/ddl.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { schemasOf } from '../../helpers/context.js'
import { startDaemon } from '../../helpers/daemon.js'
import { needsMariadb, type Mariadb } from '../../helpers/mariadb.js'
import { purgedHost } from '../../helpers/purge-command.js'
import { contents, startPrimary, startReplica } from '../../helpers/replica.js'
import { until } from '../../helpers/wait.js'
import { mysqlUri, schemaOf } from '../../sql/fixtures.js'
import { collect } from '../fixtures.js'

t.setTimeout(300_000)

const nowMs = Date.now()
const never = new AbortController().signal
const schema = schemaOf({ n: { type: 'integer' }, token: { type: 'string' } })
const rules: Rules = { nowMs, mostDays: 90, names: [], of: () => ({ days: 90, keep: [], anonymise: new Map(), longer: null, aggregate: null }) }

t.test('a purge that is disturbed', { skip: needsMariadb }, async t => {
  const primary = await startPrimary('ROW')
  t.teardown(primary.stop)
  const replica = await startReplica(primary)
  t.teardown(replica.stop)

  /** A database with so many rows that are too old. */
  async function filled (rows: number): Promise<string> {
    const database = await primary.database()
    for (const statement of mysqlDialect.create(planTable(schema))) await primary.query(statement, database)
    await primary.query(`INSERT INTO Test_1 (uuid, timestamp, wiki, event_n, event_token)
      SELECT MD5(seq), DATE_FORMAT('${new Date(nowMs).toISOString().slice(0, 19)}' - INTERVAL 100 + seq % 20 DAY, '%Y%m%d%H%i%s'), IF(seq % 2, 'dewiki', 'enwiki'), seq, 'secret' FROM seq_1_to_${rows}`, database)
    return database
  }

  async function count (database: string, condition = '1 = 1'): Promise<number> {
    const [row] = await primary.query(`SELECT COUNT(*) AS n FROM Test_1 WHERE ${condition}`, database)
    return Number(row?.['n'])
  }

  t.test('waits for a replica that is behind, whatever the reason, and goes on; or gives up', async t => {
    const database = await filled(1000)
    await replica.caughtUp()
    const following = (patienceMs: number): Pick<MysqlPurgeOptions, 'replicas' | 'replicaLimits'> =>
      ({ replicas: [{ uri: parseUri(mysqlUri(replica, 'information_schema')), defaultsFile: '' }], replicaLimits: { mostSeconds: 60, everyMs: 50, patienceMs } })
    await replica.query('STOP SLAVE SQL_THREAD')
    const hasty = openStore(t, primary, database, following(200))
    await t.rejects(collect(hasty.store.purge(rules, never)), { code: 'stopped', message: /does not follow .*SQL thread does not run; waited for 0 min in vain/ })
    t.equal(await count(database), 1000)

    const lock = await locking(t, replica, database, 'LOCK TABLES Test_1 WRITE')
    // of an hour ago, as of a server that has been busy for so long
    await primary.query(`SET STATEMENT timestamp = ${Math.floor(nowMs / 1000) - 3600} FOR UPDATE Test_1 SET event_n = 0 WHERE event_n = 1`, database)
    await replica.query('START SLAVE SQL_THREAD')
    await until('the replica is behind', async () => Number((await replica.query('SHOW SLAVE STATUS'))[0]?.['Seconds_Behind_Master']) > 3000, 60_000)
    const { store, logged } = openStore(t, primary, database, following(600_000))
    const purging = collect(store.purge(rules, never))
    await until('it waits', () => logged.some(line => /"the purge waits for a replica".* 3\d\d\d s behind/.test(line)), 60_000)
    t.equal(await count(database), 1000)
    await lock.end()

    t.equal(rowsOf(await purging), 1000)
    t.equal(await count(database), 0)
  })

  t.test('takes half as many rows after it waited for a lock in vain', async t => {
    const database = await filled(1000)
    // the oldest
    const lock = await locking(t, primary, database, 'BEGIN', 'SELECT id FROM Test_1 WHERE id = 19 FOR UPDATE')
    const { store, logged } = openStore(t, primary, database, { pace: { firstRows: 200, targetMs: 60_000 } })
    const waits = (): number => logged.filter(line => /the purge waits and goes on.*[Ll]ock wait timeout/.test(line)).length

    const purging = collect(store.purge(rules, never))
    await until('it waited in vain', () => waits() > 0, 60_000)
    await lock.end()
    const works = await purging

    t.equal(works[0]?.rows, 200 >> waits())
    t.equal(rowsOf(works), 1000)
    t.equal(await count(database), 0)
  })

  t.test('killed in the middle, the same command ends as one that was not', async t => {
    const rows = 4000
    const [database, other] = [await filled(rows), await filled(rows)]
    const host = purgedHost(t, { schemas: { Test: { retention: { keep: ['event.n'], aggregate: { by: ['wiki'], of: ['event.n'] } } } } })
    const arguments_ = ['--store', mysqlUri(primary, database)]
    const isDone = 'event_token IS NULL'
    const lock = await locking(t, primary, database, 'BEGIN', `SELECT id FROM Test_1 WHERE id = ${rows / 2} FOR UPDATE`)
    const killed = startDaemon(t, 'purge', '--registry', `${host.directory}/registry.yaml`, '--config', host.config, '--state', host.state, ...arguments_)
    await until('it is in the middle', async () => await count(database, isDone) > 0, 60_000)
    killed.child.kill('SIGKILL')
    t.equal(await killed.ended, 'SIGKILL')
    const before = await count(database, isDone)
    t.ok(before > 0 && before < rows, `${before} rows were done`)
    await lock.end()

    const again = await host.purge(...arguments_)
    t.equal(again.code, 0, again.text + again.errors)
    t.match(again.text, new RegExp(`${(rows - before).toLocaleString('en-US')} rows stripped`))
    t.equal((await host.purge('--prove', ...arguments_)).code, 0)

    t.equal((await host.purge('--store', mysqlUri(primary, other))).code, 0)
    t.same(await endState(primary, database), await endState(primary, other))
    t.same(await primary.query('SELECT SUM(events) AS events, SUM(event_n_sum) AS sum FROM Test_daily', database), [{ events: rows, sum: rows * (rows + 1) / 2 }])
  })
})

interface Opened {
  readonly store: PurgeStore
  readonly logged: string[]
}

function openStore (t: Test, server: Mariadb, database: string, options: Partial<MysqlPurgeOptions>): Opened {
  const logged: string[] = []
  const stream = new Writable({ write (chunk: Buffer, _encoding, done) { logged.push(chunk.toString()); done() } })
  const store = openMysqlPurge(parseUri(mysqlUri(server, database)), { defaultsFile: '', schemas: schemasOf([schema]), log: createLog({ burst: 1000, stream }), ...options })
  t.teardown(store.close)
  return { store, logged }
}

/** Another connection, in which these statements have run. */
async function locking (t: Test, { port }: Mariadb, database: string, ...statements: string[]): Promise<Connection> {
  const connection = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root', database })
  t.teardown(() => { connection.destroy() })
  for (const statement of statements) await connection.query(statement)
  return connection
}

function rowsOf (works: readonly Work[]): number {
  return works.reduce((sum, { rows }) => sum + rows, 0)
}

/** All tables but what purges note for themselves. */
async function endState (server: Mariadb, database: string): Promise<object> {
  const { vanadium_purge: _, ...tables } = await contents(server, database)
  return tables
}
