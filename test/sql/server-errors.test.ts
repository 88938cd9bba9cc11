import t, { type Test } from 'tap'
import mysql, { type Connection } from 'mysql2/promise'
import { classify, type ErrorClass } from '../../lib/sql/errors.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'

// seen to fail with 1054, 1114, 1146, 1205, 1213, 1226, 1290, 1969 taken out of lib/sql/errors.ts; the others have an SQLSTATE that says the same
t.test('what a real MariaDB answers is told apart', { skip: needsMariadb }, async t => {
  // a shared table space that cannot grow: a table is soon full
  const server = await startMariadb(['--innodb-data-file-path=ibdata1:12M:autoextend:max:24M', '--lock-wait-timeout=1', '--innodb-lock-wait-timeout=1'])
  t.teardown(server.stop)
  const database = await server.database()
  const connect = async (options: object = {}): Promise<Connection> =>
    await mysql.createConnection({ socketPath: server.socket, user: 'root', database, ...options })
  const connection = await connect()
  t.teardown(async () => { await connection.end() })
  await connection.query("SET SESSION sql_mode = 'STRICT_ALL_TABLES'")
  await connection.query('CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(3), n TINYINT, at DATETIME, other CHAR(2) UNIQUE, needed INT NOT NULL DEFAULT 1, CHECK (n < 100)) ENGINE=InnoDB')
  await connection.query("INSERT INTO t (id, other) VALUES (1, 'x'), (2, 'y')")

  async function errorOf (work: Promise<unknown>): Promise<Error & { errno?: number }> {
    return await work.then(() => { throw new TypeError('that worked') }, (error: unknown) => error as Error)
  }

  async function is (t: Test, what: string, kind: ErrorClass, number: number, work: Promise<unknown>): Promise<void> {
    const error = await errorOf(work)
    t.equal(error.errno, number, `${what}: ${error.message}`)
    t.equal(classify(error), kind, `${what} is of class ${kind}`)
  }

  const refused: Array<[what: string, kind: ErrorClass, number: number, statement: string]> = [
    ['a value that is too long', 'row', 1406, "INSERT INTO t (id, a) VALUES (3, 'four')"],
    ['a number that is out of range', 'row', 1264, 'INSERT INTO t (id, n) VALUES (3, 1000)'],
    ['a date that is none', 'row', 1292, "INSERT INTO t (id, at) VALUES (3, '2014-02-31 00:00:00')"],
    ['a text that is no number', 'row', 1366, "INSERT INTO t (id, n) VALUES (3, 'one')"],
    ['a duplicate of another unique column', 'row', 1062, "INSERT INTO t (id, other) VALUES (3, 'x')"],
    ['a value that is missing', 'row', 1048, 'INSERT INTO t (id, needed) VALUES (3, NULL)'],
    ['a value that a constraint forbids', 'row', 4025, 'INSERT INTO t (id, n) VALUES (3, 120)'],
    ['an unknown column', 'schema', 1054, 'INSERT INTO t (id, none) VALUES (3, 1)'],
    ['an unknown table', 'schema', 1146, 'INSERT INTO none VALUES (1)'],
    ['an unknown database', 'operator', 1049, 'USE none'],
    ['a statement that takes too long', 'wait', 1969, 'SET STATEMENT max_statement_time = 0.01 FOR SELECT SLEEP(10) FROM t']
  ]
  for (const [what, kind, number, statement] of refused) {
    t.test(what, async t => { await is(t, what, kind, number, connection.query(statement)) })
  }

  t.test('a wait for a row, and for a table, that the server ends', async t => {
    const other = await connect()
    await other.query('START TRANSACTION')
    await other.query('UPDATE t SET n = 1 WHERE id = 1')
    await is(t, 'the wait for a row', 'wait', 1205, connection.query('UPDATE t SET n = 2 WHERE id = 1'))
    await is(t, 'the wait for a table', 'wait', 1205, connection.query('ALTER TABLE t ADD COLUMN more INT'))
    await other.end()
  })

  t.test('a deadlock', async t => {
    const [one, two] = [await connect(), await connect()]
    await Promise.all([one, two].map(async session => { await session.query('SET SESSION innodb_lock_wait_timeout = 20') }))
    for (const session of [one, two]) await session.query('START TRANSACTION')
    await one.query('UPDATE t SET n = 3 WHERE id = 1')
    await two.query('UPDATE t SET n = 3 WHERE id = 2')
    const outcomes = await Promise.allSettled([one.query('UPDATE t SET n = 4 WHERE id = 2'), two.query('UPDATE t SET n = 4 WHERE id = 1')])
    const failed = outcomes.filter(outcome => outcome.status === 'rejected').map(outcome => outcome.reason as Error & { errno: number })

    t.strictSame(failed.map(({ errno }) => errno), [1213])
    t.equal(classify(failed[0]), 'wait')
    await Promise.all([one.end(), two.end()])
  })

  t.test('a server that is read-only', async t => {
    await server.query('CREATE USER plain@localhost')
    await server.query(`GRANT SELECT, INSERT ON ${database}.* TO plain@localhost`)
    await server.query('SET GLOBAL read_only = 1')
    t.teardown(async () => { await server.query('SET GLOBAL read_only = 0') })
    const plain = await connect({ user: 'plain' })
    await is(t, 'an INSERT', 'wait', 1290, plain.query('INSERT INTO t (id) VALUES (3)'))
    await plain.end()
  })

  t.test('a password that is wrong, a right that is missing, more connections than there may be', async t => {
    await server.query("CREATE USER poor@localhost IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS 1")
    await is(t, 'a wrong password', 'operator', 1045, connect({ user: 'poor', password: 'wrong', database: undefined }))
    const poor = await connect({ user: 'poor', password: 'secret', database: undefined })
    await is(t, 'a missing right', 'operator', 1142, poor.query(`INSERT INTO ${database}.t (id) VALUES (3)`))
    await is(t, 'one connection too many', 'wait', 1226, connect({ user: 'poor', password: 'secret', database: undefined }))
    await poor.end()
  })

  t.test('a connection that is killed while a statement runs', async t => {
    const victim = await connect()
    victim.on('error', () => {})
    const failing = errorOf(victim.query('SELECT SLEEP(20)'))
    await until('it runs', async () => (await server.query('SHOW PROCESSLIST')).some(({ Info }) => Info === 'SELECT SLEEP(20)'))
    await server.query(`KILL ${victim.threadId}`)

    t.equal(classify(await failing), 'wait')
  })

  t.test('a table for which there is no more room', async t => {
    await connection.query('SET GLOBAL innodb_file_per_table = 0')
    await connection.query('CREATE TABLE big (id INT AUTO_INCREMENT PRIMARY KEY, a LONGTEXT) ENGINE=InnoDB')
    await is(t, 'an INSERT', 'wait', 1114, (async () => { for (;;) await connection.query("INSERT INTO big (a) VALUES (REPEAT('x', 1000000))") })())
  })

  t.test('a server that is away', async t => {
    await server.kill()
    t.teardown(server.restart)
    t.equal(classify(await errorOf(connect())), 'wait', 'by its socket')
    t.equal(classify(await errorOf(connect({ socketPath: undefined, host: '127.0.0.1', port: server.port }))), 'wait', 'by its port')
  })
})
