import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { hostname } from 'node:os'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { roomFor } from '../../lib/readers/http-open-files.js'
import { httpReader, type HttpReader } from '../../lib/readers/http.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { testContext } from '../helpers/context.js'
import { consume, event, linesOf, openReader, readers, say, send } from '../helpers/http.js'
import { pull } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

t.test('GET and POST on every path that takes events become lines', async t => {
  const { reader, port } = await openReader(t)
  const { lines } = consume(reader)
  const agent = { headers: { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64)' } }

  for (const [method, path, body] of [
    ['GET', `/event.gif?${event}`], ['GET', `/beacon/event?${event};`], ['POST', '/', '{"a":"ž b"}'], ['POST', '/event.gif', '{}'], ['POST', '/beacon/event?ignored', '{}']
  ] as const) {
    const { status, headers, body: answer } = await send(port, method, path, { ...agent, body })
    t.equal(status, 204, `${method} ${path}`)
    t.match(headers, { 'cache-control': 'no-store', 'access-control-allow-origin': '*' })
    t.equal(answer, '')
  }

  t.strictSame(lines.map(({ query }) => query), [event, `${event};`, '%7B%22a%22%3A%22%C5%BE%20b%22%7D', '%7B%7D', '%7B%7D'])
  t.strictSame(lines.map(({ seqId }) => seqId), [0, 1, 2, 3, 4])
  for (const { recvFrom, ip, userAgent, time } of lines) {
    t.strictSame([recvFrom, ip, userAgent], [hostname(), '127.0.0.1', 'Mozilla/5.0 (X11; Linux x86_64)'])
    t.ok(Math.abs(Date.parse(`${time}Z`) - Date.now()) < 60_000, 'the time is UTC')
  }
})

t.test('numbers never repeat, after a restart either', async t => {
  const memory = testContext()
  t.teardown(async () => { await memory.end() })
  const seen: number[] = []
  for (let run = 0; run < 3; run++) {
    const { reader, port } = await openReader(t, 'recv-from=beacon', memory)
    const { lines } = consume(reader)
    for (let i = 0; i < 3; i++) await send(port, 'GET', `/event.gif?${event}`)
    await reader.close()
    seen.push(...lines.map(({ seqId }) => seqId))
    t.equal(lines[0]?.recvFrom, 'beacon')
  }

  t.equal(new Set(seen).size, 9)
})

t.test('readers of one name on several hosts give no number that another gives', async t => {
  for (const [steps, numbers] of [['seq-id-increment=2&seq-id-offset=1', [1, 3, 5]], ['seq-id-increment=2&seq-id-offset=2', [0, 2, 4]]] as const) {
    const { reader, port } = await openReader(t, `recv-from=beacon&${steps}`)
    const { lines } = consume(reader)

    for (let i = 0; i < 3; i++) await send(port, 'GET', `/event.gif?${event}`)

    t.strictSame(lines.map(({ seqId }) => seqId), numbers)
  }
  t.throws(() => { readers.check('http://*:8080/?seq-id-increment=2&seq-id-offset=3') }, { name: 'ConfigError', message: /seq-id-offset is 3; it may be at most seq-id-increment, 2/ })
})

t.test('a request is answered when the consumer asks for the next batch, not before', async t => {
  const { reader, port } = await openReader(t)
  const batches = reader[Symbol.asyncIterator]()
  let answered = false
  const answer = send(port, 'GET', `/event.gif?${event}`).finally(() => { answered = true })

  const { value } = await batches.next() as { value: Batch }
  t.equal(value.count, 1)
  // another request makes the whole way meanwhile
  await send(port, 'GET', '/other')
  t.notOk(answered)

  void batches.next()
  t.equal((await answer).status, 204)
})

t.test('what is wrong is refused with the right status, and nothing of it comes back', async t => {
  const { reader, ctx, port } = await openReader(t, 'max-body=1024&max-query=2048')
  const { lines } = consume(reader)
  const evil = '<script>alert(1)</script>'

  for (const [status, method, path, body] of [
    [400, 'GET', '/event.gif'], [400, 'GET', '/event.gif?'], [400, 'POST', '/event.gif', ''],
    [404, 'GET', '/'], [404, 'GET', `/?${event}`], [404, 'GET', `/${evil}`], [404, 'POST', '/event.gif/', '{}'], [404, 'OPTIONS', '/x'], [404, 'GET', '/__proto__'],
    [405, 'HEAD', `/event.gif?${event}`], [405, 'PUT', '/event.gif', '{}'], [405, 'DELETE', '/'], [405, 'PATCH', '/beacon/event', '{}'],
    [413, 'POST', '/', 'x'.repeat(1025)], [414, 'GET', `/event.gif?${'x'.repeat(2048)}`]
  ] as const) {
    const answer = await send(port, method, path, { body, headers: { 'X-Evil': evil, 'User-Agent': evil } })
    t.equal(answer.status, status, `${method} ${path.slice(0, 40)}`)
    t.notMatch(JSON.stringify(answer), /script/)
    if (status === 405) t.match(answer.headers.allow, path === '/' ? /^POST, OPTIONS$/ : /^GET, POST, OPTIONS$/)
  }
  t.equal(ctx.metrics.count('refused'), 15)
  t.strictSame(lines, [])
})

t.test('a body that never says its length is refused when it is too large', async t => {
  const { reader, port } = await openReader(t, 'max-body=1024')
  const { lines } = consume(reader)

  const answer = await say(port, 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n', ...Array.from({ length: 3 }, () => `190\r\n${'x'.repeat(400)}\r\n`))

  t.match(answer, /^HTTP\/1\.1 413 .*Connection: close/s)
  t.strictSame(lines, [])
})

t.test('a body that is as large as allowed is taken, in one piece or in single bytes', async t => {
  const { reader, port } = await openReader(t, 'max-body=2048')
  const { lines } = consume(reader)

  t.equal((await send(port, 'POST', '/', { body: 'x'.repeat(2048) })).status, 204)
  const pieces = Array.from({ length: 2048 }, () => '1\r\ny\r\n')
  t.match(await say(port, 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n', ...pieces, '0\r\n\r\n'), /^HTTP\/1\.1 204/)

  t.strictSame(lines.map(({ query }) => query), ['x'.repeat(2048), 'y'.repeat(2048)])
})

t.test('what is no HTTP, and headers without end, are refused by the server itself', async t => {
  const { reader, port } = await openReader(t, 'max-query=1024')
  const { lines } = consume(reader)

  t.match(await say(port, 'hello\r\n\r\n'), /^HTTP\/1\.1 400/)
  t.match(await say(port, `GET /event.gif?${event} HTTP/1.1\r\nHost: x\r\n`, ...Array.from({ length: 400 }, (_, i) => `X-${i}: ${'y'.repeat(50)}\r\n`)), /^HTTP\/1\.1 431/)
  t.match(await say(port, `GET /event.gif?${event} HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`), /^HTTP\/1\.1 400/)
  t.strictSame(lines, [])
})

t.test('what is no URL is refused, and what is no text in a header or a body does not break the line', async t => {
  const { reader, port } = await openReader(t)
  const { lines } = consume(reader)
  const get = (url: string, agent: string): Buffer => Buffer.from(`GET ${url} HTTP/1.1\r\nHost: x\r\nUser-Agent: ${agent}\r\nConnection: close\r\n\r\n`)

  for (const [url, agent] of [['/event.gif?{"a b":1}', 'x'], ['/event.gif?\t', 'x'], ['/event.gif?ž', 'x'], [`/event.gif?${event}`, 'a\x01b']] as const) {
    t.match(await say(port, get(url, agent)), /^HTTP\/1\.1 400/)
  }
  t.match(await say(port, get('/event.gif?{"a":1}', 'a\tb ž')), /^HTTP\/1\.1 204/)
  t.equal((await send(port, 'POST', '/', { body: Buffer.from([0xff, 0x0a, 0x20]) })).status, 204)

  t.match(lines, [{ query: '{"a":1}', userAgent: 'a b ž' }, { query: '%FF%0A%20', userAgent: '-' }])
  t.equal(lines.length, 2)
})

t.test('a request with the whole URL is one for its path', async t => {
  const { reader, port } = await openReader(t)
  const { lines } = consume(reader)

  t.equal((await send(port, 'GET', `http://beacon.example.org/event.gif?${event}`)).status, 204)

  t.equal(lines[0]?.query, event)
})

t.test('the bodies that are being received have a limit together, and those that break off leave room again', async t => {
  const { reader, port } = await openReader(t, 'max-body=8388608')
  consume(reader)
  const slow = Array.from({ length: 3 }, () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${8 << 20}\r\n\r\n`)
    socket.write(Buffer.alloc(6 << 20, 'x'))
    return socket
  })
  t.teardown(() => { for (const socket of slow) socket.destroy() })

  const refused = await Promise.race(slow.map(async socket => String((await once(socket, 'data') as [Buffer])[0])))
  t.match(refused, /^HTTP\/1\.1 503/, 'three times 6 MiB are over 16 MiB')
  for (const socket of slow) socket.destroy()

  const body = Buffer.alloc(8 << 20, 'x')
  await until('there is room again', async () => (await send(port, 'POST', '/', { body }).catch(() => null))?.status === 204)
})

t.test('the events that wait have a limit in bytes too', async t => {
  const { reader, ctx, port } = await openReader(t, 'queue=1000000&max-body=8388608')
  const posts = Array.from({ length: 9 }, (_, i) => [`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${8 << 20}\r\n${i === 8 ? 'Connection: close\r\n' : ''}\r\n`, Buffer.alloc(8 << 20, 'x')]).flat()
  const answer = say(port, ...posts)
  await until('one is refused', () => ctx.metrics.count('refused') > 0)

  const { lines } = consume(reader)

  t.strictSame((await answer).match(/(?<=HTTP\/1\.1 )\d+/g), [...Array.from({ length: 8 }, () => '204'), '503'], '64 MiB')
  t.equal(lines.length, 8)
})

t.test('the address of the client is taken from as many proxies as are trusted', async t => {
  const headers = { 'X-Forwarded-For': '198.51.100.66, 192.0.2.7' }
  for (const [options, expected] of [['', '127.0.0.1'], ['trusted-proxies=1', '192.0.2.7'], ['trusted-proxies=2', '198.51.100.66']] as const) {
    const { reader, port } = await openReader(t, options)
    const { lines } = consume(reader)
    await send(port, 'GET', `/event.gif?${event}`, { headers })
    t.equal(lines[0]?.ip, expected)
  }
})

t.test('pages of any origin may send events', async t => {
  const { port } = await openReader(t)

  const { status, headers } = await send(port, 'OPTIONS', '/beacon/event', { headers: { Origin: 'https://x.example', 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' } })

  t.equal(status, 204)
  t.match(headers, { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET, POST', 'access-control-allow-headers': 'Content-Type' })
})

t.test('when the queue is full requests are refused until there is room, and none that was taken is lost', async t => {
  const { reader, ctx, port } = await openReader(t, 'queue=5')
  const answers = Array.from({ length: 12 }, async () => await send(port, 'GET', `/event.gif?${event}`))
  await until('the queue is full and the rest is refused', () => ctx.metrics.count('refused') === 7)

  const { lines } = consume(reader)

  const all = await Promise.all(answers)
  const refused = all.filter(({ status }) => status === 503)
  t.equal(refused.length, 7)
  t.match(refused[0]?.headers, { 'retry-after': /^\d+$/ })
  t.equal(all.filter(({ status }) => status === 204).length, 5)
  t.equal(lines.length, 5)
  t.match(ctx.logged().find(line => line['level'] === 'warn'), { message: /refused/ })
  t.equal((await send(port, 'GET', `/event.gif?${event}`)).status, 204)
})

t.test('thousands of requests become batches, each answered once', async t => {
  const { reader, ctx, port } = await openReader(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  t.teardown(() => { agent.destroy() })
  const input = pull(reader)
  const taken = input.take(4001)

  const answers = await Promise.all(Array.from({ length: 4000 }, async (_, i) => await send(port, 'GET', `/event.gif?${i}`, { agent })))
  ctx.abort()

  t.ok(answers.every(({ status }) => status === 204))
  const queries = (await taken).map(line => line.split(' ')[0])
  t.equal(new Set(queries).size, 4000)
  t.ok(input.batches.length < 2000, `${input.batches.length} batches`)
})

t.test('pipelined requests are answered in order', async t => {
  const { reader, port } = await openReader(t)
  const { lines } = consume(reader)

  const answer = await say(port, ...Array.from({ length: 50 }, (_, i) => `GET /event.gif?${i} HTTP/1.1\r\nHost: x\r\n\r\n`), 'GET /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')

  t.strictSame(answer.match(/(?<=HTTP\/1\.1 )\d+/g), [...Array.from({ length: 50 }, () => '204'), '404'])
  t.strictSame(lines.map(({ query }) => query), Array.from({ length: 50 }, (_, i) => String(i)))
})

t.test('a client that goes away does not take its event with it, nor one that leaves in the middle', async t => {
  const { reader, ctx, port } = await openReader(t)
  const gone = connect(port, '127.0.0.1')
  gone.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf')
  const sent = request({ port, path: `/event.gif?${event}` }).on('error', () => {}).end()
  const batches = reader[Symbol.asyncIterator]()
  const { value } = await batches.next() as { value: Batch }

  sent.destroy()
  gone.destroy()

  t.equal(linesOf(value)[0]?.query, event)
  const next = batches.next()
  t.equal((await send(port, 'GET', '/other')).status, 404)
  ctx.abort()
  t.equal((await next).done, true)
})

t.test('after the stop what was accepted is handed over and answered, what comes later is refused, and it ends', async t => {
  const { reader, ctx, port } = await openReader(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  t.teardown(() => { agent.destroy() })
  const late = connect(port, '127.0.0.1')
  late.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{')
  const answers = Array.from({ length: 4 }, async () => await send(port, 'GET', `/event.gif?${event}`, { agent }).catch(() => null))
  const batches = reader[Symbol.asyncIterator]()
  const first = await batches.next() as { value: Batch }

  ctx.abort()
  late.write('"":')
  const lateAnswer = text(late)
  const lines = linesOf(first.value)
  for (let next = await batches.next(); next.done !== true; next = await batches.next()) lines.push(...linesOf(next.value))

  const accepted = (await Promise.all(answers)).filter(answer => answer?.status === 204)
  t.equal(accepted.length, lines.length, 'each that was handed over was told so')
  t.match(await lateAnswer, /^HTTP\/1\.1 503 .*Connection: close/s)
  await reader.close()
  await t.rejects(send(port, 'GET', `/event.gif?${event}`), { code: 'ECONNREFUSED' })
})

t.test('a stop under load: every 204 is a record, and every record was handed over once', async t => {
  const { reader, ctx, port } = await openReader(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  t.teardown(() => { agent.destroy() })
  const { lines, ended } = consume(reader)
  const answers = Array.from({ length: 3000 }, async (_, i) => await send(port, 'GET', `/event.gif?${i}`, { agent }).catch(() => null))
  await until('it is under way', () => lines.length > 500)

  ctx.abort()
  await ended
  await reader.close()

  const accepted = (await Promise.all(answers)).flatMap((answer, i) => answer?.status === 204 ? [String(i)] : [])
  const recorded = new Set(lines.map(({ query }) => query))
  t.equal(recorded.size, lines.length)
  t.ok(accepted.length >= 500 && accepted.length < 3000, `${accepted.length} were accepted`)
  t.strictSame(accepted.filter(query => !recorded.has(query)), [])
})

t.test('closing tells those who wait that their events may be lost', async t => {
  const { reader, port } = await openReader(t)
  const answer = send(port, 'GET', `/event.gif?${event}`)
  await reader[Symbol.asyncIterator]().next()
  const queued = send(port, 'GET', `/event.gif?${event}`)
  await send(port, 'GET', '/other')

  await reader.close()
  await reader.close()

  t.equal((await answer).status, 503)
  t.equal((await queued).status, 503)
})

t.test('closing does not wait for clients that never end', async t => {
  const { reader, port } = await openReader(t)
  const slow = connect(port, '127.0.0.1')
  slow.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{')
  const ended = text(slow)
  await send(port, 'GET', '/other')

  await reader.close()

  t.equal(await ended.catch(() => ''), '')
})

t.test('there are never more connections than allowed', async t => {
  const { reader, ctx, port } = await openReader(t, 'max-connections=3')
  consume(reader)
  const held = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'))
  t.teardown(() => { for (const socket of held) socket.destroy() })
  await Promise.all(held.map(async socket => await once(socket, 'connect')))

  t.match(await say(port), /^HTTP\/1\.1 503 .*\r\nRetry-After: \d+\r\n.*\r\n\r\n[\x20-\x7e]+\n$/s)

  t.equal(ctx.metrics.count('refused'), 1)
  for (const socket of held) socket.destroy()
  await until('there is room again', async () => (await send(port, 'GET', `/event.gif?${event}`).catch(() => null))?.status === 204)
})

t.test('it says where it listens; a port in use is a transport error that names it', async t => {
  const { ctx, port } = await openReader(t)

  t.match(ctx.logged().find(line => line['message'] === 'listening'), { uri: 'http://127.0.0.1:0/?', address: '127.0.0.1', port })
  await t.rejects(readers.open(`http://127.0.0.1:${port}/`, ctx), { name: 'StreamError', code: 'cannot-bind', message: /EADDRINUSE/, cause: { code: 'EADDRINUSE' } })
  const second = await readers.open('http://*:0/', ctx) as HttpReader
  t.teardown(async () => { await second.close() })
  t.equal((await send(second.address.port, 'GET', '/other')).status, 404)
})

t.test('options and URIs that make no sense are refused', async t => {
  for (const uri of ['http://127.0.0.1/', 'http://127.0.0.1:80/events', 'http://127.0.0.1:80/?queue=0', 'http://127.0.0.1:80/?recv-from=a%20b', 'http://127.0.0.1:80/?trusted-proxies=-1', 'http://127.0.0.1:80/?path=x', 'http://127.0.0.1:80/?header-timeout=31', 'http://127.0.0.1:80/?idle-timeout=0', 'http://127.0.0.1:80/?origins=*', 'http://127.0.0.1:80/?origins=https://a.example/x', 'http://127.0.0.1:80/?max-rate-per-address=-1']) {
    t.throws(() => readers.check(uri), { name: 'ConfigError', code: 'bad-uri' }, uri)
  }
  for (const example of httpReader.examples) t.doesNotThrow(() => readers.check(example))
})

t.test('there are no more connections than the process may open, and some are kept to say so', async t => {
  t.strictSame(roomFor(2000, 524_288), { connections: 2000, turnedAway: 256 })
  t.strictSame(roomFor(2000, 1024), { connections: 840, turnedAway: 120 })
  t.strictSame(roomFor(2000, 90), { connections: 22, turnedAway: 4 })
  t.strictSame(roomFor(2000, 10), { connections: 1, turnedAway: 1 })
  t.strictSame(roomFor(1e6, Infinity), { connections: 1e6, turnedAway: 256 })

  const { ctx } = await openReader(t, 'max-connections=1000000')
  t.match(ctx.logged().find(({ level }) => level === 'warn'), { asked: 1e6, granted: Number })
})
