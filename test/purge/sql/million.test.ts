import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import t from 'tap'
import { createLog } from '../../../lib/log.js'
import { openMysqlPurge } from '../../../lib/purge/mysql.js'
import type { Rules, Work } from '../../../lib/purge/store.js'
import { planTable } from '../../../lib/sql/columns.js'
import { mysqlDialect } from '../../../lib/sql/ddl.js'
import { mediawikiTime } from '../../../lib/sql/times.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { schemasOf } from '../../helpers/context.js'
import { needsMariadb, type Mariadb } from '../../helpers/mariadb.js'
import { startPrimary, startReplica } from '../../helpers/replica.js'
import { until } from '../../helpers/wait.js'
import { mysqlUri, schemaOf } from '../../sql/fixtures.js'

t.setTimeout(600_000)

const rows = 1_000_000
const perSecond = 500
const mostLagSeconds = 5
const schema = schemaOf({ action: { type: 'string' }, ms: { type: 'number' }, token: { type: 'string' } }, { name: 'Big' })
const nowMs = Date.now()
const rules: Rules = { nowMs, mostDays: 90, names: [], of: () => ({ days: 90, keep: [], anonymise: new Map(), longer: null, aggregate: { by: ['wiki'], of: ['event.ms'] } }) }

t.test(`a purge of ${rows} rows disturbs neither who inserts nor who follows`, { skip: needsMariadb, timeout: 590_000 }, async t => {
  const options = ['--innodb-flush-log-at-trx-commit=2', '--innodb-buffer-pool-size=256M', '--innodb-log-file-size=256M']
  const primary = await startPrimary('ROW', options)
  t.teardown(primary.stop)
  const replica = await startReplica(primary, options)
  t.teardown(replica.stop)
  const database = await primary.database()
  for (const statement of mysqlDialect.create(planTable(schema))) await primary.query(statement, database)
  await replica.caughtUp()
  await Promise.all([primary, replica].map(async server => { await fill(server, database) }))
  const inserter = await startInserting(primary, database)
  t.teardown(inserter.stop)
  await until('rows came without a purge', () => inserter.delays.length > 5 * perSecond, 60_000)
  const quiet = inserter.delays.splice(0)

  const lags: number[] = []
  const watch = setInterval(() => { lagOf(replica).then(lag => lags.push(lag), () => {}) }, 500)
  t.teardown(() => { clearInterval(watch) })
  const { batches, deleted, counted } = await purge(primary, replica, database)
  const busy = inserter.delays.splice(0)
  await inserter.stop()

  const [waits] = await primary.query("SELECT VARIABLE_VALUE AS most FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_TIME_MAX'")
  const [left] = await primary.query('SELECT COUNT(*) AS n, (SELECT SUM(events) FROM Big_daily) AS counted, (SELECT SUM(event_ms_sum) FROM Big_daily) AS sum FROM Big_1 WHERE uuid LIKE \'old%\'', database)
  t.comment(`${batches} batches; ${busy.length} inserts meanwhile, the slowest ${worst(busy)} ms (without a purge ${worst(quiet)} ms); longest wait for a lock ${String(waits?.['most'])} ms; lag at most ${worst(lags)} s`)
  t.equal(deleted, rows)
  t.equal(counted, rows)
  t.same(left, { n: 0, counted: rows, sum: rows })
  t.ok(batches > 500, 'in small steps')
  t.ok(Number(waits?.['most']) < 1000, 'nobody waited for a lock for a second')
  t.ok(worst(busy) < 1000 + worst(quiet), 'no insert took a second longer than without a purge')
  t.ok(worst(lags) <= mostLagSeconds, 'the replica was never further behind than its limit')
  await replica.caughtUp()
  t.same(await replica.query('SELECT COUNT(*) AS n FROM Big_1', database), await primary.query('SELECT COUNT(*) AS n FROM Big_1', database))
})

/** The same rows, of 57 days and at least two days too old, on both: made where they are, because following would take longer. */
async function fill ({ port }: Mariadb, database: string): Promise<void> {
  const connection = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root', database })
  const first = new Date(nowMs - 150 * 86_400_000).toISOString().slice(0, 19)
  await connection.query('SET SESSION sql_log_bin = 0, unique_checks = 0')
  await connection.query(`INSERT INTO Big_1 (uuid, timestamp, wiki, userAgent, event_action, event_ms)
    SELECT CONCAT('old', seq), DATE_FORMAT('${first}' + INTERVAL seq * 5 SECOND, '%Y%m%d%H%i%s'), IF(seq % 2, 'dewiki', 'enwiki'), 'Mozilla/5.0', 'view', 1 FROM seq_1_to_${rows}`)
  await connection.end()
}

interface Inserter {
  /** Of each insert so far, in milliseconds. */
  readonly delays: number[]
  stop (): Promise<void>
}

/** As consumers do that are not behind: a row or a few at a time, each a transaction. Those that are late come at once. */
async function startInserting (primary: Mariadb, database: string): Promise<Inserter> {
  const delays: number[] = []
  const connection = await mysql.createConnection({ host: '127.0.0.1', port: primary.port, user: 'root', database })
  const time = mediawikiTime(Math.floor(nowMs / 1000))
  const end = new AbortController()
  const beganMs = performance.now()

  async function run (): Promise<void> {
    for (let sent = 0; !end.signal.aborted; sent++) {
      const early = beganMs + sent * 1000 / perSecond - performance.now()
      if (early > 0) await sleep(early)
      const begun = performance.now()
      await connection.query("INSERT INTO Big_1 (uuid, timestamp, wiki, event_action, event_ms) VALUES (?, ?, 'dewiki', 'view', 7)", [randomBytes(16).toString('hex'), time])
      delays.push(performance.now() - begun)
    }
  }
  const done = run()
  return {
    delays,
    async stop () {
      if (end.signal.aborted) return
      end.abort()
      await done
      await connection.end()
    }
  }
}

async function purge (primary: Mariadb, replica: Mariadb, database: string): Promise<{ batches: number, deleted: number, counted: number }> {
  const store = openMysqlPurge(parseUri(mysqlUri(primary, database)), {
    defaultsFile: '',
    schemas: schemasOf([schema]),
    log: createLog({ level: 'error' }),
    replicas: [{ uri: parseUri(mysqlUri(replica, 'information_schema')), defaultsFile: '' }],
    replicaLimits: { mostSeconds: mostLagSeconds - 3, everyMs: 500 }
  })
  const works: Work[] = []
  try {
    for await (const work of store.purge(rules, new AbortController().signal)) works.push(work)
    for await (const left of store.prove(rules)) t.fail('something is left', left)
  } finally {
    await store.close()
  }
  const sum = (action: Work['action']): number => works.filter(work => work.action === action).reduce((sum, { rows }) => sum + rows, 0)
  return { batches: works.filter(({ action }) => action === 'delete').length, deleted: sum('delete'), counted: sum('aggregate') }
}

async function lagOf (replica: Mariadb): Promise<number> {
  const [status] = await replica.query('SHOW SLAVE STATUS')
  return Number(status?.['Seconds_Behind_Master'] ?? 0)
}

function worst (numbers: readonly number[]): number {
  return Math.round(numbers.reduce((most, number) => Math.max(most, number), 0))
}
