import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import { createSocket } from 'node:dgram'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import mysql from 'mysql2/promise'
import { judge, type Findings } from '../../../tools/check/canary/judge.js'
import { parseRange } from '../../../tools/check/range.js'
import { resultText } from '../../../tools/check/result.js'
import { runCheck } from '../../helpers/check-command.js'
import { startReady } from '../../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../../helpers/mariadb.js'
import { freePort, stablePort } from '../../helpers/ports.js'
import { shippedTopology, type Shipped } from '../../helpers/shipped.js'
import { shortDirectory } from '../../helpers/streams.js'
import { until } from '../../helpers/wait.js'

const now = 1_400_664_601_000
const findings: Findings = { seenMs: null, sentMs: now - 8000, last: { isThere: false, newestMs: null }, sendProblem: null, nowMs: now, front: 'udp://127.0.0.1:8421', database: 'mysql://127.0.0.1/log' }
const limits = { warning: parseRange('-w', '120'), critical: parseRange('-c', '300') }
const newest = (seconds: number): Partial<Findings> => ({ last: { isThere: false, newestMs: now - seconds * 1000 } })

const cases: ReadonlyArray<readonly [what: string, found: Partial<Findings>, state: string, line: string]> = [
  ['the row is there', { seenMs: now - 7500, sentMs: now - 8000, nowMs: now - 7500 }, 'ok', 'OK: the row was there after 0.5 s | latency=0.5s;;;0 age=0.5s;120;300;0'],
  ['the row is there, whatever the front says', { seenMs: now, sendProblem: 'refused' }, 'ok', 'OK: the row was there after 8.0 s | latency=8s;;;0 age=8s;120;300;0'],
  ['late, and the one before is young', newest(68), 'ok', 'OK: no row after 8.0 s; the newest is of 68 s ago | age=68s;120;300;0'],
  ['at the limit', newest(120), 'ok', 'OK: no row after 8.0 s; the newest is of 120 s ago | age=120s;120;300;0'],
  ['beyond it', newest(121), 'warning', 'WARNING: no row after 8.0 s; the newest is of 121 s ago | age=121s;120;300;0'],
  ['beyond the other', newest(3601), 'critical', 'CRITICAL: no row after 8.0 s; the newest is of 3601 s ago | age=3601s;120;300;0'],
  ['a clock that was set back', newest(-5), 'ok', 'OK: no row after 8.0 s; the newest is of 0.0 s ago | age=0s;120;300;0'],
  ['none ever', {}, 'critical', 'CRITICAL: no row after 8.0 s, nor any before of this front'],
  ['no table', { last: { kind: 'table', reason: 'Table \'log.Canary_1\' doesn\'t exist' } }, 'critical', 'CRITICAL: no table of canaries yet: Table \'log.Canary_1\' doesn\'t exist'],
  ['no database', { last: { kind: 'away', reason: 'connect ECONNREFUSED 127.0.0.1:3306' } }, 'critical', 'CRITICAL: database unreachable: connect ECONNREFUSED 127.0.0.1:3306'],
  ['a database that hangs', { last: null }, 'critical', 'CRITICAL: the database gave no answer for 8.0 s'],
  ['may not look', { last: { kind: 'refused', reason: 'Access denied' } }, 'unknown', 'UNKNOWN: may not read Canary_1: Access denied'],
  ['may not look, and cannot send', { last: { kind: 'refused', reason: 'Access denied' }, sendProblem: 'refused' }, 'critical', 'CRITICAL: cannot send: refused; may not read Canary_1: Access denied'],
  ['cannot send, and the one before is young', { ...newest(68), sendProblem: 'recvmsg ECONNREFUSED' }, 'critical', 'CRITICAL: cannot send: recvmsg ECONNREFUSED | age=68s;120;300;0'],
  ['both', { last: { kind: 'away', reason: 'connect ECONNREFUSED' }, sendProblem: 'HTTP status 503' }, 'critical', 'CRITICAL: cannot send: HTTP status 503; database unreachable: connect ECONNREFUSED']
]

for (const [what, found, state, line] of cases) {
  t.test(`judged: ${what}`, t => {
    const result = judge({ ...findings, ...found }, limits)

    t.equal(result.state, state)
    t.equal(resultText(result).split('\n')[0], line.length <= 79 || line.includes(' | ') ? line : `${line.slice(0, 78)}…`)
    t.end()
  })
}

const serverSide = ['forwarders/server-side', 'processors/server-side', 'forwarders/all-events', 'consumers/mysql']

interface Chain extends Shipped {
  readonly file: string
  readonly args: readonly string[]
}

/** The shipped way of application servers, into SQLite. */
async function chainOf (t: Test): Promise<Chain> {
  const directory = shortDirectory(t)
  const file = join(directory, 'events.sqlite')
  const shipped = await shippedTopology(t, { directory, store: `sqlite://${file}`, only: serverSide, further: ['--flush-interval', '0.1'] })
  return { ...shipped, file, args: ['canary', '--send', `udp://127.0.0.1:${shipped.port(8421)}`, '--read', `sqlite://${file}`] }
}

t.test('a canary goes the way of events of application servers, and its row is found; it is in no view', async t => {
  const { startAll, file, args, port } = await chainOf(t)
  await startAll()

  const first = await runCheck(...args)
  const second = await runCheck(...args, '-v')
  const db = new Database(file)
  t.teardown(() => { db.close() })
  const rows = db.prepare('SELECT uuid, wiki, event_uuid, event_host, event_front FROM Canary_1').all() as Array<Record<string, string>>

  for (const found of [first, second]) {
    t.match(found, { code: 0, line: /^OK: the row was there after \d\.\d s$/, stderr: '' })
    t.match([...found.figures.keys()], ['latency', 'age'])
  }
  t.match(rows, [{ wiki: 'vanadium', event_host: hostname(), event_front: `udp://127.0.0.1:${port(8421)}` }, {}])
  t.equal(new Set(rows.map(({ uuid }) => uuid)).size, 2)
  t.strictSame(rows.map(({ uuid }) => uuid), rows.map(({ event_uuid: uuid }) => uuid))
  t.strictSame(db.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND type IN ('table', 'view') AND name LIKE '%anary%'").all(), [{ name: 'Canary_1' }])
})

t.test('rows that do not arrive: what was there before grows old, then it is an alarm; when they flow, all is well', async t => {
  const { startAll, start, args } = await chainOf(t)
  const daemons = await startAll()
  await until('a row arrives', async () => (await runCheck(...args)).code === 0)
  daemons.get('consumers/mysql')?.child.kill('SIGKILL')
  const soon = await runCheck(...args, '-t', '1', '-w', '60')
  const warned = await runCheck(...args, '-t', '1', '-w', '0.1')
  const alarmed = await until('the newest is three seconds old', async () => {
    const found = await runCheck(...args, '-t', '1', '-w', '1', '-c', '3')
    return found.code === 1 ? null : found
  })
  start('consumers/mysql')
  const after = await runCheck(...args, '-t', '20', '-c', '20')

  t.match(soon, { code: 0, line: /^OK: no row after 0\.\d s; the newest is of [\d.]+ s ago$/ })
  t.match(warned, { code: 1, line: /^WARNING: no row after 0\.\d s; the newest is of [\d.]+ s ago$/ })
  t.match(alarmed, { code: 2, line: /^CRITICAL: no row after 0\.\d s; the newest is of [\d.]+ s ago$/ })
  t.match(after, { code: 0, line: /^OK: the row was there/ })
})

t.test('a front that refuses is an alarm; one that comes back in time is not, and the canary is there once', async t => {
  const { startAll, start, args, file } = await chainOf(t)
  const daemons = await startAll()
  await until('a row arrives', async () => (await runCheck(...args)).code === 0)
  const forwarder = daemons.get('forwarders/server-side')
  forwarder?.child.kill('SIGKILL')
  await forwarder?.ended
  const refused = await runCheck(...args, '-t', '2')
  const waiting = runCheck(...args, '-t', '30')
  await start('forwarders/server-side').logged('ready')
  const after = await waiting
  const db = new Database(file)
  t.teardown(() => { db.close() })

  t.match(refused, { code: 2, line: 'CRITICAL: cannot send: recvmsg ECONNREFUSED', stderr: '' })
  t.match(after, { code: 0, line: /^OK: the row was there/ })
  t.match(db.prepare('SELECT COUNT(*) AS n, COUNT(DISTINCT event_uuid) AS distinct_n FROM Canary_1').get(), { n: 2, distinct_n: 2 })
})

/** A database without a canary. */
async function emptyStore (t: Test): Promise<string> {
  const file = join(shortDirectory(t), 'empty.sqlite')
  new Database(file).exec('CREATE TABLE other (n INT)').close()
  return await Promise.resolve(`sqlite://${file}`)
}

t.test('a file that is not there, and one without the table, are told apart', async t => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => { socket.close() })
  const send = ['--send', `udp://127.0.0.1:${socket.address().port}`, '-t', '1']

  t.match(await runCheck('canary', ...send, '--read', 'sqlite:///nowhere/at.all'), { code: 2, line: 'CRITICAL: database unreachable: there is no /nowhere/at.all' })
  t.match(await runCheck('canary', ...send, '--read', await emptyStore(t)), { code: 2, line: 'CRITICAL: no table of canaries yet: no such table: Canary_1' })
})

t.test('through a beacon a canary is an event as browsers send it', async t => {
  const directory = shortDirectory(t)
  const [port, file] = [await stablePort(), join(directory, 'events.sqlite')]
  const stream = `ipc://${join(directory, 'events')}`
  await startReady(t, 'processor', '--state', directory, '--format', '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i', '--input', `http://127.0.0.1:${port}`, '--output', `${stream}?journal=events`, '--invalid', `${stream}?journal=events`)
  await startReady(t, 'consumer', '--state', directory, '--flush-interval', '0.1', '--input', `${stream}?as=consumer`, '--output', `sqlite://${file}`)

  t.match(await runCheck('canary', '--send', `http://127.0.0.1:${port}/event.gif`, '--read', `sqlite://${file}`), { code: 0, line: /^OK: the row was there after/, stderr: '' })
  t.match(await runCheck('canary', '--send', `http://127.0.0.1:${port}/nothing`, '--read', `sqlite://${file}`, '-t', '1'), { code: 2, line: 'CRITICAL: cannot send: HTTP status 404' })
})

t.test('a beacon that misbehaves is told as it is', async t => {
  const store = await emptyStore(t)
  const check = async (port: number): Promise<unknown> => await runCheck('canary', '--send', `http://127.0.0.1:${port}/event.gif`, '--read', store, '-t', '1.5')
  const servers: ReadonlyArray<readonly [RequestListener, string]> = [
    [(_request, response) => { response.writeHead(500).end('<html>') }, 'HTTP status 500'],
    [(_request, response) => { response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end() }, 'HTTP status 302'],
    [request => { request.socket.destroy() }, 'other side closed'],
    [() => { /* hangs */ }, 'no answer']
  ]
  for (const [listener, reason] of servers) {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.match(await check((server.address() as AddressInfo).port), { code: 2, line: new RegExp(`^CRITICAL: cannot send: ${reason}; no table`), stderr: '' })
    server.closeAllConnections()
    server.close()
  }
  t.match(await check(await freePort()), { code: 2, line: /^CRITICAL: cannot send: connect ECONNREFUSED/ })
})

t.test('nonsense is UNKNOWN, and says what is allowed', async t => {
  const read = ['--read', 'sqlite:///x']
  for (const [args, line] of [
    [['--send', 'carrier-pigeon://x', ...read], /^UNKNOWN: carrier-pigeon:\/\/x: there is no writer/],
    [['--send', 'mysql://127.0.0.1/log', ...read], /^UNKNOWN: --send mysql:\/\/127\.0\.0\.1\/log: events come in at the front/],
    [['--send', 'http://127.0.0.1/?x=1', ...read], /^UNKNOWN: --send "http:\/\/127\.0\.0\.1\/\?x=1": give the URL/],
    [['--send', 'http://me:secret@127.0.0.1/', ...read], /^UNKNOWN: --send "http:\/\/me:\*\*\*@/],
    [['--send', 'udp://127.0.0.1:1', '--read', 'tcp://127.0.0.1:1'], /^UNKNOWN: --read "tcp:\/\/127\.0\.0\.1:1" is no database/],
    [['--send', 'udp://127.0.0.1:1', '--read', 'mysql://me:secret@127.0.0.1/log'], /^UNKNOWN: mysql:\/\/me:\*\*\*@127/],
    [['--send', 'udp://127.0.0.1:1', '--read', 'mysql://127.0.0.1/log?defaults-file=/nowhere'], /^UNKNOWN: defaults-file "\/nowhere" cannot be read/]
  ] as const) {
    const found = await runCheck('canary', ...args)
    t.match(found, { code: 3, line, stderr: '' }, args.join(' '))
    t.notMatch(found.text, /secret|^ +at /m)
  }
})

t.test('in MariaDB', { skip: needsMariadb }, async t => {
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
    const found = await check('-t', '2')
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
    const away = await check('-t', '2')
    const waiting = check('-t', '30')
    await server.restart()

    t.match(away, { code: 2, line: /^CRITICAL: database unreachable: connect ECONNREFUSED 127\.0\.0\.1:\d+$/, stderr: '' })
    t.match(await waiting, { code: 0, line: /^OK: the row was there after/ })
  })

  t.test('the password is in a file, and nowhere else', async t => {
    await server.query("CREATE USER secretive@'%' IDENTIFIED BY 'mouse-hole'")
    await server.query(`GRANT SELECT ON ${database}.Canary_1 TO secretive@'%'`)
    const file = t.testdir({ 'canary.cnf': `[client]\nuser = secretive\npassword = mouse-hole\nhost = 127.0.0.1\nport = ${server.port}\n` })
    const found = await runCheck('canary', ...send, '--read', `mysql:///${database}?defaults-file=${join(file, 'canary.cnf')}`, '-t', '20')

    t.match(found, { code: 0 })
    t.notMatch(found.text, /mouse/)
  })
})
