import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createMetrics, type Metrics, type StatsdTarget } from '../lib/metrics.js'
import { startStatsd } from './helpers/statsd.js'
import { until } from './helpers/wait.js'

interface Receiver {
  readonly port: number
  readonly datagrams: string[]
  lines (): string[]
}

/** A socket: for what StatsD does not tell of how it was sent. */
async function receiver (t: Test): Promise<Receiver> {
  const socket = createSocket('udp4')
  const datagrams: string[] = []
  socket.on('message', message => { datagrams.push(message.toString()) })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => { socket.close() })
  return { port: socket.address().port, datagrams, lines: () => datagrams.flatMap(datagram => datagram.split('\n')).filter(line => line !== '') }
}

const never = 1e9

function metricsTo (port: number, options: Partial<StatsdTarget> = {}, instance?: string): Metrics {
  return createMetrics({ host: '127.0.0.1', port, prefix: 'eventlogging', intervalMs: never, onError: error => { throw error }, ...options }, instance)
}

t.test('counters are added up and sent once an interval, under their full names', async t => {
  const { port, counters, gauges } = await startStatsd(t)
  const metrics = metricsTo(port, { intervalMs: 30 }, 'consumer.mysql-m2')
  t.teardown(async () => { await metrics.close() })

  for (let i = 0; i < 10; i++) metrics.increment('schema.NavigationTiming')
  metrics.increment('lost', 3)
  metrics.gauge('lag', 7)
  metrics.gauge('lag', 5)
  await until('all have come', async () => Object.keys(await counters()).length === 2 && Object.keys(await gauges()).length === 1)

  t.strictSame(await gauges(), { 'eventlogging.consumer.mysql-m2.lag': 5 })
  t.strictSame(await counters(), { 'eventlogging.consumer.mysql-m2.lost': 3, 'eventlogging.schema.NavigationTiming': 10 })
})

t.test('only what has changed is sent again', async t => {
  const { port, lines } = await receiver(t)
  const metrics = metricsTo(port)
  metrics.increment('overall.raw', 2)
  metrics.gauge('lag', 1)
  metrics.flush()

  metrics.increment('overall.raw')
  metrics.flush()
  metrics.flush()
  await metrics.close()
  await until('all have come', () => lines().length >= 3)

  t.strictSame(lines(), ['eventlogging.overall.raw:2|c', 'eventlogging.vanadium.lag:1|g', 'eventlogging.overall.raw:1|c'])
})

t.test('whatever is counted and flushed in between, the sums that arrive are the counts', async t => {
  const { port, counters } = await startStatsd(t)
  const name = fc.constantFrom('a.b', 'c', 'd.e.f')
  let run = 0

  await fc.assert(fc.asyncProperty(
    fc.array(fc.oneof({ weight: 4, arbitrary: fc.tuple(name, fc.integer({ min: 1, max: 1e6 })) }, { weight: 1, arbitrary: fc.constant('flush' as const) })),
    async steps => {
      const prefix = `run${run++}`
      const metrics = metricsTo(port, { prefix }, 'i')
      for (const step of steps) {
        if (step === 'flush') metrics.flush()
        else metrics.increment(...step)
      }
      metrics.increment('end.mark')
      await metrics.close()
      const expected = Object.fromEntries([...metrics.counts()].map(([counter, sum]) => [`${prefix}.${counter.includes('.') ? counter : `i.${counter}`}`, sum]))
      const come = async (): Promise<Record<string, number>> => Object.fromEntries(Object.entries(await counters()).filter(([counter]) => counter.startsWith(`${prefix}.`)))
      await until('the last has come', async () => (await come())[`${prefix}.end.mark`] === 1)

      t.strictSame(await come(), expected)
    }
  ), { numRuns: 20 })
})

t.test('counters share datagrams that fit an Ethernet frame', async t => {
  const { port, datagrams, lines } = await receiver(t)
  const metrics = metricsTo(port)

  for (let i = 0; i < 300; i++) metrics.increment(`schema.Schema${i}`)
  await metrics.close()
  await until('all have come', () => lines().length >= 300)

  t.equal(new Set(lines()).size, 300)
  t.ok(datagrams.length < 20, `${datagrams.length} datagrams`)
  t.ok(datagrams.every(datagram => Buffer.byteLength(datagram) <= 1472))
})

t.test('an empty prefix leaves the names as they are', async t => {
  const { port, counters } = await startStatsd(t)
  const metrics = metricsTo(port, { prefix: '' })

  metrics.increment('overall.raw')
  await metrics.close()

  await until('it has come', async () => (await counters())['overall.raw'] === 1)
})

t.test('the environment cannot add tags, which StatsD would not understand', async t => {
  process.env['DD_ENV'] = 'production'
  t.teardown(() => { delete process.env['DD_ENV'] })
  const { port, lines } = await receiver(t)
  const metrics = metricsTo(port)

  metrics.increment('overall.raw')
  await metrics.close()

  t.equal(await until('it has come', () => lines()[0]), 'eventlogging.overall.raw:1|c')
})

const hasIpv6 = Object.values(networkInterfaces()).some(addresses => addresses?.some(({ address }) => address === '::1'))

t.test('an IPv6 address can be the target', { skip: hasIpv6 ? false : 'needs IPv6' }, async t => {
  const { port, counters } = await startStatsd(t, { host: '::1' })
  const metrics = metricsTo(port, { host: '::1' })

  metrics.increment('overall.raw')
  await metrics.close()

  await until('it has come', async () => (await counters())['eventlogging.overall.raw'] === 1)
})

t.test('what cannot be sent is reported, and neither counting nor closing fails', async t => {
  const errors: Error[] = []
  // broadcasting needs a permission that the socket does not have
  const metrics = metricsTo(8125, { host: '255.255.255.255', onError: error => { errors.push(error) } })

  metrics.increment('overall.raw')
  metrics.flush()
  await until('the error is reported', () => errors[0])
  metrics.increment('overall.raw')
  await metrics.close()

  t.match(errors[0]?.message, /EACCES/)
  t.equal(metrics.count('overall.raw'), 2)
})

t.test('without a target it counts, sends nothing, and closes', async t => {
  const metrics = createMetrics(null)

  metrics.increment('taken', 2)
  metrics.increment('taken')
  metrics.gauge('lag', 1)
  metrics.flush()
  await metrics.close()

  t.equal(metrics.count('taken'), 3)
  t.equal(metrics.count('never seen'), 0)
  t.strictSame([...metrics.counts()], [['taken', 3]])
})
