import t from 'tap'
import { Pending } from '../../lib/counts/pending.js'
import type { Failure } from '../../lib/counts/read.js'
import { hourMs, minuteMs } from '../../lib/counts/tables.js'
import { always, failure, openTestCounts, type TestCounts } from '../helpers/counts.js'

const day = 24 * hourMs
/** The start of an hour. */
const noon = Date.UTC(2014, 4, 21, 12)

function add ({ store, state }: TestCounts, count: (pending: Pending) => void): void {
  const pending = new Pending()
  count(pending)
  store.put(pending.take(), () => {})
  state.save()
}

// seen to fail with upserts that replace
t.test('counts add up by minute, stream and schema, and are those of the minute in which records came in', async t => {
  const test = openTestCounts(t, noon + 10 * minuteMs)

  add(test, pending => {
    pending.addSchema(noon + 1, 'a', 'Edit', { valid: 2 })
    pending.addSchema(noon + minuteMs - 1, 'a', 'Edit', { invalid: 1 })
    pending.addSchema(noon + minuteMs, 'a', 'Edit', { valid: 5 })
    pending.addRaw(noon + 7, 'a', 3)
  })
  add(test, pending => {
    pending.addSchema(noon + 2, 'a', 'Edit', { valid: 1 })
    pending.addSchema(noon + 2, 'b', 'Edit', { valid: 1 })
    pending.addRaw(noon + 8, 'a', 4)
  })

  t.strictSame(test.counts.bySchema(...always), [
    { timeMs: noon, stream: 'a', schema: 'Edit', valid: 3, invalid: 1 },
    { timeMs: noon, stream: 'b', schema: 'Edit', valid: 1, invalid: 0 },
    { timeMs: noon + minuteMs, stream: 'a', schema: 'Edit', valid: 5, invalid: 0 }
  ])
  t.strictSame(test.counts.raw(...always), [{ timeMs: noon, stream: 'a', raw: 7 }])
})

// seen to fail when `put` writes at once
t.test('nothing is there before the save, and then whoever waits is told', async t => {
  const { store, state, counts } = openTestCounts(t, noon)
  const pending = new Pending()
  pending.addRaw(noon, 'a', 1)
  let told = 0

  store.put(pending.take(), () => { told++ })
  t.strictSame([counts.raw(...always).length, told], [0, 0])
  state.save()

  t.strictSame([counts.raw(...always).length, told], [1, 1])
})

// seen to fail when minutes stay, when they are deleted before they are added, and with another hour
t.test('minutes become hours when they are older than three hours and their hour is full; the sums stay', async t => {
  const test = openTestCounts(t, noon + 59 * minuteMs)
  for (let minute = 0; minute < 60; minute++) {
    add(test, pending => {
      pending.addSchema(noon + minute * minuteMs, 'a', 'Edit', { valid: minute, invalid: 1 })
      pending.addRaw(noon + minute * minuteMs, 'a', 2)
      pending.addFailure(failure({ firstMs: noon + minute * minuteMs, lastMs: noon + minute * minuteMs, sample: `{"n":${minute}}` }))
    })
  }
  t.equal(test.counts.bySchema(...always).length, 60)

  test.setTime(noon + 4 * hourMs - 1)
  add(test, pending => { pending.addRaw(noon + 4 * hourMs - 1, 'a', 1) })
  t.equal(test.counts.bySchema(...always).length, 60, 'not yet')

  test.setTime(noon + 4 * hourMs)
  add(test, pending => { pending.addRaw(noon + 4 * hourMs, 'a', 1) })

  t.strictSame(test.counts.bySchema(...always), [{ timeMs: noon, stream: 'a', schema: 'Edit', valid: 59 * 30, invalid: 60 }])
  t.strictSame(test.counts.raw(noon, noon + hourMs), [{ timeMs: noon, stream: 'a', raw: 120 }])
  t.strictSame(test.counts.failures(...always), [failure({ count: 60, firstMs: noon, lastMs: noon + 59 * minuteMs, sample: '{"n":59}' })])
})

// seen to fail when what is late is put into a minute that nothing folds any more
t.test('what comes late for a minute that is folded goes into its hour, and what is older than all goes with the next fold', async t => {
  const test = openTestCounts(t, noon)

  add(test, pending => {
    pending.addRaw(noon - 5 * hourMs + 7 * minuteMs, 'a', 3)
    pending.addFailure(failure({ firstMs: noon - 5 * hourMs + 7 * minuteMs }))
    pending.addRaw(noon - 101 * day, 'a', 9)
    pending.addRaw(noon - day, 'a', 8)
  })
  add(test, pending => { pending.addRaw(noon - 5 * hourMs + 9 * minuteMs, 'a', 2) })
  t.strictSame(test.counts.raw(noon - 6 * hourMs, noon), [{ timeMs: noon - 5 * hourMs, stream: 'a', raw: 5 }], 'at once, as nothing may be folded for an hour')
  test.setTime(noon + hourMs)
  add(test, pending => { pending.addRaw(noon - 5 * hourMs + 8 * minuteMs, 'a', 1) })

  t.strictSame(test.counts.raw(...always), [{ timeMs: noon - day, stream: 'a', raw: 8 }, { timeMs: noon - 5 * hourMs, stream: 'a', raw: 6 }])
  t.equal(test.counts.failures(...always)[0]?.count, 1)
})

// seen to fail when the fold replaces what the hour has
t.test('an hour that has something already when its minutes are folded has both', async t => {
  const test = openTestCounts(t, noon)
  const count = (pending: Pending): void => {
    pending.addRaw(noon, 'a', 3)
    pending.addSchema(noon, 'a', 'Edit', { valid: 1, invalid: 2 })
    pending.addFailure(failure({ firstMs: noon, lastMs: noon }))
  }
  add(test, count)
  test.setTime(noon + 5 * hourMs)
  add(test, count)

  t.strictSame(test.counts.raw(...always), [{ timeMs: noon, stream: 'a', raw: 6 }])
  t.strictSame(test.counts.bySchema(...always), [{ timeMs: noon, stream: 'a', schema: 'Edit', valid: 2, invalid: 4 }])
  t.equal(test.counts.failures(...always)[0]?.count, 2)
})

// seen to fail without the deletes, and without the update of samples
t.test('hours are kept for a hundred days, samples of events and what was seen for seven', async t => {
  const test = openTestCounts(t, noon)
  const fill = (ms: number): void => {
    test.setTime(ms)
    add(test, pending => {
      pending.addRaw(ms, 'a', 1)
      pending.addFailure(failure({ firstMs: ms, lastMs: ms, sample: '{"n":1}' }))
    })
  }
  fill(noon)
  for (const days of [6, 7]) fill(noon + days * day)
  t.equal(test.counts.failures(noon, noon + hourMs)[0]?.sample, '{"n":1}')

  fill(noon + 7 * day + hourMs)
  t.match(test.counts.failures(noon, noon + hourMs)[0], { sample: '', seen: '' })
  t.equal(test.counts.failures(noon + 7 * day, noon + 8 * day)[0]?.sample, '{"n":1}')

  for (const days of [99, 100]) fill(noon + days * day)
  t.equal(test.counts.raw(noon, noon + hourMs).length, 1)
  fill(noon + 100 * day + hourMs)
  t.strictSame([test.counts.raw(noon, noon + hourMs).length, test.counts.failures(noon, noon + hourMs).length], [0, 0])
})

// seen to fail when what is old is what is old by the clock
t.test('a clock that is years ahead for some hours makes nothing forgotten', async t => {
  const test = openTestCounts(t, noon)
  const fill = (ms: number): void => {
    test.setTime(ms)
    add(test, pending => {
      pending.addRaw(ms, 'a', 1)
      pending.addFailure(failure({ firstMs: ms, lastMs: ms, sample: '{"n":1}' }))
    })
  }
  fill(noon)
  const wrong = Date.UTC(2038, 0, 19, 3)
  for (const hours of [0, 1, 5]) fill(wrong + hours * hourMs)
  fill(noon + 5 * hourMs)

  t.equal(test.counts.raw(noon, noon + hourMs)[0]?.raw, 1)
  t.match(test.counts.failures(noon, noon + hourMs), [{ count: 1, sample: '{"n":1}' }])
})

// seen to fail without the transaction of its own
t.test('where nothing comes, minutes are folded and hours forgotten all the same', async t => {
  const test = openTestCounts(t, noon)
  add(test, pending => {
    pending.addRaw(noon, 'a', 1)
    pending.addRaw(noon + minuteMs, 'a', 1)
    pending.addRaw(noon - 100 * day, 'a', 9)
    pending.addRaw(noon - day, 'a', 9)
  })
  test.setTime(noon + 5 * hourMs)
  test.store.tend()

  t.strictSame(test.counts.raw(...always), [{ timeMs: noon - day, stream: 'a', raw: 9 }, { timeMs: noon, stream: 'a', raw: 2 }])
})

// seen to fail when all hours are folded at once, and (with 8 s) when each failure is looked up
t.test('of failures a save folds an hour, however many kinds there are, in less than a second', async t => {
  const test = openTestCounts(t, noon + 59 * minuteMs)
  for (const hours of [0, 1]) {
    test.setTime(noon + hours * hourMs + 59 * minuteMs)
    add(test, pending => {
      for (let minute = 0; minute < 60; minute++) {
        const firstMs = noon + hours * hourMs + minute * minuteMs
        for (let i = 0; i < 200; i++) pending.addFailure(failure({ schema: `S${i % 20}`, pointer: `/event/m${minute}f${i}`, firstMs, lastMs: firstMs }))
      }
    })
  }
  test.setTime(noon + 6 * hourMs)

  const startMs = performance.now()
  test.store.tend()
  const tookMs = performance.now() - startMs

  t.ok(tookMs < 1000, `${tookMs} ms`)
  const toldApart = (hours: number): number => test.counts.failures(noon + hours * hourMs, noon + (hours + 1) * hourMs).filter(({ code }) => code !== 'other').length
  t.strictSame([toldApart(0), toldApart(1)], [200, 12_000])
  test.store.tend()
  test.store.tend()
  t.equal(toldApart(1), 200)
  t.equal(sum(test.counts.failures(...always)), 24_000)
})

// seen to fail with a fold that starts with the rarest, and when what has no room is dropped
t.test('of a schema twenty failures are told apart in a minute and in an hour, the most frequent ones in an hour; the rest is other, and nothing is lost', async t => {
  const test = openTestCounts(t, noon)
  const fields = Array.from({ length: 200 }, (_, i) => `/event/f${i}`)
  for (const [i, pointer] of fields.entries()) {
    const firstMs = noon + Math.floor(i / 10) * minuteMs
    add(test, pending => { pending.addFailure(failure({ pointer, count: i + 1, firstMs, lastMs: firstMs })) })
  }
  const all = (200 * 201) / 2
  t.equal(test.counts.failures(...always).length, 200, 'ten of each minute')

  test.setTime(noon + 5 * hourMs)
  add(test, pending => { pending.addRaw(noon + 5 * hourMs, 'a', 1) })
  const found = test.counts.failures(...always)

  t.equal(sum(found), all)
  t.strictSame(found.filter(({ code }) => code !== 'other').map(({ pointer }) => pointer), fields.slice(-20).reverse())
  t.strictSame(found.filter(({ code }) => code === 'other'), [failure({ code: 'other', pointer: '', expected: '', seen: '', count: (180 * 181) / 2, firstMs: noon, lastMs: noon + 17 * minuteMs })])

  const many = Array.from({ length: 50 }, (_, i) => failure({ pointer: `/event/g${i}`, firstMs: noon + 5 * hourMs }))
  for (const one of many) add(test, pending => { pending.addFailure(one) })
  const minute = test.counts.failures(noon + 5 * hourMs, noon + 6 * hourMs)
  t.equal(minute.length, 21)
  t.equal(sum(minute), 50)
})

// seen to fail without the bound of all
t.test('of all schemas together two hundred failures are told apart in a minute', async t => {
  const test = openTestCounts(t, noon)

  add(test, pending => {
    for (let schema = 0; schema < 30; schema++) {
      for (let field = 0; field < 20; field++) pending.addFailure(failure({ schema: `S${schema}`, pointer: `/event/f${field}`, firstMs: noon }))
    }
  })
  const found = test.counts.failures(...always)

  t.equal(found.filter(({ code }) => code !== 'other').length, 200)
  t.equal(sum(found), 600)
})

function sum (failures: readonly Failure[]): number {
  return failures.reduce((total, { count }) => total + count, 0)
}
