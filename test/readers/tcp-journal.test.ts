import { join } from 'node:path'
import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { Subscriber, XPublisher } from 'zeromq'
import { records, startPublisher, startSubscriber } from '../helpers/journaled.js'
import { bindPublisher, pull, shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

interface Proxy {
  readonly endpoint: string
  /** Messages with records that were kept back. */
  readonly dropped: () => number
}

/** Passes a stream on, without the messages with records that `drops` says; the replay socket is not touched. */
async function proxy (t: Test, endpoint: string, drops: (n: number) => boolean): Promise<Proxy> {
  const from = new Subscriber({ receiveHighWaterMark: 0, linger: 0 })
  const to = new XPublisher({ sendHighWaterMark: 0, linger: 0 })
  t.teardown(() => { from.close(); to.close() })
  from.subscribe()
  from.connect(endpoint)
  await to.bind('tcp://127.0.0.1:0')
  let n = 0
  let dropped = 0
  void (async () => {
    for await (const frames of from) {
      if (frames.length > 1 && drops(n++)) dropped++
      else await to.send(frames)
    }
  })().catch(() => { /* closed */ })
  return { endpoint: to.lastEndpoint ?? '', dropped: () => dropped }
}

t.test('a subscriber gets what was published before it came, and what is published then, each record once', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  await publisher.publish(...records(0, 10))
  await publisher.publish(...records(10, 12))
  const { reader, ctx } = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=one`)
  const input = pull(reader)

  t.same(await input.take(12), records(0, 12))
  for (let n = 12; n < 40; n += 2) await publisher.publish(...records(n, n + 2))
  t.same(await input.take(28), records(12, 40))
  t.equal(ctx.metrics.count('lost'), 0)
})

t.test('it goes on where it had committed, whatever it was given beyond', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  const first = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=one`)
  const input = pull(first.reader)
  await publisher.publish(...records(0, 3))
  await publisher.publish(...records(3, 6))
  t.same(await input.take(6), records(0, 6))
  const [batch] = input.batches
  // fetched as one batch, or as two
  await first.reader.commit(batch?.position ?? '')
  await first.ctx.save()
  const committed = batch?.count ?? 0
  await first.ctx.end()
  await publisher.publish(...records(6, 9))

  const second = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=one`)
  t.same(await pull(second.reader).take(9 - committed), records(committed, 9))
})

t.test('a subscriber that never had to fetch anything is known to the publisher, too', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  const { reader } = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=one`)
  const taken = pull(reader).take(1)

  await until('it is known', () => publisher.ctx.state.journal('all').knows('one'))
  await publisher.publish('record 0')
  t.same(await taken, ['record 0'])
})

t.test('a subscriber may begin with what is new', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  await publisher.publish(...records(0, 10))
  const { reader, ctx } = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=late&from=newest`)
  const input = pull(reader)
  const taken = input.take(2)
  await until('it has heard of the journal', () => ctx.logged().some(line => line['message'] === 'reading the journal for the first time'))

  await publisher.publish(...records(10, 12))
  t.same(await taken, records(10, 12))
})

const messages = 60
for (const [which, drops] of [
  ['the first message', n => n === 0],
  ['one in the middle', n => n === 30],
  ['the last before the traffic stops', n => n === messages - 1],
  ['every third', n => n % 3 === 2],
  ['ten in a row and the last', n => (n > 20 && n <= 30) || n === messages - 1]
] as Array<[string, (n: number) => boolean]>) {
  // seen to fail (nothing more comes) when a fetch gives nothing; the one about the last, when heartbeats are not looked at
  t.test(`lost on the way, ${which}: it is fetched, and each record comes once, in order`, async t => {
    const directory = shortDirectory(t)
    const publisher = await startPublisher(t, directory)
    const { endpoint, dropped } = await proxy(t, publisher.writer.endpoint, drops)
    const { reader, ctx } = await startSubscriber(t, directory, `${endpoint}?as=one`)
    const input = pull(reader)
    const taken = input.take(messages * 5)
    await until('it follows the stream', () => ctx.logged().some(line => line['message'] === 'reading the journal for the first time'))

    for (let n = 0; n < messages; n++) await publisher.publish(...records(n * 5, n * 5 + 5))
    t.same(await taken, records(0, messages * 5))
    await publisher.publish('the end')
    t.same(await input.take(1), ['the end'])

    const expected = Array.from({ length: messages }, (_, n) => n).filter(drops).length
    await until('the proxy has seen all, too', () => dropped() === expected)
    t.ok(ctx.metrics.count('replayed') >= expected * 5)
    t.equal(ctx.metrics.count('lost'), 0)
  })
}

t.test('a subscriber that is slower than the stream misses nothing', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  const { reader } = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=one`)
  const input = pull(reader)
  await publisher.publish('record 0')
  t.same(await input.take(1), ['record 0'])

  // more than sockets and their buffers hold
  const padding = 'x'.repeat(100_000)
  for (let n = 1; n < 400; n++) await publisher.publish(`record ${n} ${padding}`)

  t.same((await input.take(399)).map(line => line.slice(0, line.indexOf(' x'))), records(1, 400))
})

t.test('a publisher that was restarted, with another replay port, is found again', async t => {
  const directory = shortDirectory(t)
  const first = await startPublisher(t, directory)
  const { endpoint } = first.writer
  const { reader } = await startSubscriber(t, directory, `${endpoint}?as=one`)
  const input = pull(reader)
  await first.publish(...records(0, 5))
  t.same(await input.take(5), records(0, 5))
  const taken = input.take(10)
  await first.ctx.end()

  const second = await startPublisher(t, directory, `${endpoint}?journal=all`)
  t.not(second.writer.replayEndpoint, first.writer.replayEndpoint)
  await second.publish(...records(5, 10))
  await second.publish(...records(10, 15))

  t.same(await taken, records(5, 15))
})

t.test('what no journal has any more is counted as lost, and said', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  for (let n = 0; n < 20; n += 5) await publisher.publish(...records(n, n + 5))
  const { reader, ctx } = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=one`)
  const other = new Database(join(directory, 'publisher.sqlite'))
  other.exec('DELETE FROM journal_entry WHERE first IN (5, 15)')
  other.close()
  const input = pull(reader)

  t.same(await input.take(10), [...records(0, 5), ...records(10, 15)])
  const taken = input.take(5)
  await publisher.publish(...records(20, 25))
  t.same(await taken, records(20, 25))

  t.equal(ctx.metrics.count('lost'), 10)
  t.match(ctx.logged().filter(line => line['level'] === 'error'), [{ records: 5, first: 5, last: 9 }, { records: 5, first: 15, last: 19 }])
})

t.test('a journal that was made anew is read from its start, and the loss is said', async t => {
  const directory = shortDirectory(t)
  const first = await startPublisher(t, directory)
  const { endpoint } = first.writer
  const subscriber = await startSubscriber(t, directory, `${endpoint}?as=one`)
  const input = pull(subscriber.reader)
  await first.publish(...records(0, 5))
  t.same(await input.take(5), records(0, 5))
  const taken = input.take(2)
  await first.ctx.end()
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `publisher.sqlite${suffix}`), { force: true })

  const second = await startPublisher(t, directory, `${endpoint}?journal=all`)
  await second.publish('a', 'b')

  t.same(await taken, ['a', 'b'])
  t.match(subscriber.ctx.logged().filter(line => line['level'] === 'error'), [{ message: /made anew/, old_next: 5 }])
})

t.test('of a message that overlaps with the one before, what is new is given', async t => {
  const directory = shortDirectory(t)
  const publisher = await bindPublisher(t)
  const { reader } = await startSubscriber(t, directory, `${publisher.endpoint}?as=one`)
  await publisher.joined()
  const message = (first: number, ...lines: string[]): [string, string] =>
    [JSON.stringify({ journal: 'all', id: '0123456789abcdef', replay: 1, first, count: lines.length, time: 1, schemas: { '-': lines.length } }), lines.join('\n')]

  await publisher.send(message(0, 'a', 'ä', 'c'), message(1, 'not', 'again', 'd', 'e'), message(4, 'not'), message(4, 'not', 'f'))

  t.same(await pull(reader).take(6), ['a', 'ä', 'c', 'd', 'e', 'f'])
})

// seen to end the reader with ENAMETOOLONG
t.test('a publisher that names a local socket for its replay, or no possible one, is not believed', async t => {
  const directory = shortDirectory(t)
  const publisher = await bindPublisher(t)
  const { reader, ctx } = await startSubscriber(t, directory, `${publisher.endpoint}?as=one`)
  await publisher.joined()
  const message = (replay: unknown, line: string): [string, string] => [JSON.stringify({ journal: 'all', id: '0123456789abcdef', replay, first: 0, count: 1, time: 1, schemas: { '-': 1 } }), line]

  await publisher.send(message('/'.repeat(200), 'too long'), message('/run/other.sock', 'elsewhere'), message('a\0b', 'odd'), message(1, 'good'))

  t.same(await pull(reader).take(1), ['good'])
  t.match(ctx.logged().find(({ level }) => level === 'warn'), { message: 'a message of the stream cannot be understood; is it journaled?' })
})

t.test('what is no message of a journaled stream is passed over, and said', async t => {
  const directory = shortDirectory(t)
  const publisher = await bindPublisher(t)
  const { reader, ctx } = await startSubscriber(t, directory, `${publisher.endpoint}?as=one`)
  await publisher.joined()
  const header = { journal: 'all', id: '0123456789abcdef', replay: 1, first: 0, count: 1, time: 1, schemas: { '-': 1 } }
  const taken = pull(reader).take(1)

  await publisher.send('', '{"a":1}', 'x'.repeat(5000), [JSON.stringify({ ...header, count: 2 }), 'one record'], [JSON.stringify({ ...header, id: '../..' }), 'x'],
    [JSON.stringify({ ...header, first: -1 }), 'x'], [JSON.stringify(header), ''], [JSON.stringify({ ...header, more: true }), 'the one'])

  t.same(await taken, ['the one'])
  t.equal(ctx.logged().filter(line => /cannot be understood/.test(String(line['message']))).length, 7)
})

t.test('options that cannot work together are refused', async t => {
  const directory = shortDirectory(t)
  for (const [uri, why] of [
    ['tcp://127.0.0.1:1?from=newest', /"from" is for a journaled stream; give the subscriber a name/],
    ['tcp://127.0.0.1:1?as=one&bind=true', /leave out bind=true/],
    ['tcp://127.0.0.1:1?as=one&subscribe=x', /leave out "subscribe"/],
    ['tcp://127.0.0.1:1?as=a/b', /option "as" is "a\/b"/]
  ] as const) {
    await t.rejects(startSubscriber(t, join(directory, uri.replaceAll('/', '_')), uri), { code: 'bad-uri', message: why })
  }
})
