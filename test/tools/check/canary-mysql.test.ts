import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import mysql from 'mysql2/promise'
import { runCheck } from '../../helpers/check-command.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'
import { serverSide, shippedTopology } from '../../helpers/shipped.js'
import { shortDirectory } from '../../helpers/streams.js'

t.test('check canary in MariaDB', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const directory = shortDirectory(t)
  const database = await server.database()
  const shipped = await shippedTopology(t, { directory, store: `mysql://root@127.0.0.1:${server.port}/${database}`, only: serverSide, further: ['--flush-interval', '0.1'] })
  const send = ['--send', `udp://127.0.0.1:${shipped.port(8421)}`]
  const check = async (...more: string[]): ReturnType<typeof runCheck> => await runCheck('canary', ...send, '--read', `mysql://reader@127.0.0.1:${server.port}/${database}`, ...more)
  await server.query("CREATE USER reader@'%'")
  await shipped.startAll()

  t.test('an account that may not read is UNKNOWN; one that may read that table alone is enough', async t => {
    const denied = await check('-t', '3')
    // the table is there by now
    await server.query(`GRANT SELECT ON ${database}.Canary_1 TO reader@'%'`)
    const found = await check()

    t.match(denied, { code: 3, line: /^UNKNOWN: may not read Canary_1: Access denied/ })
    t.match(found, { code: 0, line: /^OK: the row was there after/ })
    t.strictSame((await server.query('SHOW TABLES', database)).flatMap(row => Object.values(row)).sort(), ['Canary_1', 'vanadium_positions'])
  })

  t.test('a replica, which is read-only, will do', async t => {
    await check()
    await server.query('SET GLOBAL read_only = 1')
    const found = await check('-t', '4')
    await server.query('SET GLOBAL read_only = 0')

    t.match(found, { code: 0, line: /^OK: no row after .* the newest is of/ })
  })

  t.test('a table that somebody has locked gives no answer', async t => {
    const other = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
    await other.query('LOCK TABLES Canary_1 WRITE')
    const found = await check('-t', '3')
    await other.end()

    t.match(found, { code: 2, line: /^CRITICAL: the database gave no answer for 2\.\d s$/ })
  })

  t.test('a server that is away is told from rows that are late, and its return in time is enough', async t => {
    await server.kill()
    const away = await check('-t', '4')
    const waiting = check('-t', '30')
    await server.restart()

    t.match(away, { code: 2, line: /^CRITICAL: database unreachable: connect ECONNREFUSED 127\.0\.0\.1:\d+$/, stderr: '' })
    t.match(await waiting, { code: 0, line: /^OK: the row was there after/ })
  })

  t.test('the password is in a file, and nowhere else', async t => {
    await server.query("CREATE USER secretive@'%' IDENTIFIED BY 'mouse-hole'")
    await server.query(`GRANT SELECT ON ${database}.Canary_1 TO secretive@'%'`)
    const file = t.testdir({ 'canary.cnf': `[client]\nuser = secretive\npassword = mouse-hole\nhost = 127.0.0.1\nport = ${server.port}\n` })
    chmodSync(join(file, 'canary.cnf'), 0o600)
    const found = await runCheck('canary', ...send, '--read', `mysql:///${database}?defaults-file=${join(file, 'canary.cnf')}`, '-t', '20')

    t.match(found, { code: 0 })
    t.notMatch(found.text, /mouse/)
  })
})
