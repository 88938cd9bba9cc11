import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { runCheck, type CheckOutput } from '../../helpers/check-command.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { freePort } from '../../helpers/ports.js'
import { startPrimary, startReplica } from '../../helpers/replica.js'
import { projectRoot } from '../../helpers/shared.js'
import { shortDirectory } from '../../helpers/streams.js'
import { until } from '../../helpers/wait.js'

const needsClient = existsSync('/usr/bin/mariadb') ? needsMariadb : 'needs the client of MariaDB: Debian package mariadb-client'

t.test('a replica', { skip: needsClient, timeout: 240_000 }, async t => {
  const primary = await startPrimary('ROW')
  t.teardown(primary.stop)
  const replica = await startReplica(primary)
  t.teardown(replica.stop)
  const directory = shortDirectory(t)
  const shipped = readFileSync(join(projectRoot, 'examples/mysql/vanadium-accounts.sql'), 'utf8')
  execFileSync('/usr/bin/mariadb', ['--no-defaults', '--user=root', `--socket=${primary.socket}`], { input: shipped.replaceAll(/IDENTIFIED BY [A-Z]+_PASSWORD/g, "IDENTIFIED BY 'looks'") })
  await replica.caughtUp()

  /** With the account that is shipped, or another one, of a server. */
  async function check (server: { socket: string }, { user = 'replication_check', args = [] as string[] } = {}): Promise<CheckOutput> {
    const file = join(directory, `${user}.cnf`)
    writeFileSync(file, `[client]\nuser = ${user}\npassword = looks\nsocket = ${server.socket}\n`, { mode: 0o600 })
    return await runCheck('replication', '--read', `mysql:///information_schema?defaults-file=${file}`, ...args)
  }
  const untilState = async (code: number, args: string[] = []): Promise<CheckOutput> => await until(`the state is ${code}`, async () => {
    const found = await check(replica, { args })
    return found.code === code ? found : null
  }, 60_000)

  t.test('that keeps up is good, for an account that may do nothing else', async t => {
    const found = await check(replica, { args: ['-v'] })

    t.match(found, { code: 0, line: 'OK: 0 s behind', stderr: '' })
    t.strictSame([...found.figures], [['behind', '0s']])
    t.match(found.details[0], new RegExp(`^mysql:///information_schema follows 127.0.0.1:${primary.port}: 0 s behind$`))
    t.match(await replica.query("SHOW GRANTS FOR 'replication_check'@'localhost'"), { length: 1 })
    t.match(Object.values((await replica.query("SHOW GRANTS FOR 'replication_check'@'localhost'"))[0] ?? {}).join(''), /^GRANT (SLAVE|REPLICA) MONITOR ON \*\.\*/)
  })

  t.test('that is seconds behind is a warning, then critical', async t => {
    await primary.query('CREATE TABLE log.slow (n INT)')
    await replica.caughtUp()
    // what holds up its SQL thread
    const { default: mysql } = await import('mysql2/promise')
    const blocker = await mysql.createConnection({ socketPath: replica.socket, user: 'root' })
    await blocker.query('LOCK TABLES log.slow READ')
    await primary.query('INSERT INTO log.slow VALUES (1)')
    const warning = await untilState(1, ['-w', '2', '-c', '3600'])
    const critical = await check(replica, { args: ['-c', '1'] })
    await blocker.end()
    const over = await untilState(0, ['-w', '2'])

    t.match(warning.line, /^WARNING: \d+ s behind$/)
    t.match(critical, { code: 2, line: /^CRITICAL: \d+ s behind$/ })
    t.match(over.line, /^OK: \d+ s behind/)
  })

  t.test('of which a thread is stopped, or has failed, or has lost its primary, is critical, with the reason', async t => {
    await replica.query('STOP SLAVE SQL_THREAD')
    const stopped = await check(replica)
    await replica.query('START SLAVE SQL_THREAD')
    await untilState(0)
    await replica.query('STOP SLAVE IO_THREAD')
    const silent = await check(replica)
    await replica.query('START SLAVE IO_THREAD')
    await replica.query('DROP TABLE log.slow')
    await primary.query('INSERT INTO log.slow VALUES (2)')
    const failed = await until('it has failed', async () => {
      const found = await check(replica)
      return found.line.includes('SQL thread does not run: ') ? found : null
    })
    await replica.query('SET GLOBAL sql_slave_skip_counter = 1').catch(() => {})
    await replica.query('CREATE TABLE log.slow (n INT)')
    await replica.query('START SLAVE')
    await untilState(0)
    await primary.halt()
    const lonely = await until('it connects again', async () => {
      const found = await check(replica)
      return found.line.includes('connecting: ') ? found : null
    })
    await primary.restart()
    const over = await untilState(0)

    t.match(stopped, { code: 2, line: 'CRITICAL: the SQL thread does not run', stderr: '' })
    t.match(silent, { code: 2, line: 'CRITICAL: the receiver (IO) thread does not run' })
    t.match(failed, { code: 2, line: /^CRITICAL: the SQL thread does not run: .*/ })
    t.match(failed.text, /log\.slow/)
    t.match(lonely, { code: 2, line: /^CRITICAL: the receiver \(IO\) thread is connecting: error / })
    t.match(over.line, /^OK: /)
  })

  t.test('is something else than a server that follows nobody', async t => {
    t.match(await check(primary), { code: 2, line: 'CRITICAL: the server is no replica: nothing is set up to be followed', stderr: '' })
  })

  t.test('that does not let the account look is unknown; one that is away, critical', async t => {
    const shut = await check(replica, { user: 'analyst' })
    const stranger = await check(replica, { user: 'nobody-at-all' })
    const away = await runCheck('replication', '--read', `mysql://root@127.0.0.1:${await freePort()}/log`)

    t.match(shut, { code: 3, line: /^UNKNOWN: .*denied/i, stderr: '' })
    t.match(stranger, { code: 3, line: /^UNKNOWN: .*denied/i, stderr: '' })
    t.match(away, { code: 2, line: /^CRITICAL: the replica does not answer: .*ECONNREFUSED/, stderr: '' })
  })
})

t.test('what cannot be is refused; a server that says nothing does not answer', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as { port: number }

  t.match(await runCheck('replication'), { code: 3, line: /^UNKNOWN: --read is missing/, stderr: '' })
  t.match(await runCheck('replication', '--read', 'mysql://root:secret@127.0.0.1/log'), { code: 3, line: /^UNKNOWN: mysql:\/\/root:\*\*\*@/, stderr: '' })
  t.match(await runCheck('replication', '--read', 'tcp://127.0.0.1:1'), { code: 3, line: /^UNKNOWN: --read / })
  t.match(await runCheck('replication', '--read', `mysql://root@127.0.0.1:${port}/log`, '-t', '2'), { code: 2, line: 'CRITICAL: the replica does not answer: nothing for 1.8 s', stderr: '' })
})
