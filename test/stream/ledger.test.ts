import t from 'tap'
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { minuteOf } from '../../lib/stream/ledger.js'
import { openState } from '../../lib/stream/state.js'

const dayMs = 24 * 3600_000

// seen to fail with eight days
t.test('the ledger keeps the whole day that was a week before yesterday, and forgets what is older than ten days', async t => {
  const directory = t.testdir()
  const now = Date.now()
  const weekBefore = Math.floor(now / dayMs) * dayMs - 8 * dayMs
  const state = openState(directory, 'consumer-log')
  const yesterday = minuteOf(now - dayMs)

  for (const timeMs of [now - 10 * dayMs - 60_000, weekBefore, yesterday, now]) state.ledger.enter('input', 'all', 'taken', timeMs, new Map([['A', 1]]))
  state.save()
  state.ledger.enter('input', 'all', 'taken', now, new Map([['A', 1]]))
  state.save()
  state.close()

  const db = new Database(join(directory, 'consumer-log.sqlite'), { readonly: true })
  t.teardown(() => { db.close() })
  t.strictSame(db.prepare('SELECT minute, count FROM ledger ORDER BY minute').all(), [{ minute: weekBefore, count: 1 }, { minute: yesterday, count: 1 }, { minute: minuteOf(now), count: 2 }])
})

// seen to fail when what is old is what is old by the clock
t.test('a clock that is years ahead makes nothing forgotten: what counts as old is so against what was entered before today', async t => {
  const directory = t.testdir()
  const monthBefore = minuteOf(Date.now() - 30 * dayMs)
  const state = openState(directory, 'consumer-log')

  // to a ledger whose last entries are old, today is what a wrong clock tells
  for (const timeMs of [monthBefore, Date.now()]) {
    state.ledger.enter('input', 'all', 'taken', timeMs, new Map([['A', 1]]))
    state.save()
  }
  state.close()
  const again = openState(directory, 'consumer-log')
  again.ledger.enter('input', 'all', 'taken', Date.now(), new Map([['A', 1]]))
  again.save()
  again.close()

  const db = new Database(join(directory, 'consumer-log.sqlite'), { readonly: true })
  t.teardown(() => { db.close() })
  t.match(db.prepare('SELECT min(minute) AS minute FROM ledger').get(), { minute: monthBefore })
})
