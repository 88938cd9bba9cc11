import t from 'tap'
import { Absence } from '../../../lib/sql/mysql/overdue.js'

const claimant = { name: 'events', member: 'db2/mysql/x', host: 'db2', instance: 'mysql', seconds: 8, version: '1.2.3', askSeconds: 60 }

/** Of what entered at 0; each look is a second after the one before, from `fromMs` on. */
function missed (holderLag: (nowMs: number) => number, { fromMs = 0, toMs, missing = () => 1 }: { fromMs?: number, toMs: number, missing?: (nowMs: number) => number }): boolean[] {
  const lease = { claimant, holderLag: 0 }
  const absence = new Absence(lease, 0)
  const found: boolean[] = []
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += 1000) {
    lease.holderLag = holderLag(nowMs)
    absence.seen(missing(nowMs), nowMs, nowMs)
    found.push(absence.isOverdue(nowMs))
  }
  return found
}

t.test('what the holder says it is past is overdue after a minute', async t => {
  t.equal(missed(() => 0, { toMs: 120_000 }).indexOf(true), 61)
  t.equal(missed(() => 20, { toMs: 120_000 }).indexOf(true), 81)
})

t.test('what a holder works on that is behind is not overdue while some of it comes', async t => {
  t.equal(missed(() => 600, { toMs: 500_000, missing: nowMs => 1000 - Math.floor(nowMs / 30_000) }).indexOf(true), -1)
})

t.test('a holder that stands still is told by that nothing comes, though its lag grows as fast as the age of what is missing', async t => {
  t.equal(missed(nowMs => nowMs / 1000, { toMs: 300_000 }).indexOf(true), 61)
})

t.test('a minute is one in which it was looked, and not one in which the database was away', async t => {
  t.equal(missed(() => 0, { fromMs: 100_000, toMs: 200_000 }).indexOf(true), 61, 'from the first look that succeeded')
  const absence = new Absence({ claimant, holderLag: 0 }, 0)
  absence.seen(1, 0, 100)
  absence.seen(1, 1000, 90_000)
  t.equal(absence.isOverdue(91_000), false)
  absence.seen(1, 149_900, 150_000)
  t.equal(absence.isOverdue(150_000), false)
  t.equal(absence.isOverdue(150_001), true)
})
