import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openCounts, type Counts } from '../../lib/counts/read.js'
import { arrival, batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { startReady, type Daemon } from '../helpers/daemon.js'
import { always } from '../helpers/counts.js'
import { startPublisher } from '../helpers/journaled.js'
import { clickLine, numbers, processorFile, subscribed } from '../helpers/replay.js'
import { startStatsd, type Statsd } from '../helpers/statsd.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}

/** What the monitors of a directory have counted. */
function totals (directory: string): { raw: number, valid: number, invalid: number, failures: number } {
  return looked(directory, counts => ({
    raw: sum(counts.raw(...always).map(({ raw }) => raw)),
    valid: sum(counts.bySchema(...always).map(({ valid }) => valid)),
    invalid: sum(counts.bySchema(...always).map(({ invalid }) => invalid)),
    failures: sum(counts.failures(...always).map(({ count }) => count))
  }))
}

function looked<T> (directory: string, look: (counts: Counts) => T): T {
  const counts = openCounts(directory)
  try {
    return look(counts)
  } finally {
    counts.close()
  }
}

async function startMonitor (t: Test, directory: string, statsd: Statsd, ...inputs: string[]): Promise<Daemon> {
  return await startReady(t, 'monitor', '--name', 'all', '--state', directory, '--statsd', statsd.address, '--interval', '0.1', '--flush-interval', '0.05', '--input', ...inputs)
}

// seen to fail when each input has a loop of its own (what is counted of one is saved without its position), and when counts are written
// at once
t.test('whenever the monitor is killed, what passed is counted once, and StatsD is told of no record twice', async t => {
  const directory = shortDirectory(t)
  const [raw, events] = ['raw', 'events'].map(name => `ipc://${join(directory, name)}`) as [string, string]
  const statsd = await startStatsd(t)
  const inputs = [`client-side=${raw}?as=all`, `client-side=${events}?as=all`]
  const output = `${events}?journal=events`
  const forwarder = await startReady(t, 'forwarder', '--state', directory, '--input', 'stdin://', '--output', `${raw}?journal=raw`)
  const processor = await startReady(t, 'processor', '--state', directory, `@${processorFile(directory, `--input ${raw}?as=processor`, `--output ${output}`, `--invalid ${output}`)}`)
  let monitor = await startMonitor(t, directory, statsd, ...inputs)
  await subscribed([processor, monitor])
  await until('both inputs are known', () => monitor.log.filter(({ message }) => message === 'reading the journal for the first time').length === 2)

  const isBroken = (n: number): boolean => n % 7 === 0
  let sent = 0
  for (let kill = 0; kill < 5; kill++) {
    const before = totals(directory).raw
    for (let burst = 0; burst < 10; burst++, sent += 100) {
      forwarder.child.stdin.write(numbers(sent, sent + 100).map(n => `${clickLine(n, isBroken(n) ? { event: { button: 'save', clicks: 'many' } } : {})}\n`).join(''))
      // so that the kill comes between many saves
      await sleep(10)
    }
    await until('some of it is counted', () => totals(directory).raw > before)
    monitor.child.kill('SIGKILL')
    await monitor.ended
    monitor = await startMonitor(t, directory, statsd, ...inputs)
  }
  await until('all is counted', () => totals(directory).raw >= sent && totals(directory).valid + totals(directory).invalid >= sent, 60_000)
  t.equal(await monitor.stop(), 0)

  const broken = numbers(0, sent).filter(isBroken).length
  t.strictSame(totals(directory), { raw: sent, valid: sent - broken, invalid: broken, failures: broken })
  t.match(looked(directory, counts => counts.failures(...always))[0], { schema: 'DemoButtonClick', code: 'validation', pointer: '/event/clicks', expected: 'an integer', seen: 'a string of 4 characters' })
  t.strictSame([...new Set(looked(directory, counts => counts.bySchema(...always)).map(({ stream, schema }) => `${stream} ${schema}`))], ['client-side DemoButtonClick'])
  const counters = await statsd.counters()
  t.ok((counters['eventlogging.overall.raw'] ?? 0) <= sent && (counters['eventlogging.overall.raw'] ?? 0) > 0, `${counters['eventlogging.overall.raw']} of ${sent} raw`)
  t.ok((counters['eventlogging.overall.invalid'] ?? 0) <= broken)
})

// seen to fail when late records are told
t.test('what was published while the monitor was away is counted in its time, and StatsD is told how much that is', async t => {
  const directory = shortDirectory(t)
  const stream = `ipc://${join(directory, 'raw')}`
  const statsd = await startStatsd(t)
  const publisher = await startPublisher(t, directory, `${stream}?journal=raw&subscribers=all`)
  const twoHoursAgo = Math.floor(Date.now() / 60_000) * 60_000 - 2 * 3600_000
  await publisher.writer.write(batchOfLines(['?a', '?b', '?c'], { ...arrival('test', 3), timeMs: twoHoursAgo }) as Batch)
  await publisher.writer.flush()
  await publisher.ctx.save()

  const monitor = await startMonitor(t, directory, statsd, `web=${stream}?as=all`)
  await until('what was late is counted', async () => (await statsd.counters())['eventlogging.monitor.all.late'] === 3)
  await publisher.publish('?d', '?e')
  await until('what is new is counted', async () => (await statsd.counters())['eventlogging.web.raw'] === 2)

  t.equal(await monitor.stop(), 0)
  t.equal((await statsd.counters())['eventlogging.overall.raw'], 2)
  const raw = looked(directory, counts => counts.raw(...always))
  t.strictSame(raw[0], { timeMs: twoHoursAgo, stream: 'web', raw: 3 })
  t.equal(sum(raw.map(({ raw }) => raw)), 5)
})

// seen to fail without the bound
t.test('invented names, of valid and of invalid events, share a counter', async t => {
  const directory = shortDirectory(t)
  const stream = `ipc://${join(directory, 'events')}`
  const statsd = await startStatsd(t)
  const publisher = await startPublisher(t, directory, `${stream}?journal=events&subscribers=all`)
  const monitor = await startMonitor(t, directory, statsd, `web=${stream}?as=all`)
  const invented = numbers(0, 10_000)

  for (const from of [0, 2500, 5000, 7500]) {
    await publisher.publish(...invented.slice(from, from + 2500).flatMap(i => [
      JSON.stringify({ schema: `Invented${i}`, revision: 1, event: {} }),
      JSON.stringify({ schema: 'EventError', revision: 14035058, event: { rawEvent: `{"schema":"Made${i}","revision":1}`, message: 'm', code: 'validation', schema: `Made${i}`, revision: 1 } })
    ]))
  }
  await until('all are counted', async () => (await statsd.counters())['eventlogging.schema.unknown.invalid'] === 10_000)

  t.equal(await monitor.stop(), 0)
  const counters = await statsd.counters()
  t.equal(counters['eventlogging.schema.unknown'], 10_000)
  t.strictSame(Object.keys(counters).filter(name => name.startsWith('eventlogging.schema.')).sort(), ['eventlogging.schema.unknown', 'eventlogging.schema.unknown.invalid'])
  t.strictSame([...new Set(looked(directory, counts => counts.bySchema(...always)).map(({ schema }) => schema))], ['unknown'])
})
