import t from 'tap'
import { startDaemon, startReady } from '../helpers/daemon.js'
import { startStatsd, type Statsd } from '../helpers/statsd.js'
import { bindPublisher } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

/** Without the monitor's own, which are those of every daemon. */
async function countersOf (statsd: Statsd): Promise<Record<string, number>> {
  return Object.fromEntries(Object.entries(await statsd.counters()).filter(([name]) => !/\.monitor\./.test(name)))
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
  const statsd = await startStatsd(t)
  const [web, webEvents, server] = [await bindPublisher(t), await bindPublisher(t), await bindPublisher(t)]
  const inputs = [`client-side=${web.endpoint}`, `client-side=${webEvents.endpoint}`, `srv.1/a=${server.endpoint}?subscribe=`]
  const daemon = await startReady(t, 'monitor', '--input', ...inputs, '--statsd', statsd.address, '--interval', '0.1')
  for (const publisher of [web, webEvents, server]) await publisher.joined()

  await web.send(rawLine, rawLine, rawLine, rawLine)
  await webEvents.send(valid('DemoButtonClick'), valid('DemoButtonClick'), invalid('DemoButtonClick'), invalid('NobodyKnows'))
  await server.send(valid('NavigationTiming'), valid('NobodyKnows'))
  await until('all is counted', async () => {
    const counters = await statsd.counters()
    return counters['eventlogging.overall.raw'] === 4 && counters['eventlogging.overall.valid'] === 4 && counters['eventlogging.overall.invalid'] === 2
  })

  t.equal(await daemon.stop(), 0)
  t.strictSame(await countersOf(statsd), {
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
  const statsd = await startStatsd(t)
  const publisher = await bindPublisher(t)
  const daemon = await startReady(t, 'monitor', '--name', 'all events@1', '--input', publisher.endpoint, '--statsd', statsd.address, '--interval', '0.1', '--prefix', 'staging.events')
  await publisher.joined()

  await publisher.send(rawLine)
  await until('the line is counted', async () => (await statsd.counters())['staging.events.overall.raw'] !== undefined)

  t.equal(await daemon.stop(), 0)
  t.strictSame(await countersOf(statsd), { 'staging.events.all_events_1.raw': 1, 'staging.events.overall.raw': 1 })
})

t.test('an input that ends lets the others go on, and the monitor ends with the last one', async t => {
  const statsd = await startStatsd(t)
  const publisher = await bindPublisher(t)
  const daemon = await startReady(t, 'monitor', '--input', 'pipe=stdin://', `stream=${publisher.endpoint}`, '--statsd', statsd.address, '--interval', '0.1')
  await publisher.joined()

  daemon.child.stdin.end(`${rawLine}\n${rawLine}\n`)
  await until('the pipe is counted', async () => (await statsd.counters())['eventlogging.pipe.raw'] === 2)
  await publisher.send(rawLine)
  await until('the stream is still counted', async () => (await statsd.counters())['eventlogging.stream.raw'] === 1)

  t.equal(daemon.child.exitCode, null)
  t.equal(await daemon.stop(), 0)
})

t.test('with nothing left to read it ends by itself, everything counted', async t => {
  const statsd = await startStatsd(t)
  const daemon = startDaemon(t, 'monitor', '--input', 'pipe=stdin://', '--statsd', statsd.address, '--interval', '3600')
  daemon.child.stdin.end(`${rawLine}\n${valid('DemoButtonClick')}\n`)

  t.equal(await daemon.ended, 0)
  await until('the last counts arrive', async () => (await statsd.counters())['eventlogging.schema.DemoButtonClick'] === 1)
  t.match(await countersOf(statsd), { 'eventlogging.pipe.raw': 1, 'eventlogging.pipe.valid': 1 })
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
