import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { kernelDrops } from '../../lib/readers/udp-drops.js'
import { udpReader, type UdpReader } from '../../lib/readers/udp.js'
import { batchLimits } from '../../lib/stream/batch.js'
import type { Reader } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { testContext, type TestContext } from '../helpers/context.js'
import { pull } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const readers = new Schemes<Reader>('reader').add(udpReader)
const needsIPv6 = Object.values(networkInterfaces()).flat().some(found => found?.address === '::1') ? false : 'needs the IPv6 loopback'
const needsDropCounts = existsSync('/proc/net/udp') ? false : 'needs /proc/net/udp, which Linux has'

async function openReader (t: Test, uri: string, abortedAlready = false): Promise<{ reader: UdpReader, ctx: TestContext }> {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  if (abortedAlready) ctx.abort()
  const reader = await readers.open(uri, ctx) as UdpReader
  t.teardown(async () => { await reader.close() })
  return { reader, ctx }
}

/** Sends datagrams one after the other, leaving a reader the time to receive them; resolves when the kernel has them all. */
async function send (port: number, datagrams: readonly string[], host = '127.0.0.1'): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  for (const [i, datagram] of datagrams.entries()) {
    if (i % 16 === 0) await turnOfTheLoop()
    await new Promise<void>((resolve, reject) => {
      socket.send(datagram, port, host, error => { if (error === null) resolve(); else reject(error) })
    })
  }
  socket.close()
}

/** Sends `count` datagrams of `bytes` from another process, while this one does nothing else. */
function sendWhileBlocked (port: number, count: number, bytes: number): void {
  const script = `
    const socket = require('node:dgram').createSocket('udp4')
    let left = ${count}
    const next = () => { left-- > 0 ? socket.send(String(left).padStart(${bytes}, '0'), ${port}, '127.0.0.1', next) : socket.close() }
    next()`
  execFileSync(process.execPath, ['-e', script])
}

function numbered (count: number): string[] {
  return Array.from({ length: count }, (_, i) => `record ${i}`)
}

t.test('a datagram is a record, or several lines of records, without empty ones', async t => {
  const { reader, ctx } = await openReader(t, 'udp://127.0.0.1:0')

  await send(reader.address.port, ['one', 'two\n', 'three\nfour', '\n\nfive\r\n\r\nsix\n', '', '\n', 'Žluťoučký 🐎\0'])

  const input = pull(reader)
  t.strictSame(await input.take(7), ['one', 'two', 'three', 'four', 'five', 'six', 'Žluťoučký 🐎\0'])
  t.ok(input.batches.every(batch => batch.position === null))
  t.equal(ctx.metrics.count('lost'), 0)
})

t.test('what nobody pulls waits, and comes in large batches in the order it came', async t => {
  const { reader, ctx } = await openReader(t, 'udp://127.0.0.1:0')
  await send(reader.address.port, numbered(5000))
  ctx.abort()

  const input = pull(reader)
  t.strictSame(await input.rest(), numbered(5000))
  t.equal(input.batches[0]?.count, batchLimits.records)
})

t.test('after the stop it hands over what the kernel still holds, and ends', async t => {
  const { reader, ctx } = await openReader(t, 'udp://127.0.0.1:0')

  sendWhileBlocked(reader.address.port, 5000, 100)
  ctx.abort()

  t.equal((await pull(reader).rest()).length, 5000)
  t.equal(ctx.metrics.count('lost'), 0)
})

t.test('after the stop it ends although datagrams keep coming', async t => {
  const { reader, ctx } = await openReader(t, 'udp://127.0.0.1:0?receive-buffer=65536')
  const socket = createSocket('udp4')
  let flood = setImmediate(sendSome)
  function sendSome (): void {
    for (let i = 0; i < 5; i++) socket.send('x'.repeat(1000), reader.address.port, '127.0.0.1')
    flood = setImmediate(sendSome)
  }
  t.teardown(() => {
    clearImmediate(flood)
    socket.close()
  })
  const input = pull(reader)
  await input.take(1000)

  ctx.abort()

  t.ok((await input.rest()).length > 0)
})

t.test('a stop that came before it was opened ends it at once', async t => {
  const { reader } = await openReader(t, 'udp://127.0.0.1:0', true)

  t.strictSame(await pull(reader).rest(), [])
})

t.test('when the queue is full the newest are dropped, and counted as lost', async t => {
  const { reader, ctx } = await openReader(t, 'udp://127.0.0.1:0?queue=65536')
  const sent = Array.from({ length: 400 }, (_, i) => `${i} ${'x'.repeat(500)}\n${i} ${'y'.repeat(500)}`.padEnd(1023, 'z'))

  await send(reader.address.port, sent)
  await until('all is received', () => ctx.metrics.count('lost') === 2 * (400 - 65))
  ctx.abort()

  t.strictSame(await pull(reader).rest(), sent.slice(0, 65).join('\n').split('\n'), '64 KB, and the datagram that crossed the limit')
  t.match(ctx.logged().find(line => line['level'] === 'error'), { message: /queue is full/, uri: /^udp:/ })
})

t.test('a queue that was full takes more when it was pulled from', async t => {
  const { reader, ctx } = await openReader(t, 'udp://127.0.0.1:0?queue=65536')
  await send(reader.address.port, Array.from({ length: 70 }, () => 'x'.repeat(1023)))
  await until('all is received', () => ctx.metrics.count('lost') === 5)
  const input = pull(reader)
  await input.take(65)

  await send(reader.address.port, ['once more'])

  t.strictSame(await input.take(1), ['once more'])
})

t.test('what the kernel dropped is counted and logged', { skip: needsDropCounts }, async t => {
  for (const host of ['127.0.0.1', ...needsIPv6 === false ? ['*'] : []]) {
    const { reader, ctx } = await openReader(t, `udp://${host}:0?receive-buffer=4096`)

    sendWhileBlocked(reader.address.port, 300, 1000)
    ctx.abort()
    const records = await pull(reader).rest()

    const lost = ctx.metrics.count('lost')
    t.ok(lost > 0, `${lost} were dropped`)
    t.equal(records.length + lost, 300)
    t.match(ctx.logged().find(line => line['level'] === 'error'), { message: /kernel dropped/, lost })
  }
})

t.test('the drops of a socket are found among others on the same port', { skip: needsDropCounts || needsIPv6 }, async t => {
  const { reader, ctx } = await openReader(t, 'udp://127.0.0.1:0?receive-buffer=4096')
  const { port } = reader.address
  await openReader(t, `udp://127.0.0.2:${port}`)
  await openReader(t, `udp://[::1]:${port}`)

  sendWhileBlocked(port, 100, 1000)

  t.ok(await kernelDrops(reader.address))
  t.equal(await kernelDrops({ ...reader.address, address: '127.0.0.2' }), 0)
  t.equal(await kernelDrops({ ...reader.address, address: '::1' }), 0)
  t.equal(await kernelDrops({ ...reader.address, address: '127.0.0.3' }), null)
  t.equal(await kernelDrops({ ...reader.address, address: '::ffff:127.0.0.1' }), null)
  t.equal(await kernelDrops({ ...reader.address, address: 'fe80::1%lo' }), null)
  ctx.abort()
})

t.test('it listens on IPv6, on a name, and with * on both', { skip: needsIPv6 }, async t => {
  for (const [host, from] of [['[::1]', ['::1']], ['localhost', []], ['*', ['::1', '127.0.0.1']]] as const) {
    const { reader } = await openReader(t, `udp://${host}:0`)
    for (const address of from.length === 0 ? [reader.address.address] : from) {
      await send(reader.address.port, [`to ${address}`], address)
      t.strictSame(await pull(reader).take(1), [`to ${address}`])
    }
  }
})

t.test('it says where it listens', async t => {
  const { reader, ctx } = await openReader(t, 'udp://127.0.0.1:0')

  t.match(ctx.logged().find(line => line['message'] === 'listening'), { uri: 'udp://127.0.0.1:0', address: '127.0.0.1', port: reader.address.port })
  t.ok(reader.address.port > 0)
})

t.test('a port in use, and an address that is not here, are transport errors that name them', async t => {
  const { reader } = await openReader(t, 'udp://127.0.0.1:0')

  await t.rejects(openReader(t, `udp://127.0.0.1:${reader.address.port}`), { name: 'StreamError', code: 'cannot-bind', message: /EADDRINUSE.*127\.0\.0\.1/, cause: { code: 'EADDRINUSE' } })
  await t.rejects(openReader(t, 'udp://192.0.2.1:0'), { name: 'StreamError', code: 'cannot-bind' })
})

t.test('it says so when the kernel grants less than was asked, and what to change', { skip: needsDropCounts }, async t => {
  const { ctx } = await openReader(t, 'udp://127.0.0.1:0?receive-buffer=1073741824')

  const line = ctx.logged().find(line => line['message'] === 'the kernel granted a smaller receive buffer than asked')
  t.match(line, { level: 'info', asked: 1 << 30, remedy: 'sysctl -w net.core.rmem_max=1073741824' })
  t.ok(Number(line?.['granted']) < 1 << 30)

  const { ctx: modest } = await openReader(t, 'udp://127.0.0.1:0?receive-buffer=8192')
  t.notOk(modest.logged().some(line => line['remedy'] !== undefined))
})

t.test('closing ends a consumer that waits, frees the port, and can be repeated', async t => {
  const { reader } = await openReader(t, 'udp://127.0.0.1:0')
  const waiting = pull(reader).rest()

  await reader.close()
  await reader.close()

  t.strictSame(await waiting, [])
  await openReader(t, `udp://127.0.0.1:${reader.address.port}`)
})

t.test('options out of range and a missing port are refused', async t => {
  for (const uri of ['udp://127.0.0.1', 'udp://127.0.0.1:1?queue=1', 'udp://127.0.0.1:1?receive-buffer=lots', 'udp://127.0.0.1:1?size=1']) {
    t.throws(() => readers.check(uri), { name: 'ConfigError', code: 'bad-uri' }, uri)
  }
  for (const example of udpReader.examples) t.doesNotThrow(() => readers.check(example))
})
