import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Reply } from 'zeromq'
import { tcpReader, type TcpReader } from '../../lib/readers/tcp.js'
import { batchLimits } from '../../lib/stream/batch.js'
import type { Reader } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { bindPublisher, connectPublisher, pull, shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const readers = new Schemes<Reader>('reader').add(tcpReader)

async function openReader (t: Test, uri: string): Promise<{ reader: TcpReader, ctx: TestContext }> {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  return { reader: await readers.open(uri, ctx) as TcpReader, ctx }
}

function numbered (count: number): string[] {
  return Array.from({ length: count }, (_, i) => `record ${i}`)
}

t.test('every message is a record, in order', async t => {
  const publisher = await bindPublisher(t)
  const { reader } = await openReader(t, publisher.endpoint)
  await publisher.joined()

  await publisher.send(...numbered(5000))

  const input = pull(reader)
  t.same(await input.take(5000), numbered(5000))
  t.ok(input.batches.every(batch => batch.position === null))
})

t.test('batches keep to their limits', async t => {
  const publisher = await bindPublisher(t)
  const { reader, ctx } = await openReader(t, publisher.endpoint)
  await publisher.joined()
  const large = 'x'.repeat(300_000)

  await publisher.send(...numbered(2500), ...Array.from({ length: 10 }, () => large))
  publisher.socket.close()
  await until('everything is received', () => ctx.logged().some(line => line['message'] === 'the connection is lost; connecting again'))

  const input = pull(reader)
  t.equal((await input.take(2510)).length, 2510)
  const counts = input.batches.map(batch => batch.count)
  t.same(counts.slice(0, 2), [batchLimits.records, batchLimits.records])
  t.ok(input.batches.every(batch => batch.payload.length < batchLimits.bytes + large.length), 'a batch ends with the message that reaches the limit')
})

t.test('subscribe takes what begins with the prefix', async t => {
  const publisher = await bindPublisher(t)
  const { reader } = await openReader(t, `${publisher.endpoint}?subscribe=%7B%22a`)
  t.equal(await publisher.joined(), '{"a')

  await publisher.send('{"b":1}', '{"a":2}', '{"ab":3}')

  t.same(await pull(reader).take(2), ['{"a":2}', '{"ab":3}'])
})

t.test('a message with newlines is several records, an empty one is none, the last frame counts', async t => {
  const publisher = await bindPublisher(t)
  const { reader } = await openReader(t, publisher.endpoint)
  await publisher.joined()

  await publisher.send('one\ntwo\n', '', '\n', '\n\nthree\n\nfour', ['a topic', 'five'], ['six', ''], 'se\xffven', Buffer.from([0xff, 0x41]), 'end')

  t.same(await pull(reader).take(8), ['one', 'two', 'three', 'four', 'five', 'seÿven', '�A', 'end'])
})

t.test('a flood of empty messages does not keep it from stopping', async t => {
  const publisher = await bindPublisher(t)
  const { reader, ctx } = await openReader(t, publisher.endpoint)
  await publisher.joined()
  let flooding = true
  const flood = (async () => { while (flooding) await publisher.send('') })()
  const ended = pull(reader).rest()

  ctx.abort()

  t.same(await ended, [])
  flooding = false
  await flood
})

t.test('a publisher that comes back is found again, also on a socket file', async t => {
  for (const endpoint of ['tcp://127.0.0.1:0', `ipc://${join(shortDirectory(t), 'stream')}`]) {
    const first = await bindPublisher(t, endpoint)
    const { reader, ctx } = await openReader(t, first.endpoint)
    await first.joined()
    await first.send('before')
    const input = pull(reader)
    t.same(await input.take(1), ['before'])

    first.socket.close()
    const next = input.take(1)
    await until('it is missed', () => ctx.logged().some(line => line['level'] === 'warn'))
    const second = await until('the address is free', async () => await bindPublisher(t, first.endpoint).catch(() => null))
    await second.joined()
    await second.send('after')

    t.same(await next, ['after'])
    t.same(ctx.logged().map(line => line['message']).filter(message => message !== 'connecting again'),
      ['connecting', 'connected', 'the connection is lost; connecting again', 'connected'])
  }
})

t.test('a publisher may come after its subscriber', async t => {
  const gone = await bindPublisher(t)
  gone.socket.close()
  const { reader } = await openReader(t, gone.endpoint)
  // the old one may still have been there to be connected to: ZeroMQ subscribes anew only when it is read from
  const taken = pull(reader).take(1)

  const publisher = await until('the address is free', async () => await bindPublisher(t, gone.endpoint).catch(() => null))
  await publisher.joined()
  await publisher.send('hello')

  t.same(await taken, ['hello'])
})

t.test('after the stop it hands over what it has received, and ends', async t => {
  const publisher = await bindPublisher(t)
  const { reader, ctx } = await openReader(t, publisher.endpoint)
  await publisher.joined()
  const input = pull(reader)
  const first = input.take(1)
  await publisher.send(...numbered(5000))
  const taken = await first
  publisher.socket.close()
  await until('everything is received', () => ctx.logged().some(line => line['message'] === 'the connection is lost; connecting again'))

  ctx.abort()

  t.same([...taken, ...await input.rest()], numbered(5000))
})

t.test('after the stop it ends though the publisher goes on', async t => {
  const publisher = await bindPublisher(t)
  const { reader, ctx } = await openReader(t, `${publisher.endpoint}?hwm=2000`)
  await publisher.joined()
  let publishing = true
  const publish = (async () => { while (publishing) await publisher.send('more') })()
  const input = pull(reader)
  await input.take(1)

  ctx.abort()
  const rest = await input.rest()

  t.ok(rest.length <= 2000 + 2 * batchLimits.records, `took ${rest.length}`)
  publishing = false
  await publish
})

t.test('it stops within a second when nothing comes', async t => {
  const publisher = await bindPublisher(t)
  const { reader, ctx } = await openReader(t, publisher.endpoint)
  const ended = pull(reader).rest()
  await publisher.joined()

  const since = Date.now()
  ctx.abort()
  await ended

  t.ok(Date.now() - since < 1000)
})

t.test('close ends an iteration that waits, and can be called twice', async t => {
  const publisher = await bindPublisher(t)
  const { reader } = await openReader(t, publisher.endpoint)
  const ended = pull(reader).rest()
  await publisher.joined()

  await Promise.all([reader.close(), reader.close()])

  t.same(await ended, [])
  await reader.close()
})

t.test('with bind=true publishers connect to it', async t => {
  const { reader, ctx } = await openReader(t, 'tcp://127.0.0.1:0?bind=true')
  t.match(reader.endpoint, /^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/)
  t.match(ctx.logged(), [{ message: 'listening', endpoint: reader.endpoint }])
  const taken = pull(reader).take(2)

  for (const i of [0, 1]) {
    const publisher = connectPublisher(t, reader.endpoint)
    await publisher.joined()
    await publisher.send(`from ${i}`)
  }

  t.same((await taken).sort(), ['from 0', 'from 1'])
})

t.test('a message that is too long costs a new connection and nothing else', async t => {
  const publisher = await bindPublisher(t)
  const { reader, ctx } = await openReader(t, `${publisher.endpoint}?max-message=2000`)
  await publisher.joined()

  const taken = pull(reader).take(1)
  await publisher.send('x'.repeat(2001))
  await until('the connection is dropped', () => ctx.logged().some(line => line['message'] === 'the connection is lost; connecting again'))
  await publisher.joined()
  await publisher.send('y'.repeat(2000))

  t.same(await taken, ['y'.repeat(2000)])
})

t.test('a peer that is no publisher does not end it', async t => {
  const impostor = new Reply({ linger: 0 })
  t.teardown(() => { impostor.close() })
  await impostor.bind('tcp://127.0.0.1:0')
  const { reader, ctx } = await openReader(t, impostor.lastEndpoint ?? '')
  const taken = pull(reader).take(1)
  await until('it is seen to be none', () => ctx.logged().some(line => line['level'] === 'warn'))

  impostor.close()
  const publisher = await until('the address is free', async () => await bindPublisher(t, reader.endpoint).catch(() => null))
  await publisher.joined()
  await publisher.send('hello')

  t.same(await taken, ['hello'])
})

t.test('a URI that cannot work is refused before anything is opened', async t => {
  const refused: ReadonlyArray<readonly [uri: string, why: RegExp]> = [
    ['tcp://127.0.0.1', /port is missing/],
    ['tcp://:8600', /host or the port/],
    ['tcp://*:8600', /"\*" can be bound, not connected to/],
    ['tcp://127.0.0.1:0', /port 0/],
    ['tcp://127.0.0.1:8600/events', /"\/events" stands where a path does/],
    ['tcp://me@127.0.0.1:8600', /no user/],
    ['tcp://127.0.0.1:8600?hwm=0', /"hwm" is "0", must be >= 1/],
    ['tcp://127.0.0.1:8600?topic=x', /unknown option "topic".*allowed options: as, bind, clients, curve, from, hwm, insecure, max-message, server-key, subscribe/],
    ['ipc://run/stream', /ipc:\/\/\/run\/stream/],
    ['ipc://', /path is missing/],
    [`ipc:///${'x'.repeat(107)}`, /108 bytes, a socket's at most 107/]
  ]
  for (const [uri, why] of refused) {
    t.throws(() => readers.check(uri), { name: 'ConfigError', message: why }, uri)
  }
  await t.rejects(openReader(t, 'tcp://$HOST:8600'), { name: 'ConfigError', message: /write tcp:\/\/host:port/ })
})

t.test('an endpoint that is taken is a transport error; a file of somebody else stays', async t => {
  const publisher = await bindPublisher(t)
  await t.rejects(openReader(t, `${publisher.endpoint}?bind=true`), { name: 'StreamError', code: 'cannot-bind' })

  const file = join(shortDirectory(t), 'precious')
  writeFileSync(file, 'data')
  await t.rejects(openReader(t, `ipc://${file}?bind=true`), { name: 'ConfigError', message: /no socket/ })
  t.equal(readFileSync(file, 'utf8'), 'data')
})
