import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Pending } from '../../lib/counts/pending.js'
import { openCounts } from '../../lib/counts/read.js'
import { openState } from '../../lib/stream/state.js'
import { always, failure, openTestCounts } from '../helpers/counts.js'

const minute = Date.UTC(2014, 4, 21, 12)

// seen to fail without `added`
t.test('the counts of several monitors are added up; other states are passed over', async t => {
  const one = openTestCounts(t, minute, 'monitor-a')
  const two = openTestCounts(t, minute, 'monitor-b', one.directory)
  openState(one.directory, 'processor-a').close()
  for (const { store, state } of [one, two]) {
    const pending = new Pending()
    pending.addSchema(minute, 's', 'Edit', { valid: 2, invalid: 1 })
    pending.addSchema(minute + 60_000, 's', state === one.state ? 'A' : 'B', { valid: 1 })
    pending.addRaw(minute, 's', 3)
    pending.addFailure(failure({ firstMs: minute, lastMs: minute, sample: state === one.state ? '{}' : '' }))
    store.put(pending.take(), () => {})
    state.save()
  }

  const counts = openCounts(one.directory)
  t.teardown(() => { counts.close() })
  t.strictSame(counts.bySchema(...always).map(({ schema, valid, invalid }) => [schema, valid, invalid]), [['Edit', 4, 2], ['A', 1, 0], ['B', 1, 0]])
  t.strictSame(counts.raw(...always), [{ timeMs: minute, stream: 's', raw: 6 }])
  t.strictSame(counts.failures(...always), [failure({ count: 2, firstMs: minute, lastMs: minute, sample: '{}' })])
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
  t.throws(() => openCounts(directory), { name: 'ConfigError', message: /monitor-a.sqlite.*not a database/ })
})
