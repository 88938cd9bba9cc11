import t from 'tap'
import type { Batch } from '../../lib/stream/contracts.js'
import { consume, event, openReader, send, statuses, talk } from '../helpers/http.js'
import { until } from '../helpers/wait.js'

t.test('healthz is good while events get through, says so to anybody, and is no event', async t => {
  const { reader, ctx, port } = await openReader(t)
  const { lines } = consume(reader)
  await send(port, 'GET', `/event.gif?${event}`)

  const answer = await send(port, 'GET', '/healthz')
  const { status, body, headers } = await send(port, 'HEAD', '/healthz')

  t.equal(answer.status, 200)
  t.strictSame(JSON.parse(answer.body), { state: 'ok', oldest_seconds: 0, waiting: 0 })
  t.match(answer.headers, { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  t.strictSame([status, body, headers['content-length']], [200, '', answer.headers['content-length']])
  t.equal((await send(port, 'POST', '/healthz', { body: '{}' })).status, 405)
  t.equal(lines.length, 1)
  t.equal(ctx.metrics.count('refused'), 1)
})

t.test('healthz turns 503 when the oldest event waits for too long, in the queue or downstream, and turns back', async t => {
  const { reader, port } = await openReader(t, 'healthz-age=0.2&queue=2&max-rate-per-address=0.1')
  const batches = reader[Symbol.asyncIterator]()
  const first = send(port, 'GET', '/event.gif?1')
  const health = async (): Promise<number> => (await send(port, 'GET', '/healthz')).status
  const isBad = async (): Promise<boolean> => await health() === 503

  await until('the queued one is old', isBad)
  const { value } = await batches.next() as { value: Batch }
  t.equal(value.count, 1)
  t.ok(await isBad(), 'handed over is not safe')
  const { status, headers, body } = await send(port, 'GET', '/healthz')
  t.match({ status, headers, body }, { status: 503, headers: { 'retry-after': /^\d+$/ }, body: /^\{"state":"stuck","oldest_seconds":\d+(\.\d)?,"waiting":1\}\n$/ })
  t.equal((await send(port, 'GET', '/event.gif?2')).status, 429, 'it has no part in the rate')

  void batches.next()
  t.equal((await first).status, 204)
  t.equal(await health(), 200)
})

t.test('a full queue keeps nobody from the health, nor does a stop', async t => {
  const { reader, ctx, port } = await openReader(t, 'queue=1')
  const waiting = send(port, 'GET', '/event.gif?1')
  await until('it waits', async () => (JSON.parse((await send(port, 'GET', '/healthz')).body) as { waiting: number }).waiting === 1)
  t.equal((await send(port, 'GET', '/event.gif?2')).status, 503)
  t.equal((await send(port, 'GET', '/healthz')).status, 200, 'it is not old')
  const late = talk(t, port, 'GET /healthz HTTP/1.1\r\nHost: x\r\n')
  const busy = talk(t, port, 'GET /event.gif?3 HTTP/1.1\r\nHost: x\r\n')
  await send(port, 'GET', '/healthz')

  ctx.abort()
  late.socket.write('\r\n')
  busy.socket.write('\r\n')

  t.match(await late.ended, /^HTTP\/1\.1 503 .*\r\nRetry-After: \d+\r\n.*\{"state":"stopping",/s)
  t.strictSame(statuses(await busy.ended), [503])
  consume(reader)
  t.equal((await waiting).status, 204)
})

t.test('nobody waits for ever: an event that is not safe in time is answered 503, and kept', async t => {
  const { reader, ctx, port } = await openReader(t, 'answer-timeout=0.2&healthz-age=0.1')
  const batches = reader[Symbol.asyncIterator]()
  const given = send(port, 'GET', '/event.gif?1')
  const { value } = await batches.next() as { value: Batch }
  const queued = send(port, 'GET', '/event.gif?2')

  for (const answer of [await given, await queued]) {
    t.match(answer, { status: 503, headers: { 'retry-after': /^\d+$/ }, body: /may be stored all the same/ })
  }
  t.equal(ctx.metrics.count('unconfirmed'), 2)
  t.equal(ctx.metrics.count('refused'), 0)
  t.equal((await send(port, 'GET', '/healthz')).status, 503, 'they are not safe because they were answered')

  const next = await batches.next() as { value: Batch }
  t.strictSame([value, next.value].flatMap(batch => batch.lines()).map(line => line.split(' ')[0]), ['?1', '?2'])
  void batches.next()
  void batches.next()
  await until('all is well', async () => (await send(port, 'GET', '/healthz')).status === 200)
  t.equal((await send(port, 'GET', '/event.gif?3')).status, 204)
})

// seen to wait until the reader closes, which a daemon that gives up may not come to
t.test('who waits while the daemon cannot stop is answered before it gives up, after 20 s; the event stays', async t => {
  const { reader, ctx, port } = await openReader(t, 'answer-timeout=3600')
  const answer = send(port, 'GET', `/event.gif?${event}`)
  await until('it waits', async () => (JSON.parse((await send(port, 'GET', '/healthz')).body) as { waiting: number }).waiting === 1)
  const stoppedMs = performance.now()
  ctx.abort()

  t.match(await answer, { status: 503, body: /may be stored all the same/ })

  t.ok(performance.now() - stoppedMs > 10_000, 'not before there was time to store it')
  const { lines, ended } = consume(reader)
  await ended
  t.equal(lines.length, 1)
})

t.test('what browsers and crawlers ask for by themselves has an answer', async t => {
  const { port, ctx } = await openReader(t)

  t.match(await send(port, 'GET', '/favicon.ico'), { status: 204, headers: { 'cache-control': 'max-age=86400' } })
  t.match(await send(port, 'GET', '/robots.txt'), { status: 200, headers: { 'content-type': 'text/plain' }, body: 'User-agent: *\nDisallow: /\n' })
  t.match(await send(port, 'HEAD', '/robots.txt'), { status: 200, headers: { 'content-length': '26' }, body: '' })
  t.equal((await send(port, 'OPTIONS', '*')).status, 204)
  t.equal(ctx.metrics.count('refused'), 0)
})

t.test('pages of the origins that are listed may send with credentials, all others without', async t => {
  const { reader, port } = await openReader(t, 'origins=https://www.example.org,http://localhost:8080')
  consume(reader)
  const of = async (origin: string, method = 'OPTIONS'): Promise<unknown> => (await send(port, method, '/event.gif?x', { headers: { Origin: origin } })).headers
  const named = { 'access-control-allow-origin': 'https://www.example.org', 'access-control-allow-credentials': 'true', vary: 'Origin' }

  t.match(await of('https://www.example.org'), { ...named, 'access-control-allow-headers': 'Content-Type' })
  t.match(await of('https://www.example.org', 'GET'), named)
  t.match(await of('https://www.example.org', 'PUT'), named, 'a refusal is to be read too')
  t.match(await of('http://localhost:8080'), { 'access-control-allow-origin': 'http://localhost:8080' })
  for (const origin of ['https://www.example.org.evil.example', 'null', 'https://WWW.example.org', '__proto__']) {
    t.match(await of(origin), { 'access-control-allow-origin': '*', 'access-control-allow-credentials': undefined, vary: 'Origin' }, origin)
  }
})
