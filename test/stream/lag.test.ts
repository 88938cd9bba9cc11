import t from 'tap'
import { createMetrics } from '../../lib/metrics.js'
import { Lags } from '../../lib/stream/lag.js'

const start = Date.UTC(2026, 0, 1)

t.test('records of all inputs add up, the time is that of the oldest', async t => {
  const lags = new Lags(createMetrics(null))
  t.equal(lags.isKnown, false)
  t.same(lags.summary(start), { records: 0, seconds: 0, fullAt: null })

  lags.set('one', { records: 100, seconds: 3, journalBytes: 10, mostBytes: 1000 }, start)
  lags.set('two', { records: 5, seconds: 70, journalBytes: 10, mostBytes: 1000 }, start)
  lags.set('one', { records: 7, seconds: 2, journalBytes: 10, mostBytes: 1000 }, start)

  t.equal(lags.isKnown, true)
  t.same(lags.summary(start), { records: 12, seconds: 70, fullAt: null })
})

// seen to fail when growth is taken from one moment to the next, and when what is there already does not count
t.test('when the first journal is full follows from how it has grown lately; one that shrinks will not be', async t => {
  const lags = new Lags(createMetrics(null))
  const set = (stream: string, journalBytes: number, seconds: number): void => { lags.set(stream, { records: 1, seconds: 1, journalBytes, mostBytes: 10_000 }, start + seconds * 1000) }

  set('one', 1000, 0)
  set('two', 5000, 0)
  set('one', 1500, 5)
  t.equal(lags.summary(start + 5000).fullAt, null, 'it takes some seconds to tell')
  set('one', 2000, 10)
  set('two', 4000, 10)
  // 100 bytes a second, 8000 are left
  t.same(lags.summary(start + 10_000).fullAt, new Date(start + 90_000))
  set('one', 2000, 20)
  t.equal(lags.summary(start + 20_000).fullAt, null)
})
