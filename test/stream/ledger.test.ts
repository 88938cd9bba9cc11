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

  for (const timeMs of [now - 10 * dayMs - 60_000, weekBefore, now]) state.ledger.enter('input', 'all', 'taken', timeMs, new Map([['A', 1]]))
  state.save()
  state.ledger.enter('input', 'all', 'taken', now, new Map([['A', 1]]))
  state.save()
  state.close()

  const db = new Database(join(directory, 'consumer-log.sqlite'), { readonly: true })
  t.teardown(() => { db.close() })
  t.strictSame(db.prepare('SELECT minute, count FROM ledger ORDER BY minute').all(), [{ minute: weekBefore, count: 1 }, { minute: minuteOf(now), count: 2 }])
})
