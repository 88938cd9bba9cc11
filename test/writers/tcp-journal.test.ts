import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Dealer, Subscriber } from 'zeromq'
import { arrival, batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { records, startPublisher } from '../helpers/journaled.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

type Header = Record<string, unknown>

function subscribe (t: Test, endpoint: string): { next: () => Promise<[header: Header, records: string[] | null]> } {
  const socket = new Subscriber({ receiveTimeout: 10_000, linger: 0 })
  t.teardown(() => { socket.close() })
  socket.subscribe()
  socket.connect(endpoint)
  return { next: async () => decode(await socket.receive()) }
}

function connectReplay (t: Test, endpoint: string): { ask: (request: unknown) => Promise<[header: Header, records: string[] | null]>, send: (...frames: string[]) => Promise<void> } {
  const socket = new Dealer({ receiveTimeout: 10_000, linger: 0 })
  t.teardown(() => { socket.close() })
  socket.connect(endpoint)
  return {
    send: async (...frames) => { await socket.send(frames) },
    async ask (request) {
      await socket.send(JSON.stringify(request))
      return decode(await socket.receive())
    }
  }
}

function decode ([header, payload]: Buffer[]): [Header, string[] | null] {
  return [JSON.parse(String(header)) as Header, payload === undefined ? null : String(payload).split('\n')]
}

t.test('what is written is published when it is saved, with its numbers; a quiet stream says where it is', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t))
  const stream = subscribe(t, writer.endpoint)
  const origin = { journal: 'all', id: ctx.state.journal('all').id, replay: Number(writer.replayEndpoint.split(':').at(-1)) }
  t.same(await stream.next(), [{ ...origin, next: 0 }, null])

  await writer.write(batchOfLines(['zero', 'one']) as Batch)
  await writer.write(batchOfLines(['zwei ä']) as Batch)
  await writer.flush()
  t.same(await stream.next(), [{ ...origin, next: 0 }, null], 'not before')
  await ctx.save()
  t.match(await stream.next(), [{ ...origin, first: 0, count: 2 }, ['zero', 'one']])
  t.match(await stream.next(), [{ ...origin, first: 2, count: 1 }, ['zwei ä']])
  await publish('three')
  t.match(await stream.next(), [{ ...origin, first: 3, count: 1 }, ['three']])
  t.same(await stream.next(), [{ ...origin, next: 4 }, null])
})

t.test('numbers and journal go on after a restart; what was not saved was never there', async t => {
  const directory = shortDirectory(t)
  const first = await startPublisher(t, directory)
  await first.publish('zero', 'one')
  await first.writer.write(batchOfLines(['never']) as Batch)
  await first.writer.flush()
  await first.ctx.end()

  const second = await startPublisher(t, directory)
  await second.publish('two')
  const [header, lines] = await connectReplay(t, second.writer.replayEndpoint).ask({ as: 'one', id: second.ctx.state.journal('all').id, from: 0, bytes: 1000 })

  t.match(header, { first: 0, count: 3 })
  t.same(lines, ['zero', 'one', 'two'])
})

t.test('requests are answered with records from where they say, in portions; else with the state', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t))
  for (let n = 0; n < 100; n += 10) await publish(...records(n, n + 10))
  const replay = connectReplay(t, writer.replayEndpoint)
  const { id } = ctx.state.journal('all')
  const as = 'one'

  t.same((await replay.ask({ as, id, from: 20, bytes: 200 }))[1], records(20, 40))
  t.same((await replay.ask({ as, id, from: 25, bytes: 1 }))[1], records(20, 30), 'whole batches')
  t.equal((await replay.ask({ as, id, from: 0, bytes: 1e9 }))[1]?.length, 100)
  t.match(await replay.ask({ as, id, from: 100, bytes: 200 }), [{ next: 100 }, null])
  t.match(await replay.ask({ as, id: 'f'.repeat(16), from: 0, bytes: 200 }), [{ id, next: 100 }, null])
})

t.test('what its subscribers have committed goes from the journal, and what they may ask for stays', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t))
  for (let n = 0; n < 100; n += 10) await publish(...records(n, n + 10))
  const replay = connectReplay(t, writer.replayEndpoint)
  const journal = ctx.state.journal('all')
  const { id } = journal

  await replay.ask({ as: 'slow', id, from: 30, bytes: 1 })
  await replay.send(JSON.stringify({ as: 'fast', id, committed: 100 }))
  await replay.send(JSON.stringify({ as: 'other', id: 'f'.repeat(16), committed: 0 }))
  await until('it is pruned', () => journal.oldest === 30)
  await replay.send(JSON.stringify({ as: 'slow', id, committed: 85 }))
  await until('it is pruned', () => journal.oldest === 80)
  t.notOk(journal.knows('other'))
})

// seen to fail with another unit
t.test('who loses what by journal-age, and who is forgotten, is logged and counted', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t), 'tcp://127.0.0.1:0?journal=all&journal-age=2h')
  await publish('zero', 'one')
  await publish('two', 'three')
  const journal = ctx.state.journal('all')
  const now = Date.now()
  const hour = 3_600_000
  const clock = Date.now
  t.teardown(() => { Date.now = clock })
  journal.committed('gone', 1, now - hour)
  journal.committed('slow', 1, now + hour)
  journal.committed('fast', 4, now + hour)

  Date.now = () => now + 1.5 * hour
  await until('the one is forgotten that was silent for longer', () => !journal.knows('gone'))
  t.same([journal.oldest, journal.knows('slow')], [0, true], 'records are not too old')
  Date.now = () => now + 2.5 * hour
  await until('the records are too old', () => journal.oldest === 4)

  t.match(ctx.logged().filter(line => line['level'] === 'error'), [
    { message: 'a subscriber was silent for longer than journal-age, and is forgotten: nothing is kept for it any more', subscriber: 'gone', records: 3 },
    { message: 'records are lost to a subscriber: they were too old for the journal (journal-age)', subscriber: 'slow', first: 1, records: 3 }
  ])
  t.equal(ctx.metrics.count('lost'), 6)
  await writer.close()
})

// seen to fail when pruning begins with the first heartbeat
t.test('when the first of several new subscribers has committed, the others, which come a little later, still get everything', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t))
  await publish('zero', 'one')
  const { id } = ctx.state.journal('all')
  const replay = connectReplay(t, writer.replayEndpoint)
  await replay.ask({ as: 'first', id, from: 2, bytes: 1000 })
  await replay.send(JSON.stringify({ as: 'first', id, committed: 2 }))

  // two heartbeats
  const stream = subscribe(t, writer.endpoint)
  for (let n = 0; n < 2; n++) await stream.next()

  t.same((await replay.ask({ as: 'second', id, from: 0, bytes: 1000 }))[1], ['zero', 'one'])
})

// seen to fail without the warning, and when it is given each time
t.test('that a journal will soon be full is said once, before anything is lost', async t => {
  const { ctx, publish } = await startPublisher(t, shortDirectory(t), 'tcp://127.0.0.1:0?journal=all&journal-bytes=1048576')
  const journal = ctx.state.journal('all')
  const warnings = (): number => ctx.logged().filter(({ message }) => /the journal is nearly full/.test(String(message))).length
  journal.committed('slow', 0)
  for (let n = 0; n < 9; n++) await publish('x'.repeat(100_000))
  await until('it is said', () => warnings() === 1)
  await publish('x'.repeat(100_000))

  journal.committed('slow', 10)
  await until('it is pruned', () => journal.oldest === 10)
  t.equal(warnings(), 1)
  for (let n = 0; n < 9; n++) await publish('x'.repeat(100_000))
  await until('it is said again', () => warnings() === 2)
  t.equal(ctx.metrics.count('lost'), 0)
})

t.test('requests that make no sense are passed over', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t))
  await publish('zero')
  const replay = connectReplay(t, writer.replayEndpoint)
  const { id } = ctx.state.journal('all')
  const request = { as: 'one', id, from: 0, bytes: 100 }

  for (const bad of [{ ...request, from: -1 }, { ...request, from: '0' }, { ...request, as: 'a\nb' }, { ...request, id: '' }, { as: 'one', id }, [], null, 7]) await replay.send(JSON.stringify(bad))
  await replay.send('')
  await replay.send('{"as":')

  t.same((await replay.ask(request))[1], ['zero'])
  await until('all are logged', () => ctx.logged().filter(line => /cannot be understood/.test(String(line['message']))).length === 10)
})

t.test('a record longer than max-message goes to the dead letters', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t), 'tcp://127.0.0.1:0?journal=all&max-message=1024')
  await publish('a', 'x'.repeat(1025), 'b', 'y'.repeat(1024))
  const { id } = ctx.state.journal('all')

  const [, lines] = await connectReplay(t, writer.replayEndpoint).ask({ as: 'one', id, from: 0, bytes: 1e6 })

  t.same(lines, ['a', 'b', 'y'.repeat(1024)])
  t.match(ctx.letters, [{ error: { code: 'too-long' } }])
})

t.test('an ipc: stream has its replay socket beside it', async t => {
  const path = join(shortDirectory(t), 's.ipc')
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t), `ipc://${path}?journal=all`)
  await publish('zero')

  t.equal(writer.replayEndpoint, `ipc://${path}.replay`)
  const [header, lines] = await connectReplay(t, writer.replayEndpoint).ask({ as: 'one', id: ctx.state.journal('all').id, from: 0, bytes: 100 })
  t.equal(header['replay'], `${path}.replay`)
  t.same(lines, ['zero'])
})

t.test('options that cannot work together are refused', async t => {
  for (const [uri, why] of [
    ['tcp://127.0.0.1:0?replay=8710', /"replay" is for a journaled stream; give it a name/],
    ['tcp://127.0.0.1:0?journal-bytes=10000000', /"journal-bytes" is for a journaled stream/],
    ['tcp://127.0.0.1:0?journal-age=7d', /"journal-age" is for a journaled stream/],
    ['tcp://127.0.0.1:0?journal=all&journal-age=0d', /option "journal-age" is "0d"/],
    ['tcp://127.0.0.1:0?journal=all&journal-age=1w', /option "journal-age" is "1w"/],
    ['tcp://127.0.0.1:1?journal=all&connect=true', /leave out connect=true/],
    ['tcp://127.0.0.1:0?journal=..%2Fx', /option "journal" is/]
  ] as const) {
    await t.rejects(startPublisher(t, shortDirectory(t), uri), { code: 'bad-uri', message: why })
  }
})

// seen to fail when those who are named are not known from the start
t.test('for a subscriber that the publisher was told of everything is kept, also while others have committed it', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t), 'tcp://127.0.0.1:0?journal=all&subscribers=early,late')
  const journal = ctx.state.journal('all')
  await publish('zero', 'one')
  journal.committed('early', 2)

  journal.prune({ mostBytes: 2 ** 30, mostAgeMs: 3_600_000 })
  const kept = journal.oldest
  journal.committed('late', 2)
  journal.prune({ mostBytes: 2 ** 30, mostAgeMs: 3_600_000 })

  t.same([kept, journal.oldest], [0, 2])
  await writer.close()
})

// seen to fail when its number is taken, cut to what there is: the journal was pruned
t.test('a subscriber that has committed more than there is read another copy of the journal: it keeps nothing from being read again', async t => {
  const { writer, ctx, publish } = await startPublisher(t, shortDirectory(t))
  await publish('zero', 'one')
  const journal = ctx.state.journal('all')
  const replay = connectReplay(t, writer.replayEndpoint)
  await replay.ask({ as: 'one', id: journal.id, from: 0, bytes: 1000 })

  const [header] = await replay.ask({ as: 'one', id: journal.id, status: 100 })
  journal.prune({ mostBytes: 2 ** 30, mostAgeMs: 3_600_000 })

  t.equal(journal.oldest, 0)
  t.match(header, { next: 2, status: { bytes: 8, most: 10 * 2 ** 30, time: null } })
})

// seen to fail without pieces: no subscriber takes a message that is larger, and none would ever get past it
t.test('a batch that is larger than a subscriber takes is published in pieces, each with what it holds', async t => {
  const { writer, ctx } = await startPublisher(t, shortDirectory(t))
  const journal = ctx.state.journal('all')
  const lines = Array.from({ length: 100_000 }, (_, n) => `{"schema":"${n % 2 === 0 ? 'Even' : 'Odd'}","revision":1,"n":${n}}`)
  const provenance = { ...arrival('input', lines.length, '1'), schemas: new Map([['Even', 50_000], ['Odd', 50_000]]) }

  await writer.write(batchOfLines(lines, provenance) as Batch)
  await writer.flush()
  await ctx.save()
  const sums = new Map<string, number>()
  const records: string[] = []
  for (let entry = journal.read(0, 1); entry !== null; entry = journal.read(entry.first + entry.count, 1)) {
    t.ok(entry.payload.length <= 1 << 20)
    records.push(...entry.payload.toString().split('\n'))
    for (const [schema, count] of entry.schemas) sums.set(schema, (sums.get(schema) ?? 0) + count)
  }

  t.ok(lines.every((line, n) => line === records[n]) && records.length === lines.length)
  t.same(sums, provenance.schemas)
})

// seen to fail without `together`
t.test('small batches that are saved together are one entry, counted as they came', async t => {
  const { writer, ctx } = await startPublisher(t, shortDirectory(t))
  const write = async (line: string, timeMs: number): Promise<void> => { await writer.write(batchOfLines([line], { ...arrival('input', 1, line), timeMs }) as Batch) }

  for (const line of ['a', 'b', 'c']) await write(line, 60_000)
  await write('next minute', 120_000)
  await writer.flush()
  await ctx.save()

  const journal = ctx.state.journal('all')
  t.match(journal.read(0, 1), { first: 0, count: 3, payload: Buffer.from('a\nb\nc'), schemas: new Map([['-', 3]]), timeMs: 60_000 })
  t.match(journal.read(3, 1), { first: 3, count: 1, timeMs: 120_000 })
})
