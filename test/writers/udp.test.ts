import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { batchOfBytes, batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { udpWriter } from '../../lib/writers/udp.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { until } from '../helpers/wait.js'

const writers = new Schemes<Writer>('writer').add(udpWriter)

async function openWriter (t: Test, uri: string): Promise<{ writer: Writer, ctx: TestContext }> {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  return { writer: await writers.open(uri, ctx), ctx }
}

async function receiver (t: Test, address: string, port = 0): Promise<{ socket: Socket, port: number, datagrams: Buffer[] }> {
  const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 })
  const datagrams: Buffer[] = []
  socket.on('message', message => { datagrams.push(message) })
  socket.bind(port, address)
  await once(socket, 'listening')
  t.teardown(async () => { await closed(socket) })
  return { socket, port: socket.address().port, datagrams }
}

async function closed (socket: Socket): Promise<void> {
  try {
    socket.close()
    await once(socket, 'close')
  } catch { /* closed by the test */ }
}

function batch (...lines: string[]): Batch {
  return batchOfLines(lines) as Batch
}

t.test('a record is a datagram, byte for byte, in order', async t => {
  const hasIpv6 = Object.values(networkInterfaces()).some(addresses => addresses?.some(({ address }) => address === '::1'))
  for (const [host, address] of [['127.0.0.1', '127.0.0.1'], ['localhost', '127.0.0.1'], ...hasIpv6 ? [['[::1]', '::1'] as const] : []] as const) {
    const { port, datagrams } = await receiver(t, address)
    const { writer } = await openWriter(t, `udp://${host}:${port}`)
    const lines = Array.from({ length: 1000 }, (_, i) => `record ${i}`)

    for (let at = 0; at < lines.length; at += 100) {
      await writer.write(batch(...lines.slice(at, at + 100)))
      // the kernel's default buffer holds no more than these
      await until('they have come', () => datagrams.length === at + 100)
    }
    await writer.write(batchOfBytes(Buffer.from([0x41, 0xff, 0x00])) as Batch)
    await writer.flush()
    await until('all have come', () => datagrams.length === 1001)

    t.same(datagrams.slice(0, 1000).map(String), lines, host)
    t.same(datagrams[1000], Buffer.from([0x41, 0xff, 0x00]))
    await writer.close()
    await writer.close()
  }
})

t.test('a record that fits no datagram goes to the dead letters', async t => {
  const { port, datagrams } = await receiver(t, '127.0.0.1')
  const { writer, ctx } = await openWriter(t, `udp://127.0.0.1:${port}`)

  await writer.write(batch('x'.repeat(65_507), 'y'.repeat(65_508), 'z'))
  await writer.flush()
  await until('the others have come', () => datagrams.length === 2)

  t.same(datagrams.map(datagram => datagram.length), [65_507, 1])
  t.match(ctx.letters, [{ record: /^y{65508}$/, error: { name: 'RecordError', code: 'refused-by-store', message: /65508 bytes/ } }])
  t.equal(ctx.metrics.count('lost'), 0)
})

t.test('what is refused is counted as lost, and sending goes on when somebody listens again', async t => {
  const first = await receiver(t, '127.0.0.1')
  const { writer, ctx } = await openWriter(t, `udp://127.0.0.1:${first.port}`)
  await closed(first.socket)

  await writer.write(batch('to nobody'))
  await writer.flush()
  await until('the refusal is known', async () => {
    await writer.flush()
    return ctx.metrics.count('lost') === 1
  })
  t.match(ctx.logged(), [{ level: 'error', code: 'ECONNREFUSED' }])

  const { datagrams } = await receiver(t, '127.0.0.1', first.port)
  await writer.write(batch('to somebody'))
  await writer.flush()
  await until('it has come', () => datagrams.length === 1)
  t.same(datagrams.map(String), ['to somebody'])
  t.equal(ctx.metrics.count('lost'), 1)
})

t.test('each record of a batch that is refused is counted once', async t => {
  const { socket, port } = await receiver(t, '127.0.0.1')
  await closed(socket)
  const { writer, ctx } = await openWriter(t, `udp://127.0.0.1:${port}`)

  await writer.write(batch(...Array.from({ length: 50 }, (_, i) => `record ${i}`)))
  await writer.flush()

  await until('all refusals are known', () => ctx.metrics.count('lost') >= 50)
  t.equal(ctx.metrics.count('lost'), 50)
})

t.test('a name that leads nowhere is a transport error, a missing part the operator\'s', async t => {
  await t.rejects(openWriter(t, 'udp://no-such-host.invalid:8421'), { name: 'StreamError', code: 'cannot-connect', message: /no-such-host\.invalid/ })
  t.throws(() => writers.check('udp://127.0.0.1'), { name: 'ConfigError', message: /port is missing/ })
  t.throws(() => writers.check('udp://:8421'), { name: 'ConfigError', message: /host is missing/ })
})
