import t from 'tap'
import { openState } from '../../../lib/stream/state.js'
import { openJob, type JobParts } from '../../../tools/replay/job.js'

const [file, other] = [{ path: '/a', id: 'a' }, { path: '/b', id: 'b' }]
const parts: JobParts = { range: { from: 1000, to: null }, rangeText: ['-2h', ''], isRelative: true, rest: ['tcp://127.0.0.1:8620'] }
const later: JobParts = { ...parts, range: { from: 4600, to: null } }

// seen to fail when the range is not stored, and when it is not forgotten at the end
t.test('a range before now is the one of the first start until the job is done', async t => {
  const state = openState(t.testdir(), 'replay')
  t.teardown(() => { state.close() })
  openJob(parts, state).reach(file, 10)
  state.save()

  const resumed = openJob(later, state)
  t.same([resumed.range, resumed.sent(file), resumed.sent(other)], [parts.range, 10, 0])
  resumed.finish()
  const next = openJob(later, state)
  t.same([next.range, next.sent(file), next.doneAt], [later.range, 0, null])
})

// seen to fail when the outputs are no part of a job
t.test('another output, or another range, is another job; a job that is done can be forgotten', async t => {
  const state = openState(t.testdir(), 'replay')
  t.teardown(() => { state.close() })
  const absolute = { ...parts, isRelative: false }
  const job = openJob(absolute, state)
  job.reach(file, 10)
  state.save()
  job.finish()

  t.match(openJob(absolute, state).doneAt, /^\d{4}-/)
  t.equal(openJob({ ...absolute, rest: ['file:///tmp/try.json'] }, state).sent(file), 0)
  t.equal(openJob({ ...absolute, range: later.range }, state).sent(file), 0)
  job.forget([file])
  t.same([job.sent(file), job.doneAt], [0, null])
})

// seen to fail when a state is made
t.test('where nothing was ever replayed, nothing is known', async t => {
  const job = openJob(parts, null)

  t.same([job.range, job.sent(file), job.doneAt], [parts.range, 0, null])
})
