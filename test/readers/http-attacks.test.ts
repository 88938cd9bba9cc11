import { connect } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { heapUsed } from '../helpers/heap.js'
import { consume, event, openReader, send, statuses, talk, type Talk } from '../helpers/http.js'
import { until } from '../helpers/wait.js'

const head = `GET /event.gif?${event} HTTP/1.1\r\nHost: x\r\n`

t.test('hundreds that dribble their headers keep nobody else from being served, and are ended in time', async t => {
  const { reader, ctx, port } = await openReader(t, 'header-timeout=2&max-connections-per-address=1000')
  const { lines } = consume(reader)
  const slow = Array.from({ length: 400 }, () => talk(t, port, head))
  const dribble = setInterval(() => { for (const { socket } of slow) if (socket.writable) socket.write('X: y\r\n') }, 100)
  t.teardown(() => { clearInterval(dribble) })

  for (let i = 0; i < 50; i++) t.equal((await send(port, 'GET', `/event.gif?${i}`)).status, 204)
  const heard = await Promise.all(slow.map(async ({ ended }) => await ended))

  t.equal(lines.length, 50)
  t.equal(heard.filter(text => text !== '' && statuses(text).join() !== '408').length, 0, 'nobody was told anything else')
  t.ok(ctx.metrics.count('refused_408') === 400)
})

t.test('those that dribble their bodies are ended in time too', async t => {
  const { reader, port } = await openReader(t, 'header-timeout=1&request-timeout=1&max-connections-per-address=1000')
  const { lines } = consume(reader)
  const slow = Array.from({ length: 200 }, () => talk(t, port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n'))
  const dribble = setInterval(() => { for (const { socket } of slow) if (socket.writable) socket.write('x') }, 100)
  t.teardown(() => { clearInterval(dribble) })

  t.equal((await send(port, 'POST', '/', { body: '{}' })).status, 204)
  const heard = await Promise.all(slow.map(async ({ ended }) => await ended))

  t.ok(heard.every(text => statuses(text).join() === '408'))
  t.equal(lines.length, 1)
})

t.test('slow bodies that fill the memory for bodies give way to quick ones', async t => {
  const { reader, ctx, port } = await openReader(t, 'max-body=8388608')
  consume(reader)
  const slow = Array.from({ length: 2 }, () => talk(t, port, Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${8 << 20}\r\n\r\n`), Buffer.alloc((8 << 20) - 1, 'x')])))
  for (const { socket } of slow) if (socket.writableLength > 0) await once(socket, 'drain')

  await until('one of them has made room', async () => {
    t.equal((await send(port, 'POST', '/', { body: 'x'.repeat(60_000) })).status, 204)
    return ctx.metrics.count('refused_503') > 0
  })

  t.strictSame(statuses(await slow[0]?.ended ?? ''), [503], 'the oldest')
  t.match(slow[0]?.heard, /\r\nRetry-After: \d+\r\n/)
})

t.test('a body that took too long is not refused once more for the memory that it takes', async t => {
  const { reader, port } = await openReader(t, 'max-body=8388608&header-timeout=0.5&request-timeout=0.5')
  consume(reader)
  const body = (bytes: number): Buffer => Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${8 << 20}\r\n\r\n`), Buffer.alloc(bytes, 'x')])
  const late = talk(t, port, body((8 << 20) - 1), { allowHalfOpen: true })
  await until('it is too late', () => statuses(late.heard)[0] === 408)

  const others = Array.from({ length: 2 }, () => talk(t, port, body(6 << 20)))
  await Promise.all(others.map(async ({ ended }) => await ended))

  t.strictSame(statuses(late.heard), [408])
  t.equal((await send(port, 'POST', '/', { body: '{}' })).status, 204)
})

t.test('connections that are quiet are ended: nothing sent, nothing sent behind the first request', async t => {
  const { reader, port } = await openReader(t, 'header-timeout=0.5&idle-timeout=0.5')
  consume(reader)

  const [silent, idle] = [talk(t, port), talk(t, port, `${head}\r\n`)]

  t.strictSame(statuses(await silent.ended), [408])
  t.strictSame(statuses(await idle.ended), [204])
})

t.test('ten thousand requests at once on one connection: answered in order until it is too much, and memory stays', async t => {
  const { reader, ctx, port } = await openReader(t)
  const before = heapUsed()
  const client = talk(t, port, `${head}\r\n`.repeat(10_000))
  await until('some are refused', () => ctx.metrics.count('refused_503') > 0)
  t.ok(heapUsed() - before < 30 << 20, `${heapUsed() - before} bytes`)

  const { lines } = consume(reader)

  t.strictSame(statuses(await client.ended), [...Array.from({ length: 100 }, () => 204), 503], 'as many as wait at once, and one that says why')
  t.equal(lines.length, 100)
  t.match(client.heard, /\r\nRetry-After: \d+\r\n/)
  t.equal(ctx.metrics.count('refused'), 1, 'nothing behind it was looked at')
})

// seen to fail by 30 MB when the requests are kept whole
t.test('events that wait hold nothing but their lines and answers, however large the requests were', async t => {
  const { reader, ctx, port } = await openReader(t, 'origins=https://www.example.org')
  const before = heapUsed()
  const clients = Array.from({ length: 20 }, () => talk(t, port, `${head}Cookie: ${'x'.repeat(15_000)}\r\nOrigin: https://www.example.org\r\n\r\n`.repeat(100)))
  await until('all wait', async () => (JSON.parse((await send(port, 'GET', '/healthz')).body) as { waiting: number }).waiting === 2000)
  t.ok(heapUsed() - before < 15 << 20, `${heapUsed() - before} bytes`)

  consume(reader)

  await until('all are answered', () => clients.every(({ heard }) => statuses(heard).length === 100))
  t.ok(clients.every(({ heard }) => heard.match(/^Access-Control-Allow-Origin: https:\/\/www\.example\.org\r$/gm)?.length === 100), 'to whom they came from')
  t.equal(ctx.metrics.count('refused'), 0)
})

t.test('refusals behind an answer that waits end the connection: there is no other number of them', async t => {
  const { reader, ctx, port } = await openReader(t)
  const client = talk(t, port, `${head}\r\n${'GET /no HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10_000)}`)
  await until('one is refused', () => ctx.metrics.count('refused_404') > 0)

  consume(reader)

  t.strictSame(statuses(await client.ended), [204, 404])
  t.equal(ctx.metrics.count('refused'), 1)
})

t.test('a connection has a last request', async t => {
  const { reader, port } = await openReader(t, 'max-requests=3')
  const { lines } = consume(reader)

  const heard = await talk(t, port, `${head}\r\n`.repeat(10)).ended

  t.strictSame(statuses(heard), [204, 204, 204])
  t.equal(heard.match(/Connection: close/g)?.length, 1)
  t.equal(lines.length, 3)
})

t.test('a flood of connections: all that are too many are told so, or cut off, and there is room again', async t => {
  const { reader, ctx, port } = await openReader(t, 'max-connections=20&max-connections-per-address=1000&header-timeout=3')
  consume(reader)
  const held = Array.from({ length: 20 }, () => talk(t, port, 'GET /'))
  await Promise.all(held.map(async ({ socket }) => await once(socket, 'connect')))

  const flood = Array.from({ length: 500 }, () => talk(t, port, `${head}\r\n`))
  const heard = await Promise.all(flood.map(async ({ ended }) => await ended))

  t.ok(heard.filter(text => statuses(text).join() === '503').length >= 256)
  t.ok(heard.every(text => text === '' || /^HTTP\/1\.1 503 .*\r\nConnection: close\r\n.*Retry-After: \d+\r\n.*\r\n\r\n[ -~]+\n$/s.test(text)))
  t.equal(ctx.metrics.count('refused_503'), 500)
  for (const { socket } of held) socket.destroy()
  await until('there is room again', async () => (await send(port, 'GET', `/event.gif?${event}`).catch(() => null))?.status === 204)
})

t.test('one address cannot take all connections; of others nobody notices', async t => {
  const { reader, ctx, port } = await openReader(t, 'max-connections-per-address=10')
  const { lines } = consume(reader)
  const hog = Array.from({ length: 10 }, () => talk(t, port, 'GET /'))
  await Promise.all(hog.map(async ({ socket }) => await once(socket, 'connect')))

  const heard = await talk(t, port, `${head}\r\n`).ended
  const other = await talk(t, port, `${head}Connection: close\r\n\r\n`, { localAddress: '127.0.0.2' }).ended

  t.strictSame(statuses(heard), [429])
  t.match(heard, /\r\nRetry-After: \d+\r\n/)
  t.strictSame(statuses(other), [204])
  t.equal(lines.length, 1)
  t.match(ctx.logged().find(({ level }) => level === 'warn'), { message: 'connections were refused: one address has too many' })
  hog[0]?.socket.destroy()
  await until('there is room for one', async () => statuses(await talk(t, port, `${head}Connection: close\r\n\r\n`).ended)[0] === 204)
})

t.test('behind proxies the connections are theirs, and as many as they want', async t => {
  const { reader, port } = await openReader(t, 'max-connections-per-address=2&trusted-proxies=1')
  consume(reader)
  const held = Array.from({ length: 10 }, () => talk(t, port, 'GET /'))
  await Promise.all(held.map(async ({ socket }) => await once(socket, 'connect')))

  t.equal((await send(port, 'GET', `/event.gif?${event}`)).status, 204)
})

t.test('an idle connection makes room for a new one, the one that was idle for longest first; one with a request under way never', async t => {
  const { reader, port } = await openReader(t, 'max-connections=4&max-connections-per-address=4')
  consume(reader)
  const clients = Array.from({ length: 4 }, () => talk(t, port))
  const [posting, dribbling, idle, lively] = clients as [Talk, Talk, Talk, Talk]
  const ask = async (client: Talk): Promise<void> => {
    const answers = statuses(client.heard).length
    client.socket.write(`${head}\r\n`)
    await until('it is answered', () => statuses(client.heard).length > answers)
  }
  for (const client of clients) await ask(client)
  posting.socket.write('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
  await until('a request is under way', () => statuses(posting.heard).includes(100))
  dribbling.socket.write(head)
  await ask(lively)

  const newest = talk(t, port)
  await ask(newest)

  await idle.ended
  posting.socket.write('{}')
  dribbling.socket.write('\r\n')
  await until('both are answered', () => [posting, dribbling].every(({ heard }) => statuses(heard).filter(status => status === 204).length === 2))
  await ask(lively)
})

t.test('an address that sends too much is refused, by its X-Forwarded-For where that is believed; others are not', async t => {
  const { reader, ctx, port } = await openReader(t, 'max-rate-per-address=0.5&trusted-proxies=1')
  const { lines } = consume(reader)
  const from = async (address: string): Promise<number> => (await send(port, 'POST', '/', { body: '{}', headers: { 'X-Forwarded-For': `198.51.100.1, ${address}` } })).status

  const hog = await Promise.all(Array.from({ length: 12 }, async () => await from('192.0.2.1')))
  const neighbours = await Promise.all(Array.from({ length: 12 }, async (_, i) => await from(`2001:db8::${i}`)))

  t.equal(hog.filter(status => status === 429).length, 7)
  t.equal(neighbours.filter(status => status === 429).length, 7, 'a /64 is one')
  t.equal(await from('192.0.2.2'), 204)
  t.equal(lines.length, 11)
  const refused = await send(port, 'GET', `/event.gif?${event}`, { headers: { 'X-Forwarded-For': '192.0.2.1' } })
  t.match(refused, { status: 429, headers: { 'retry-after': /^\d+$/, 'access-control-allow-origin': '*' } })
  t.equal(ctx.metrics.count('refused_429'), 15)
  t.notMatch(JSON.stringify(ctx.logged()), /192\.0\.2|2001:db8/, 'addresses are in no log')
})

t.test('clients that never read their answers are cut off', async t => {
  const { reader, port } = await openReader(t, 'request-timeout=0.2&header-timeout=0.2&answer-timeout=0.2&max-requests=1000000')
  consume(reader)
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  t.teardown(() => { socket.destroy() })
  socket.pause()
  const nothing = 'GET /no HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000)

  await new Promise<void>(resolve => {
    socket.once('close', resolve)
    const more = (): void => { socket.write(nothing, error => { if (error === undefined || error === null) more() }) }
    more()
  })

  t.pass()
})
