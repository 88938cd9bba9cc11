import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { Backoff } from '../../lib/stream/backoff.js'

t.test('waits double up to the limit, each shortened by at most a half', async () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 100 }), (firstMs, mostMs, times) => {
    const backoff = new Backoff({ firstMs, mostMs })

    for (let i = 0; i < times; i++) {
      const full = Math.min(firstMs * 2 ** i, mostMs)
      const wait = backoff.next()
      assert(wait >= Math.floor(full / 2) && wait <= full, `wait ${i} of ${times} is ${wait}, the full one ${full}`)
    }
    assert.equal(backoff.attempts, times)
  }))
})

t.test('two daemons do not wait equally long', async t => {
  const waits = new Set(Array.from({ length: 50 }, () => new Backoff({ firstMs: 10_000 }).next()))

  t.ok(waits.size > 10, `${waits.size} different waits`)
})

t.test('after a success it begins again', async t => {
  const backoff = new Backoff({ firstMs: 100, mostMs: 10_000 })
  for (let i = 0; i < 6; i++) backoff.next()

  backoff.reset()

  t.equal(backoff.attempts, 0)
  t.ok(backoff.next() <= 100)
})

t.test('wait resolves with true after the wait', async t => {
  const start = performance.now()

  t.equal(await new Backoff({ firstMs: 40 }).wait(new AbortController().signal), true)

  t.ok(performance.now() - start >= 19)
})

t.test('wait resolves with false at once when the signal is aborted, before or meanwhile', async t => {
  const stop = new AbortController()
  const backoff = new Backoff({ firstMs: 3_600_000, mostMs: 3_600_000 })

  const waiting = backoff.wait(stop.signal)
  stop.abort()

  t.equal(await waiting, false)
  t.equal(await backoff.wait(stop.signal), false)
})
