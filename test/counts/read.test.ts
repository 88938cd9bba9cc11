import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Pending } from '../../lib/counts/pending.js'
import { openCounts, type Counts } from '../../lib/counts/read.js'
import { openState } from '../../lib/stream/state.js'
import { always, failure, openTestCounts, type TestCounts } from '../helpers/counts.js'

const minute = Date.UTC(2014, 4, 21, 12)

/** Counts of a minute of the stream, in the state of one of several monitors. */
function put ({ store, state }: TestCounts, stream: string, timeMs: number, schema: string, invalid: number, sample = ''): void {
  const pending = new Pending()
  pending.addSchema(timeMs, stream, schema, { valid: 2, invalid })
  pending.addRaw(timeMs, stream, 3)
  pending.addFailure(failure({ schema, count: invalid, firstMs: timeMs, lastMs: timeMs, sample }))
  store.put(pending.take(), () => {})
  state.save()
}

function opened (t: Test, directory: string): Counts {
  const counts = openCounts(directory)
  t.teardown(() => { counts.close() })
  return counts
}

// seen to fail without `added`
t.test('the counts of several monitors are added up; other states are passed over', async t => {
  const one = openTestCounts(t, minute, 'monitor-a')
  const two = openTestCounts(t, minute, 'monitor-b', one.directory)
  openState(one.directory, 'processor-a').close()
  put(one, 's', minute, 'Edit', 1, '{}')
  put(two, 't', minute, 'Edit', 2)

  const counts = opened(t, one.directory)
  t.strictSame(counts.bySchema(...always).map(({ stream, schema, valid, invalid }) => [stream, schema, valid, invalid]), [['s', 'Edit', 2, 1], ['t', 'Edit', 2, 2]])
  t.strictSame(counts.raw(...always), [{ timeMs: minute, stream: 's', raw: 3 }, { timeMs: minute, stream: 't', raw: 3 }])
  t.strictSame(counts.failures(...always), [failure({ count: 3, firstMs: minute, lastMs: minute, sample: '{}' })])
})

// seen to fail when all are added up, when schemas are mixed, and when minutes and hours are
t.test('what two monitors have of the same stream and time is that of the larger; what only one has is added', async t => {
  const one = openTestCounts(t, minute, 'monitor-a')
  const two = openTestCounts(t, minute, 'monitor-b', one.directory)
  put(one, 's', minute, 'A', 4)
  put(two, 's', minute, 'A', 3)
  put(two, 's', minute, 'B', 7)
  put(one, 's', minute + 60_000, 'A', 1)
  const of = (counts: Counts): unknown[] => counts.bySchema(...always).map(({ timeMs, schema, invalid }) => [(timeMs - minute) / 60_000, schema, invalid])

  const counts = opened(t, one.directory)
  t.strictSame(of(counts), [[0, 'A', 3], [0, 'B', 7], [1, 'A', 1]])
  t.strictSame(counts.raw(...always).map(({ raw }) => raw), [6, 3])
  t.strictSame(counts.failures(...always).map(({ schema, count }) => [schema, count]), [['B', 7], ['A', 5]])

  two.setTime(minute + 5 * 3600_000)
  two.store.tend()
  t.strictSame(of(counts), [[0, 'A', 3], [0, 'B', 7]], 'the hour of one against the minutes of the other')
})

// seen to fail with <=
t.test('a range has its start and not its end', async t => {
  const { store, state, counts } = openTestCounts(t, minute)
  const pending = new Pending()
  for (let i = 0; i < 3; i++) pending.addRaw(minute + i * 60_000, 's', 1)
  store.put(pending.take(), () => {})
  state.save()

  t.strictSame(counts.raw(minute, minute + 120_000).map(({ timeMs }) => timeMs - minute), [0, 60_000])
})

t.test('a monitor that has counted nothing yet has no counts', async t => {
  const directory = t.testdir()
  const state = openState(directory, 'monitor-all')
  t.teardown(() => { state.close() })
  const counts = openCounts(directory)
  t.teardown(() => { counts.close() })

  t.strictSame([counts.bySchema(...always), counts.raw(...always), counts.failures(...always)], [[], [], []])
})

t.test('where no monitor has a state, or what is there is none, that is said', async t => {
  const directory = t.testdir()
  openState(directory, 'processor-a').close()

  t.throws(() => openCounts(directory), { name: 'ConfigError', message: /--state .*: no monitor has a state in it; name the directory/ })
  t.throws(() => openCounts(join(directory, 'nowhere')), { name: 'ConfigError', message: /nowhere: ENOENT.*; name the directory/ })
  writeFileSync(join(directory, 'monitor-a.sqlite'), 'no database, but longer than the header of one is, which is a hundred bytes long; so here are some more of them')
  t.throws(() => openCounts(directory), { name: 'StreamError', code: 'cannot-read', message: /monitor-a.sqlite.*not a database; run this as/ })
})

// seen to fail when the first that cannot be read ends it
t.test('a state that cannot be read is named, and does not hide the others', async t => {
  const one = openTestCounts(t, minute, 'monitor-b')
  put(one, 's', minute, 'Edit', 1)
  writeFileSync(join(one.directory, 'monitor-a.sqlite'), 'no database, but longer than the header of one is, which is a hundred bytes long; so here are some more of them')

  const counts = opened(t, one.directory)
  t.match(counts.unreadable, [/monitor-a.sqlite: .*not a database/])
  t.equal(counts.bySchema(...always).length, 1)
  t.strictSame(one.counts.unreadable, [])
})
