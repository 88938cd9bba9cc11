import t, { type Test } from 'tap'
import { openCounts } from '../../../lib/counts/read.js'
import { observe, type Observation } from '../../../tools/owners/share.js'
import { writeCounts, type CountedRow } from '../../helpers/written-counts.js'

const minute = 60_000
const now = Date.UTC(2014, 4, 21, 9, 31, 30)
const limits = { warning: 0.05, critical: 0.2 }

function seen (t: Test, rows: CountedRow[]): Observation[] {
  const directory = t.testdir()
  writeCounts(directory, rows)
  const counts = openCounts(directory)
  t.teardown(() => { counts.close() })
  return observe(counts, () => limits, now)
}

/** So many minutes before now. */
function ago (minutes: number, valid: number, invalid: number, schema = 'A'): CountedRow {
  return { timeMs: now - minutes * minute, schema, valid, invalid }
}

t.test('the share is that of a quarter of an hour, or of as long as it takes to have enough events', async t => {
  const cases: Array<[name: string, rows: CountedRow[], expected: Array<Partial<Observation>>]> = [
    ['good', [ago(1, 100, 0)], [{ level: null, isCalm: true, invalid: 0, events: 100, windowMs: 15 * minute }]],
    ['just under', [ago(1, 951, 49)], [{ level: null, isCalm: false }]],
    ['a warning from the limit on', [ago(1, 95, 5)], [{ level: 'warning', isCalm: false, events: 100 }]],
    ['critical', [ago(1, 80, 20)], [{ level: 'critical' }]],
    ['one of two is nothing', [ago(1, 1, 1)], []],
    ['of a rare schema an hour is looked at', [ago(1, 1, 1), ago(40, 18, 0)], [{ level: 'warning', events: 20, windowMs: 60 * minute }]],
    ['five events in a day are enough', [ago(1, 0, 1), { ...ago(600, 0, 4), spanMs: 3600_000 }], [{ level: 'critical', events: 5, windowMs: 1440 * minute }]],
    ['what is older does not count', [ago(1, 100, 0), ago(20, 0, 1000)], [{ level: null, invalid: 0 }]],
    ['a silent schema is not judged', [ago(20, 0, 1000)], []],
    ['nothing is there', [], []]
  ]

  for (const [name, rows, expected] of cases) {
    const found = seen(t, rows)

    t.match(found, expected, name)
    t.equal(found.length, expected.length, name)
  }
})

t.test('since when: back over times without events, to the first that is bad after one that is good', async t => {
  const good = Array.from({ length: 60 }, (_, n) => ago(60 + n, 100, 1))
  const bad = [1, 2, 3, 14, 31, 32, 33, 34, 35].map(minutes => ago(minutes, 70, 30))

  t.match(seen(t, [...bad, ...good]), [{ level: 'critical', sinceMs: Math.floor((now - 35 * minute) / minute) * minute }])
  t.match(seen(t, bad), [{ sinceMs: Math.floor((now - 35 * minute) / minute) * minute }], 'nothing is known of before')
})

t.test('events of no known schema are compared with all events', async t => {
  const found = seen(t, [ago(1, 0, 30, 'unknown'), ago(1, 965, 5)])

  t.match(found.find(({ schema }) => schema === 'unknown'), { level: null, invalid: 30, events: 1000 })
  t.match(seen(t, [ago(1, 0, 700, 'unknown'), ago(1, 300, 0)]).find(({ schema }) => schema === 'unknown'), { level: 'critical', events: 1000 })
})
