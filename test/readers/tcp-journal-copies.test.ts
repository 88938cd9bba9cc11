import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { openJournaledReader } from '../../lib/readers/tcp-journal.js'
import { parseUri } from '../../lib/stream/uri.js'
import { withoutKeys } from '../../lib/zmq/curve.js'
import { testContext } from '../helpers/context.js'
import { records, startPublisher, startSubscriber } from '../helpers/journaled.js'
import { pull, shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

/** As after a power cut with --fsync checkpoint, which has taken what came after the copy. */
function powerCut (directory: string, restore: () => void): void {
  restore()
  const db = new Database(join(directory, 'publisher.sqlite'))
  db.exec("INSERT OR REPLACE INTO run VALUES (1, 'another boot', 'checkpoint', 0)")
  db.close()
}

/** Keeps a publisher's database as it is now; calling what is returned puts it back. */
function copyOf (directory: string): () => void {
  const db = new Database(join(directory, 'publisher.sqlite'))
  db.exec(`VACUUM INTO '${join(directory, 'copy')}'`)
  db.close()
  return () => {
    for (const suffix of ['-wal', '-shm']) rmSync(join(directory, `publisher.sqlite${suffix}`), { force: true })
    copyFileSync(join(directory, 'copy'), join(directory, 'publisher.sqlite'))
  }
}

// seen to fail when a journal with a new id is one made anew
for (const [what, got, error] of [
  ['what was saved after the power cut is given to one that has got all before', 5, undefined],
  ['it is said when the publisher has lost what its subscriber has got, and all that is new is given', 8, /the publisher has lost records that this subscriber got/]
] as const) {
  t.test(`a journal that goes on under a new id: ${what}`, async t => {
    const directory = shortDirectory(t)
    const first = await startPublisher(t, directory)
    const { endpoint } = first.writer
    const subscriber = await startSubscriber(t, directory, `${endpoint}?as=one`)
    const input = pull(subscriber.reader)
    await first.publish(...records(0, 5))
    t.same(await input.take(5), records(0, 5))
    const restore = copyOf(directory)
    if (got > 5) await first.publish(...records(5, got))
    t.same(await input.take(got - 5), records(5, got))
    const taken = input.take(2)
    await first.ctx.end()
    powerCut(directory, restore)

    const second = await startPublisher(t, directory, `${endpoint}?journal=all`)
    t.not(second.ctx.state.journal('all').id, first.ctx.state.journal('all').id)
    await second.publish('a', 'b')

    t.same(await taken, ['a', 'b'])
    t.match(subscriber.ctx.logged().filter(line => line['level'] === 'error'), error === undefined ? [] : [{ message: error, records: 3, first: 5 }])
    t.equal(subscriber.ctx.metrics.count('lost'), 0)
    t.match(second.ctx.logged().filter(line => line['level'] === 'warn'), [{ message: /the machine went down before everything was on its disk/, next: 5 }])
  })
}

// seen to fail without the comparison with what came before
t.test('a publisher whose state was put back from a backup is noticed, and nothing of what it gives is skipped', async t => {
  const directory = shortDirectory(t)
  const first = await startPublisher(t, directory)
  const { endpoint } = first.writer
  const subscriber = await startSubscriber(t, directory, `${endpoint}?as=one`)
  const input = pull(subscriber.reader)
  await first.publish(...records(0, 5))
  t.same(await input.take(5), records(0, 5))
  const restore = copyOf(directory)
  await first.publish(...records(5, 8))
  t.same(await input.take(3), records(5, 8))
  const taken = input.take(7)
  await first.ctx.end()
  restore()

  const second = await startPublisher(t, directory, `${endpoint}?journal=all`)
  await second.publish('a', 'b')

  t.same(await taken, [...records(0, 5), 'a', 'b'])
  t.match(subscriber.ctx.logged().filter(line => line['level'] === 'error'), [{ message: /an older copy of what it was/, old_next: 8 }])
  t.equal(subscriber.ctx.metrics.count('lost'), 0)
})

// seen to fail when the first gap counts
t.test('for a subscriber that was never there before, what the journal no longer has is not lost', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  for (let n = 0; n < 15; n += 5) await publisher.publish(...records(n, n + 5))
  const journal = publisher.ctx.state.journal('all')
  journal.committed('other', 10)
  journal.prune({ mostBytes: 2 ** 40, mostAgeMs: Infinity })
  const { reader, ctx } = await startSubscriber(t, directory, `${publisher.writer.endpoint}?as=one`)

  t.same(await pull(reader).take(5), records(10, 15))
  t.equal(ctx.metrics.count('lost'), 0)
  t.same(ctx.logged().filter(line => line['level'] === 'error'), [])
})

// seen to fail when the probe does not ask
t.test('a publisher hears from a subscriber also when there is nothing new', async t => {
  const directory = shortDirectory(t)
  const publisher = await startPublisher(t, directory)
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const reader = await openJournaledReader(parseUri(publisher.writer.endpoint), { as: 'one', from: 'oldest', security: withoutKeys, maxMessage: 1000, askMs: 10 }, ctx)
  const taken = pull(reader).take(1)
  const journal = publisher.ctx.state.journal('all')
  await until('it is known', () => journal.knows('one'))

  const other = new Database(join(directory, 'publisher.sqlite'))
  t.teardown(() => { other.close() })
  const heard = other.prepare<[], { ms: number }>('SELECT heard_ms AS ms FROM journal_subscriber')
  const before = heard.get()?.ms ?? Infinity
  await until('it is heard again', () => (heard.get()?.ms ?? 0) > before)

  await publisher.publish('record 0')
  t.same(await taken, ['record 0'])
})
