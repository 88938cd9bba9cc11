import t from 'tap'
import { parseDuration } from '../../lib/stream/duration.js'

// seen to fail with another factor
t.test('minutes, hours and days; nothing else', async t => {
  t.same(['90m', '36h', '7d'].map(parseDuration), [5_400_000, 129_600_000, 604_800_000])
  for (const text of ['', '7', 'd', '7 d', '-7d', '1.5h', '7w', '7dd', '1234567d']) t.ok(Number.isNaN(parseDuration(text)), text)
})
