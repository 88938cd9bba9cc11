import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { startDaemon, startReady } from '../helpers/daemon.js'
import { bindPublisher } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

/** What arrived at a UDP port, added up by name. */
interface Collector {
  readonly address: string
  readonly counters: Map<string, number>
}

async function collect (t: Test): Promise<Collector> {
  const counters = new Map<string, number>()
  const socket = createSocket('udp4', datagram => {
    for (const line of datagram.toString().split('\n')) {
      const [, name = line, count] = /^(.+):(\d+)\|c$/.exec(line) ?? []
      counters.set(name, (counters.get(name) ?? 0) + Number(count))
    }
  })
  t.teardown(() => { socket.close() })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { address: `127.0.0.1:${socket.address().port}`, counters }
}

/** Without the monitor's own, which are those of every daemon. */
function countersOf ({ counters }: Collector): Record<string, number> {
  return Object.fromEntries([...counters].filter(([name]) => !/\.monitor\./.test(name)))
}

const rawLine = '?%7B%22schema%22%3A%22DemoButtonClick%22%7D; cp1 1 2014-05-21T09:30:01 203.0.113.9 Mozilla'

function valid (schema: string): string {
  return JSON.stringify({ schema, revision: 1, wiki: 'enwiki', recvFrom: 'cp1', uuid: '0'.repeat(32), event: {} })
}

function invalid (schema: string): string {
  const event = { rawEvent: 'x', message: 'm', code: 'validation', schema, revision: 1 }
  return JSON.stringify({ schema: 'EventError', revision: 14035058, wiki: '', recvFrom: 'cp1', uuid: '0'.repeat(32), event })
}

t.test('raw lines, valid and invalid events are counted by stream, overall, and by schema', async t => {
  const statsd = await collect(t)
  const [web, webEvents, server] = [await bindPublisher(t), await bindPublisher(t), await bindPublisher(t)]
  const inputs = [`client-side=${web.endpoint}`, `client-side=${webEvents.endpoint}`, `srv.1/a=${server.endpoint}?subscribe=`]
  const daemon = await startReady(t, 'monitor', '--input', ...inputs, '--statsd', statsd.address, '--interval', '0.1')
  for (const publisher of [web, webEvents, server]) await publisher.joined()

  await web.send(rawLine, rawLine, rawLine, rawLine)
  await webEvents.send(valid('DemoButtonClick'), valid('DemoButtonClick'), invalid('DemoButtonClick'), invalid('NobodyKnows'))
  await server.send(valid('NavigationTiming'), valid('NobodyKnows'))
  await until('all is counted', () => (statsd.counters.get('eventlogging.overall.raw') ?? 0) === 4 && (statsd.counters.get('eventlogging.overall.valid') ?? 0) === 4 && (statsd.counters.get('eventlogging.overall.invalid') ?? 0) === 2)

  t.equal(await daemon.stop(), 0)
  t.strictSame(countersOf(statsd), {
    'eventlogging.overall.raw': 4,
    'eventlogging.overall.valid': 4,
    'eventlogging.overall.invalid': 2,
    'eventlogging.client-side.raw': 4,
    'eventlogging.client-side.valid': 2,
    'eventlogging.client-side.invalid': 2,
    'eventlogging.srv_1_a.valid': 2,
    'eventlogging.schema.DemoButtonClick': 2,
    'eventlogging.schema.DemoButtonClick.invalid': 1,
    'eventlogging.schema.NavigationTiming': 1,
    'eventlogging.schema.unknown': 1,
    'eventlogging.schema.unknown.invalid': 1
  })
})

t.test('an input without a name is counted under the name of the instance, after the prefix', async t => {
  const statsd = await collect(t)
  const publisher = await bindPublisher(t)
  const daemon = await startReady(t, 'monitor', '--name', 'all events@1', '--input', publisher.endpoint, '--statsd', statsd.address, '--interval', '0.1', '--prefix', 'staging.events')
  await publisher.joined()

  await publisher.send(rawLine)
  await until('the line is counted', () => statsd.counters.has('staging.events.overall.raw'))

  t.equal(await daemon.stop(), 0)
  t.strictSame(countersOf(statsd), { 'staging.events.all_events_1.raw': 1, 'staging.events.overall.raw': 1 })
})

t.test('an input that ends lets the others go on, and the monitor ends with the last one', async t => {
  const statsd = await collect(t)
  const publisher = await bindPublisher(t)
  const daemon = await startReady(t, 'monitor', '--input', 'pipe=stdin://', `stream=${publisher.endpoint}`, '--statsd', statsd.address, '--interval', '0.1')
  await publisher.joined()

  daemon.child.stdin.end(`${rawLine}\n${rawLine}\n`)
  await until('the pipe is counted', () => statsd.counters.get('eventlogging.pipe.raw') === 2)
  await publisher.send(rawLine)
  await until('the stream is still counted', () => statsd.counters.get('eventlogging.stream.raw') === 1)

  t.equal(daemon.child.exitCode, null)
  t.equal(await daemon.stop(), 0)
})

t.test('with nothing left to read it ends by itself, everything counted', async t => {
  const statsd = await collect(t)
  const daemon = startDaemon(t, 'monitor', '--input', 'pipe=stdin://', '--statsd', statsd.address, '--interval', '3600')
  daemon.child.stdin.end(`${rawLine}\n${valid('DemoButtonClick')}\n`)

  t.equal(await daemon.ended, 0)
  await until('the last counts arrive', () => statsd.counters.get('eventlogging.schema.DemoButtonClick') === 1)
  t.match(countersOf(statsd), { 'eventlogging.pipe.raw': 1, 'eventlogging.pipe.valid': 1 })
})

t.test('what cannot be counted is refused, with what is allowed', async t => {
  const statsd = ['--statsd', '127.0.0.1:1']
  const cases: Array<[string, string[], RegExp]> = [
    ['nowhere to count to', ['--input', 'stdin://'], /--statsd is missing.*HOST:PORT/],
    ['an empty name', ['--input', '=stdin://', ...statsd], /--input =stdin:\/\/: the name before = is empty.*NAME=URI/],
    ['a name that metrics have', ['--input', 'overall=stdin://', ...statsd], /--input overall=stdin:\/\/: a stream cannot be called overall.*overall, schema/],
    ['an instance with such a name', ['--name', 'schema', '--input', 'stdin://', ...statsd], /a stream cannot be called schema/],
    ['a name without a URI', ['--input', 'client-side', ...statsd], /"client-side" is no stream URI/]
  ]
  for (const [name, args, message] of cases) {
    const daemon = startDaemon(t, 'monitor', ...args)
    daemon.child.stdin.end()
    t.equal(await daemon.ended, 78, name)
    t.match(daemon.log.at(-1)?.message, message, name)
  }
})
