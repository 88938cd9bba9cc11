import { hostname } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { judge, type Findings } from '../../../tools/check/canary/judge.js'
import { parseRange } from '../../../tools/check/range.js'
import { resultText } from '../../../tools/check/result.js'
import { runCheck } from '../../helpers/check-command.js'
import { serverSide, shippedTopology } from '../../helpers/shipped.js'
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

t.test('check canary, the shipped way of application servers, into SQLite', async t => {
  const directory = shortDirectory(t)
  const file = join(directory, 'events.sqlite')
  const { startAll, start, port } = await shippedTopology(t, { directory, store: `sqlite://${file}`, only: serverSide, further: ['--flush-interval', '0.1'] })
  const daemons = await startAll()
  const args = ['canary', '--send', `udp://127.0.0.1:${port(8421)}`, '--read', `sqlite://${file}`]

  t.test('a canary goes the way of events of application servers, and its row is found; it is in no view', async t => {
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
    daemons.get('consumers/mysql')?.child.kill('SIGKILL')
    const soon = await runCheck(...args, '-t', '4', '-w', '60')
    const warned = await runCheck(...args, '-t', '4', '-w', '0.1')
    const alarmed = await until('the newest is three seconds old', async () => {
      const found = await runCheck(...args, '-t', '4', '-w', '1', '-c', '3')
      return found.code === 1 ? null : found
    })
    start('consumers/mysql')
    await until('a row arrives', async () => (await runCheck(...args)).line.startsWith('OK: the row was there'), 60_000)

    t.match(soon, { code: 0, line: /^OK: no row after [\d.]+ s; the newest is of [\d.]+ s ago$/ })
    t.match(warned, { code: 1, line: /^WARNING: no row after [\d.]+ s; the newest is of [\d.]+ s ago$/ })
    t.match(alarmed, { code: 2, line: /^CRITICAL: no row after [\d.]+ s; the newest is of [\d.]+ s ago$/ })
  })

  t.test('a front that refuses is an alarm; one that comes back in time is not, and the canary is there once', async t => {
    const forwarder = daemons.get('forwarders/server-side')
    forwarder?.child.kill('SIGKILL')
    await forwarder?.ended
    const refused = await runCheck(...args, '-t', '4')
    const waiting = runCheck(...args, '-t', '30')
    await start('forwarders/server-side').logged('ready')
    const after = await waiting
    const db = new Database(file)
    t.teardown(() => { db.close() })

    t.match(refused, { code: 2, line: 'CRITICAL: cannot send: recvmsg ECONNREFUSED', stderr: '' })
    t.match(after, { code: 0, line: /^OK: the row was there/ })
    t.strictSame(db.prepare('SELECT event_uuid FROM Canary_1 GROUP BY event_uuid HAVING COUNT(*) > 1').all(), [])
  })
})
