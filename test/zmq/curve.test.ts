import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as connectTcp, createServer, type AddressInfo, type Socket as TcpSocket } from 'node:net'
import t, { type Test } from 'tap'
import { Dealer, Subscriber } from 'zeromq'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { tcpReader, type TcpReader } from '../../lib/readers/tcp.js'
import { tcpWriter, type TcpWriter } from '../../lib/writers/tcp.js'
import { Schemes } from '../../lib/stream/schemes.js'
import type { Reader, Writer } from '../../lib/stream/contracts.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { records, startPublisher, startSubscriber } from '../helpers/journaled.js'
import { connecting, equip, keysIn, streamKeys } from '../helpers/keys.js'
import { pull, shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const readers = new Schemes<Reader>('reader').add(tcpReader)
const writers = new Schemes<Writer>('writer').add(tcpWriter)

function contextOf (t: Test): TestContext {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  return ctx
}

async function openWriter (t: Test, uri: string): Promise<{ writer: TcpWriter, ctx: TestContext, write: (...lines: string[]) => Promise<void> }> {
  const ctx = contextOf(t)
  const writer = await writers.open(uri, ctx) as TcpWriter
  return { writer, ctx, write: async (...lines) => { await writer.write(batchOfLines(lines) as Batch) } }
}

async function openReader (t: Test, uri: string): Promise<{ reader: TcpReader, ctx: TestContext, taken: string[] }> {
  const ctx = contextOf(t)
  const reader = await readers.open(uri, ctx) as TcpReader
  const taken: string[] = []
  void (async () => { for await (const batch of reader) taken.push(...batch.lines()) })()
  return { reader, ctx, taken }
}

function said (ctx: TestContext, message: RegExp, level = 'warn'): Array<Record<string, unknown>> {
  return ctx.logged().filter(line => line['level'] === level && message.test(String(line['message'])))
}

/** A raw subscriber and what it has received. */
function raw (t: Test, socket: Subscriber, endpoint: string): string[] {
  const taken: string[] = []
  t.teardown(() => { socket.close() })
  socket.subscribe()
  socket.connect(endpoint)
  void (async () => { for await (const frames of socket) taken.push(frames.join()) })().catch(() => { /* closed */ })
  return taken
}

t.test('a plain stream: with the right keys everything comes, without them nothing', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const [stranger, otherServer] = [keysIn(directory, 'stranger'), keysIn(directory, 'other-server')]
  const { writer, ctx, write } = await openWriter(t, `tcp://127.0.0.1:0?${keys.bound}`)
  const { endpoint } = writer
  const good = await openReader(t, `${endpoint}?${keys.connected}`)
  const bad = {
    withoutKeys: await openReader(t, endpoint),
    notInTheList: await openReader(t, `${endpoint}?${connecting(stranger, keys.server)}`),
    otherServerKey: await openReader(t, `${endpoint}?${connecting(keys.client, otherServer)}`)
  }
  const rawBad = [
    raw(t, new Subscriber({ linger: 0 }), endpoint),
    raw(t, equip(new Subscriber({ linger: 0 }), stranger, keys.server), endpoint),
    raw(t, equip(new Subscriber({ linger: 0 }), keys.client, otherServer), endpoint)
  ]
  const rawGood = raw(t, equip(new Subscriber({ linger: 0 }), keys.client, keys.server), endpoint)
  let n = 0
  await until('those who may have joined', async () => {
    await write(`probe ${n++}`)
    return good.taken.length > 0 && rawGood.length > 0
  })
  await until('the others were refused', () => Object.values(bad).every(({ ctx }) => said(ctx, /^the peer/).length > 0))

  await write(...records(0, 1000))
  await until('all have come', () => good.taken.includes('record 999') && rawGood.includes('record 999'))

  t.same(good.taken.slice(-1000), records(0, 1000))
  t.same([...Object.values(bad).map(({ taken }) => taken), ...rawBad], [[], [], [], [], [], []])
  t.match(said(bad.withoutKeys.ctx, /^the peer wants keys: give curve and server-key$/), [{}])
  t.match(said(bad.notInTheList.ctx, /^the peer refuses this end: put its public key/), [{ public_key: stranger.publicKey }])
  t.match(said(bad.otherServerKey.ctx, /^the peer ends the handshake: is server-key/), [{}])
  t.match(said(ctx, /not in the file of clients/), [{ address: '127.0.0.1', public_key: stranger.publicKey, clients: keys.clientsFile }], 'said once, however often it tries')
  t.same(said(ctx, /does not know the key of this stream/).map(line => line['reason']).sort(), ['it has no keys at all', 'its server-key is of another stream'])
  t.ok(ctx.metrics.count('refused_peers') >= 6)
  await until('attempts go on, and are counted', () => ctx.metrics.count('refused_peers') >= 20)
  t.equal(said(ctx, /not in the file of clients/).length, 1)
})

t.test('a journaled stream: live and replayed, only with the right keys; also after the publisher was away', async t => {
  const [publishing, subscribing] = [shortDirectory(t), shortDirectory(t)]
  const keys = streamKeys(publishing)
  const stranger = keysIn(publishing, 'stranger')
  const first = await startPublisher(t, publishing, `tcp://127.0.0.1:0?journal=all&${keys.bound}`)
  await first.publish(...records(0, 500))
  const good = await startSubscriber(t, subscribing, `${first.writer.endpoint}?as=one&${keys.connected}`)
  const bad = await startSubscriber(t, shortDirectory(t), `${first.writer.endpoint}?as=two&${connecting(stranger, keys.server)}`)
  const badInput = pull(bad.reader).take(1)
  const input = pull(good.reader)
  t.same(await input.take(500), records(0, 500), 'what was before it came is replayed')
  await first.publish(...records(500, 510))
  t.same(await input.take(10), records(500, 510))

  // whoever finds the replay socket without the keys is not answered
  const request = JSON.stringify({ as: 'three', id: first.ctx.state.journal('all').id, from: 0, bytes: 1000 })
  for (const dealer of [new Dealer(), equip(new Dealer(), stranger, keys.server)]) {
    dealer.linger = 0
    dealer.receiveTimeout = 500
    dealer.connect(first.writer.replayEndpoint)
    await dealer.send(request)
    await t.rejects(dealer.receive(), { code: 'EAGAIN' })
    dealer.close()
  }
  const friend = equip(new Dealer({ linger: 0, receiveTimeout: 5000 }), keys.client, keys.server)
  t.teardown(() => { friend.close() })
  friend.connect(first.writer.replayEndpoint)
  await friend.send(request)
  t.match(String((await friend.receive())[1]), /^record 0\n/)

  const { endpoint } = first.writer
  const more = input.take(90)
  await first.ctx.end()
  const second = await startPublisher(t, publishing, `${endpoint}?journal=all&${keys.bound}`)
  for (let n = 510; n < 600; n += 10) await second.publish(...records(n, n + 10))
  t.same(await more, records(510, 600))

  bad.ctx.abort()
  t.same(await badInput, [])
  t.notOk(second.ctx.state.journal('all').knows('two'))
})

t.test('a key that is taken out of the list is cut off at the reload, and one that is put in comes by itself', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const late = keysIn(directory, 'late')
  const { writer, ctx, write } = await openWriter(t, `tcp://127.0.0.1:0?${keys.bound}`)
  const one = await openReader(t, `${writer.endpoint}?${keys.connected}`)
  const two = await openReader(t, `${writer.endpoint}?${connecting(late, keys.server)}`)
  let n = 0
  const arrives = async (at: string[]): Promise<void> => {
    const record = `to ${n++}`
    await until('it arrives', async () => {
      await write(record)
      return at.includes(record)
    })
  }
  await arrives(one.taken)
  await until('the other is refused', () => said(two.ctx, /put its public key/).length === 1)

  keys.allow(keys.client, late)
  await ctx.reload()
  await arrives(two.taken)
  t.equal(said(one.ctx, /connection is lost/).length, 0, 'nobody else notices')

  keys.allow(late)
  await ctx.reload()
  await arrives(two.taken)
  const had = one.taken.length
  await until('it knows why', () => said(one.ctx, /put its public key/).length === 1)
  await arrives(two.taken)
  t.equal(one.taken.length, had, 'nothing came after the reload')

  keys.allow(keys.client, late)
  await ctx.reload()
  await arrives(one.taken)
  t.match(said(ctx, /^the list of clients is read$/, 'info').map(({ keys, added, removed }) => ({ keys, added, removed })), [
    { keys: 1 }, { keys: 2, added: 1, removed: 0 }, { keys: 1, added: 0, removed: 1 }, { keys: 2, added: 1, removed: 0 }
  ])
})

t.test('a journaled subscriber that was cut off and let in again has missed nothing', async t => {
  const [publishing, subscribing] = [shortDirectory(t), shortDirectory(t)]
  const keys = streamKeys(publishing)
  const publisher = await startPublisher(t, publishing, `tcp://127.0.0.1:0?journal=all&${keys.bound}`)
  const { reader, ctx } = await startSubscriber(t, subscribing, `${publisher.writer.endpoint}?as=one&${keys.connected}`)
  const input = pull(reader)
  await publisher.publish(...records(0, 10))
  t.same(await input.take(10), records(0, 10))
  const taken = input.take(20)

  keys.allow()
  await publisher.ctx.reload()
  await publisher.publish(...records(10, 20))
  await until('it is cut off', () => said(ctx, /put its public key/).length > 0)
  keys.allow(keys.client)
  await publisher.ctx.reload()
  await publisher.publish(...records(20, 30))

  t.same(await taken, records(10, 30))
  t.equal(ctx.metrics.count('lost'), 0)
})

t.test('a list that cannot be read at the reload leaves the one before in force', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const { writer, ctx, write } = await openWriter(t, `tcp://127.0.0.1:0?${keys.bound}`)
  writeFileSync(keys.clientsFile, 'no key\n')
  await ctx.reload()

  const { taken } = await openReader(t, `${writer.endpoint}?${keys.connected}`)
  await until('it is let in', async () => {
    await write('hello')
    return taken.length > 0
  })
  t.match(said(ctx, /cannot be read; the one that was read before stays in force/, 'error'), [{ reason: /line 1/ }])
})

t.test('with bind=true and connect=true the one that binds has the list', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const stranger = keysIn(directory, 'stranger')
  const { reader, ctx, taken } = await openReader(t, `tcp://127.0.0.1:0?bind=true&${keys.bound}`)
  const bad = [
    await openWriter(t, `${reader.endpoint}?connect=true`),
    await openWriter(t, `${reader.endpoint}?connect=true&${connecting(stranger, keys.server)}`)
  ]
  const good = await openWriter(t, `${reader.endpoint}?connect=true&${keys.connected}`)

  await until('what the right one writes is read', async () => {
    for (const { write } of bad) await write('forged')
    await good.write('hello')
    return taken.includes('hello')
  })
  await until('the others were refused', () => bad.every(({ ctx }) => said(ctx, /^the peer/).length > 0))
  await until('more is read', async () => {
    for (const { write } of bad) await write('forged')
    await good.write('more')
    return taken.includes('more')
  })

  t.notOk(taken.includes('forged'))
  t.match(said(ctx, /not in the file of clients/), [{ public_key: stranger.publicKey }])
})

t.test('two streams of a process have lists of their own', async t => {
  const [a, b] = [streamKeys(shortDirectory(t)), streamKeys(shortDirectory(t))]
  const one = await openWriter(t, `tcp://127.0.0.1:0?${a.bound}`)
  const two = await openWriter(t, `tcp://127.0.0.1:0?${b.bound}`)
  const good = await openReader(t, `${two.writer.endpoint}?${b.connected}`)
  const crossed = await openReader(t, `${two.writer.endpoint}?${connecting(a.client, b.server)}`)
  await until('it is let in, and the other refused', async () => {
    await two.write('hello')
    return good.taken.length > 0 && said(crossed.ctx, /put its public key/).length > 0
  })
  // the handler stays while there is one that needs it
  await one.ctx.end()
  const after = await openReader(t, `${two.writer.endpoint}?${b.connected}`)
  await until('another one is let in', async () => {
    await two.write('hello')
    return after.taken.length > 0
  })

  t.same(crossed.taken, [])
})

t.test('what is on the wire cannot be read', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const secret = 'a record that nobody else may read'
  for (const [options, isReadable] of [[keys.bound, false], ['', true]] as const) {
    const { writer, write } = await openWriter(t, `tcp://127.0.0.1:0?${options}`)
    const wire = await startTap(t, Number(writer.endpoint.split(':').at(-1)))
    const { taken } = await openReader(t, `${wire.endpoint}?${isReadable ? '' : keys.connected}`)
    await until('it has come', async () => {
      await write(secret)
      return taken.includes(secret)
    })

    t.ok(wire.bytes().length > 150)
    t.equal(wire.bytes().includes('nobody else'), isReadable)
  }
})

t.test('nor what is on the wire of a journaled stream', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const secret = 'a record that nobody else may read'
  for (const [options, isReadable] of [[keys.bound, false], ['', true]] as const) {
    const publisher = await startPublisher(t, shortDirectory(t), `tcp://127.0.0.1:0?journal=all&${options}`)
    const wire = await startTap(t, Number(publisher.writer.endpoint.split(':').at(-1)))
    const { reader, ctx } = await startSubscriber(t, shortDirectory(t), `${wire.endpoint}?as=one&${isReadable ? '' : keys.connected}`)
    const taken = pull(reader).take(1)
    await until('it follows the stream', () => ctx.logged().some(line => line['message'] === 'reading the journal for the first time'))
    await publisher.publish(secret)

    t.same(await taken, [secret])
    t.equal(wire.bytes().includes('nobody else'), isReadable)
  }
})

t.test('a secret is in no log line', async t => {
  const directory = shortDirectory(t)
  const keys = streamKeys(directory)
  const { writer, ctx, write } = await openWriter(t, `tcp://127.0.0.1:0?${keys.bound}`)
  const good = await openReader(t, `${writer.endpoint}?${keys.connected}`)
  await until('it is let in', async () => {
    await write('hello')
    return good.taken.length > 0
  })
  const log = JSON.stringify([...ctx.logged(), ...good.ctx.logged()])

  t.match(log, 'is let in')
  for (const { secretFile } of [keys.server, keys.client]) t.notOk(log.includes(secretText(secretFile)))
})

function secretText (file: string): string {
  return readFileSync(file, 'utf8').slice('secret '.length).trim()
}

interface Tap {
  readonly endpoint: string
  /** All that went either way. */
  bytes (): Buffer
}

/** Stands between the two ends and writes down what passes. */
async function startTap (t: Test, port: number): Promise<Tap> {
  const chunks: Buffer[] = []
  const sockets: TcpSocket[] = []
  const server = createServer(client => {
    const upstream = connectTcp(port, '127.0.0.1')
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.push(from)
      from.on('data', chunk => { chunks.push(chunk) })
      from.on('error', () => {})
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, bytes: () => Buffer.concat(chunks) }
}
