import { createSocket } from 'node:dgram'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import t from 'tap'
import { createMetrics } from '../../../lib/metrics.js'
import { openStatsdServer } from '../../../tools/run/statsd-server.js'

t.test('what a daemon reports is added up under its full name', async t => {
  const server = await openStatsdServer()
  t.teardown(() => { server.close() })
  const metrics = createMetrics({ host: '127.0.0.1', port: server.port, prefix: 'eventlogging', intervalMs: 3_600_000, onError: error => { t.fail(error.message) } }, 'consumer.sqlite')

  metrics.increment('taken', 3)
  metrics.gauge('lag', 7)
  metrics.flush()
  metrics.increment('taken', 2)
  metrics.increment('schema.NavigationTiming')
  await metrics.close()
  await server.settled()

  t.equal(server.values.get('eventlogging.consumer.sqlite.taken'), 5)
  t.equal(server.values.get('eventlogging.consumer.sqlite.lag'), 7)
  t.equal(server.values.get('eventlogging.schema.NavigationTiming'), 1)
})

t.test('all forms of counters and gauges are understood; the rest is ignored, and does no harm', async t => {
  const server = await openStatsdServer()
  const socket = createSocket('udp4')
  t.teardown(() => {
    server.close()
    socket.close()
  })
  const datagrams = ['a:1|c\na:2|c|#tag:x\n', 'sampled:2|c|@0.5', 'g:5|g', 'g:+2|g', 'g:-3|g', '', '\n\n', 'a:x|c', 'a:1', ':1|c', 't:3|ms', '\0\xff:|c', `${'n'.repeat(300)}:1|c`, '__proto__:1|c']
  for (const datagram of datagrams) await new Promise(resolve => { socket.send(Buffer.from(datagram, 'latin1'), server.port, '127.0.0.1', resolve) })
  await server.settled()

  t.strictSame(Object.fromEntries(server.values), Object.fromEntries([['a', 3], ['sampled', 4], ['g', 4], ['__proto__', 1]]))
})

t.test('the number of names is bounded', async t => {
  const server = await openStatsdServer()
  const socket = createSocket('udp4')
  t.teardown(() => {
    server.close()
    socket.close()
  })
  for (let i = 0; i < 6000; i += 50) {
    const lines = Array.from({ length: 50 }, (_, k) => `name${i + k}:1|c`).join('\n')
    await new Promise(resolve => { socket.send(lines, server.port, '127.0.0.1', resolve) })
    await turnOfTheLoop()
  }
  await server.settled()

  t.equal(server.values.size, 5000)
})
