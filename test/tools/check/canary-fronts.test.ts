import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { mediawikiTime } from '../../../lib/sql/times.js'
import { builtInWriters } from '../../../lib/writers/index.js'
import { frontOf } from '../../../tools/check/canary/front.js'
import { databaseTarget } from '../../../tools/check/database.js'
import { runCheck } from '../../helpers/check-command.js'
import { startReady } from '../../helpers/daemon.js'
import { freePort, stablePort } from '../../helpers/ports.js'
import { shortDirectory } from '../../helpers/streams.js'

/** A database without a canary. */
async function emptyStore (t: Test): Promise<string> {
  const file = join(shortDirectory(t), 'empty.sqlite')
  new Database(file).exec('CREATE TABLE other (n INT)').close()
  return await Promise.resolve(`sqlite://${file}`)
}

// seen to fail without each of the conditions in rows.ts
t.test('canaries of another host or front, of the future, and of days ago say nothing of this one', async t => {
  const file = join(shortDirectory(t), 'events.sqlite')
  const front = `file://${file}.log`
  const db = new Database(file)
  t.teardown(() => { db.close() })
  db.exec('CREATE TABLE Canary_1 (id INTEGER PRIMARY KEY, timestamp CHAR(14), event_uuid CHAR(32), event_host TEXT, event_front TEXT, event_sent BIGINT)')
  const add = (host: string, from: string, secondsAgo: number): void => {
    const sent = Date.now() - secondsAgo * 1000
    db.prepare('INSERT INTO Canary_1 (timestamp, event_uuid, event_host, event_front, event_sent) VALUES (?, ?, ?, ?, ?)').run(mediawikiTime(Math.floor(sent / 1000)), 'x', host, from, sent)
  }
  const check = async (): Promise<unknown> => await runCheck('canary', '--send', front, '--read', `sqlite://${file}`, '-t', '4')
  add('elsewhere', front, 1)
  add(hostname(), 'udp://127.0.0.1:8421', 1)
  add(hostname(), front, -3600)
  add(hostname(), front, 86_400 * 2)

  t.match(await check(), { code: 2, line: /^CRITICAL: no row after .*, nor any before of this front$/ })
  add(hostname(), front, 200)
  add(hostname(), front, 250)
  t.match(await check(), { code: 1, line: /^WARNING: no row after .*; the newest is of 2[0-4]\d s ago$/ })
})

t.test('a file that is not there, and one without the table, are told apart', async t => {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => { socket.close() })
  const send = ['--send', `udp://127.0.0.1:${socket.address().port}`, '-t', '4']

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
  t.match(await runCheck('canary', '--send', `http://127.0.0.1:${port}/nothing`, '--read', `sqlite://${file}`, '-t', '4'), { code: 2, line: 'CRITICAL: cannot send: HTTP status 404' })
})

t.test('a canary goes to all fronts, is one event, and is there as soon as one of them has taken it', async t => {
  const [one, other] = [createServer(), createServer()]
  const got: string[][] = [[], []]
  for (const [at, server] of [one, other].entries()) {
    server.on('request', (request, response) => {
      got[at]?.push(decodeURIComponent(request.url ?? ''))
      response.writeHead(at === 0 ? 204 : 500).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => { server.close() })
  }
  const [first = '', second = ''] = [one, other].map(server => `http://127.0.0.1:${(server.address() as AddressInfo).port}/event.gif`)
  const store = await emptyStore(t)

  t.match(await runCheck('canary', '--send', first, second, '--read', store, '-t', '4'), { code: 2, line: /^CRITICAL: no table of canaries yet/, stderr: '' })
  const uuids = got.map(urls => new Set(urls.map(url => /"uuid":"(\w+)"/.exec(url)?.[1])))
  t.equal(uuids[0]?.size, 1)
  t.strictSame(uuids[1], uuids[0])
  t.match(got[0]?.[0], `"front":"${first},${second}"`)
  one.close()
  one.closeAllConnections()
  t.match(await runCheck('canary', '--send', first, '--send', second, '--read', store, '-t', '4'), { code: 2, text: /^CRITICAL: cannot send: http.*: connect ECONNREFUSED [^]*, http.*: HTTP status 500; no table/ })
})

t.test('a beacon that misbehaves is told as it is', async t => {
  const store = await emptyStore(t)
  const check = async (port: number): Promise<unknown> => await runCheck('canary', '--send', `http://127.0.0.1:${port}/event.gif`, '--read', store, '-t', '4')
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

t.test('what is no front, or no database that can be read, is refused, and the password is not told', t => {
  const transports = { writers: builtInWriters() }
  for (const [text, message] of [
    ['carrier-pigeon://x', /^carrier-pigeon:\/\/x: there is no writer/],
    ['mysql://127.0.0.1/log', /^--send mysql:\/\/127\.0\.0\.1\/log: events come in at the front/],
    ['http://127.0.0.1/?x=1', /^--send "http:\/\/127\.0\.0\.1\/\?x=1": give the URL/],
    ['http://', /^--send "http:\/\/": give the URL/],
    ['http://me:secret@127.0.0.1/', /^--send "http:\/\/me:\*\*\*@/]
  ] as const) t.throws(() => frontOf(text, transports), { name: 'ConfigError', message }, text)
  for (const [text, message] of [
    ['tcp://127.0.0.1:1', /^--read "tcp:\/\/127\.0\.0\.1:1" is no database/],
    ['mysql://me:secret@127.0.0.1/log', /^mysql:\/\/me:\*\*\*@127/],
    ['mysql://127.0.0.1/log?defaults-file=/nowhere', /^defaults-file \/nowhere cannot be read: there is no such file/],
    ['x://me:secret@y', /^--read "x:\/\/me:\*\*\*@y" is no database/]
  ] as const) t.throws(() => databaseTarget('--read', text, transports), { name: 'ConfigError', message }, text)
  t.end()
})

t.test('nonsense is UNKNOWN, in a line', async t => {
  t.match(await runCheck('canary', '--send', 'carrier-pigeon://x', '--read', 'sqlite:///x'), { code: 3, line: /^UNKNOWN: carrier-pigeon:\/\/x: there is no writer/, stderr: '' })
})
