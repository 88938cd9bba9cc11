import fc from 'fast-check'
import t from 'tap'
import { StreamCounts, type SchemaRow } from '../../../tools/top/stream-counts.js'
import { errorAbout, eventOf } from '../tap/records.js'

const start = 1_400_664_601_000

function rowOf (rows: readonly SchemaRow[], name: string): SchemaRow | undefined {
  return rows.find(row => row.name === name)
}

function known (name: string): boolean {
  return name === 'Edit'
}

// seen to fail when the second that is not over counts
t.test('rates are of the last interval, minute and five minutes', async t => {
  const counts = new StreamCounts(known, start)
  // ten a second for a minute, then none for a minute, then one a second
  for (let second = 0; second < 180; second++) {
    const events = second < 60 ? 10 : second < 120 ? 0 : 1
    counts.add(Array.from({ length: events }, () => eventOf('Edit', 1)), start + second * 1000)
  }
  const { rows, total } = counts.rows(start + 180_000, 5)

  const bytes = eventOf('Edit', 1).length
  t.match(rowOf(rows, 'Edit'), { now: 1, minute: 1, fiveMinutes: 660 / 180, valid: 660, invalid: 0, bytes, lastMs: start + 179_000 })
  t.same({ ...total, name: 'Edit' }, rowOf(rows, 'Edit'))
  t.match(counts.rows(start + 181_000, 1).total, { now: 0 }, 'a second without any')
  t.match(counts.rows(start + 3_600_000, 1).total, { now: 0, minute: 0, fiveMinutes: 0, valid: 660 }, 'an hour later')
})

t.test('before a second has passed there is no rate', async t => {
  const counts = new StreamCounts(known, start)
  counts.add([eventOf('Edit', 1)], start + 10)

  t.match(counts.rows(start + 20, 1).total, { now: 0, minute: 0, valid: 1 })
})

t.test('an event error counts as invalid, under the schema it is about as far as there is one', async t => {
  const counts = new StreamCounts(known, start)
  counts.add([errorAbout('Edit', 1), errorAbout('Typo', 2), eventOf('Remote', 3), errorAbout('Remote', 4), 'a line', '{"event":1}'], start)
  const { rows, total } = counts.rows(start, 1)

  t.same(rows.map(({ name, valid, invalid }) => [name, valid, invalid]), [['Edit', 0, 1], ['(unknown)', 0, 1], ['Remote', 1, 1], ['(raw lines)', 0, 0]])
  t.match(total, { valid: 1, invalid: 3 })
})

// seen to fail without a bound
t.test('however many names come, the rows have a bound and nothing is left out', async t => {
  const counts = new StreamCounts(() => true, start)
  for (let n = 0; n < 5000; n++) counts.add([eventOf(`Name${n}`, n), errorAbout(`Error${n}`, n), 'a line'], start)
  const { rows, total } = counts.rows(start, 1)

  t.ok(rows.length <= 203, `${rows.length} rows`)
  t.equal(rows.reduce((sum, { valid, invalid }) => sum + valid + invalid, 0), 10_000)
  t.equal(total.valid + total.invalid, 10_000)
  t.ok((rowOf(rows, '(others)')?.valid ?? 0) > 4000)
})

t.test('whatever the clock does, rates are those of what came', async t => {
  fc.assert(fc.property(fc.array(fc.record({ step: fc.integer({ min: -5000, max: 400_000 }), events: fc.nat(5) }), { maxLength: 50 }), steps => {
    const counts = new StreamCounts(known, start)
    let [nowMs, newest] = [start, start]
    const came: Array<{ second: number, events: number }> = []
    for (const { step, events } of steps) {
      nowMs += step
      newest = Math.max(newest, nowMs)
      counts.add(Array.from({ length: events }, () => eventOf('Edit', 1)), nowMs)
      came.push({ second: Math.floor(newest / 1000), events })
    }
    const end = Math.floor(newest / 1000)
    const span = Math.min(300, end - start / 1000)
    const expected = came.filter(({ second }) => second >= end - span && second < end).reduce((sum, { events }) => sum + events, 0)
    return Math.abs(counts.rows(nowMs, 1).total.fiveMinutes * span - expected) < 1e-6
  }))
  t.pass()
})
