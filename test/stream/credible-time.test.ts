import t from 'tap'
import { credibleTime } from '../../lib/stream/credible-time.js'

const day = 24 * 3600_000
const noon = Date.UTC(2014, 4, 21, 12)

// seen to fail when entries of today count, and with one day
t.test('of a clock that is ahead of all entries of other days, two days are believed', async t => {
  const at = (...times: number[]) => (before: number) => times.filter(time => time < before).at(-1) ?? null

  t.equal(credibleTime(noon, at()), noon, 'nothing to forget')
  t.equal(credibleTime(noon, at(noon - day)), noon)
  t.equal(credibleTime(noon + day / 2 - 1, at(noon - day / 2 - day)), noon + day / 2 - 1, 'of the start of yesterday')
  t.equal(credibleTime(noon + 30 * day, at(noon, noon + 30 * day - 1)), noon + 2 * day)
  t.equal(credibleTime(noon - 30 * day, at(noon)), noon - 30 * day, 'and of a clock that is behind, all')
})
