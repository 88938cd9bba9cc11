import t from 'tap'
import { judge, type Episode, type News } from '../../../tools/owners/episodes.js'
import type { Observation } from '../../../tools/owners/share.js'

const minute = 60_000
const hour = 60 * minute
const start = Date.UTC(2014, 4, 21)

/** What is said of a schema that is looked at every five minutes; a digit is so many percent, `.` that nothing came. */
class Watch {
  episode: Episode | null = null
  readonly told: Array<{ atMs: number, news: News }> = []
  nowMs = start

  see (percent: number | null, times = 1): this {
    for (let n = 0; n < times; n++) {
      this.nowMs += 5 * minute
      if (percent === null) continue
      const seen: Observation = { schema: 'A', invalid: percent, events: 100, windowMs: 15 * minute, sinceMs: this.nowMs - 10 * minute, level: percent >= 20 ? 'critical' : percent >= 5 ? 'warning' : null, isCalm: percent < 4 }
      const { episode, news } = judge(this.episode ?? undefined, seen, this.nowMs)
      this.episode = episode
      if (news !== null) this.told.push({ atMs: this.nowMs, news })
    }
    return this
  }

  get kinds (): string[] {
    return this.told.map(({ news }) => news.kind)
  }
}

t.test('it is told once, again when it becomes critical, once a day, and when it is over', async t => {
  t.same(new Watch().see(1, 100).kinds, [])
  t.same(new Watch().see(10, 280).kinds, ['began'], 'less than a day')
  t.same(new Watch().see(10, 3).see(50, 3).see(10, 3).see(50, 3).kinds, ['began', 'worse'])
  t.same(new Watch().see(10, 288 * 3 + 1).kinds, ['began', 'lasts', 'lasts', 'lasts'])
  t.same(new Watch().see(10).see(1, 10).kinds, ['began', 'over'])
  t.same(new Watch().see(50).see(10, 3).see(1, 10).told.map(({ news }) => news.level), ['critical', 'critical'])
})

t.test('a share just below the limit is neither over nor worth another mail', async t => {
  t.same(new Watch().see(10).see(4.5, 200).kinds, ['began'])
  t.same(new Watch().see(4.5, 200).kinds, [])
})

t.test('a schema of which nothing comes neither alarms nor recovers', async t => {
  const watch = new Watch().see(10).see(null, 1000)

  t.same(watch.kinds, ['began'])
  t.same(watch.see(1).see(null, 1).see(1, 1).kinds, ['began', 'over'])
})

t.test('what is over says since when, and how long it lasted', async t => {
  const { told } = new Watch().see(10, 12).see(1, 3)

  t.match(told[1], { news: { kind: 'over', level: 'warning', sinceMs: start - 5 * minute, atMs: start + 13 * 5 * minute } })
})

t.test('the more often it comes back in a day, the longer it must be calm', async t => {
  const watch = new Watch()
  for (let n = 0; n < 288; n++) watch.see(50, 2).see(0, 4)

  t.ok(watch.told.length <= 4 * 6, `${watch.told.length} mails in six days in which it came back 288 times`)
  const long = new Watch().see(50).see(0, 4).see(50).see(0, 4)
  t.same(long.kinds, ['began', 'over', 'began'])
  t.same(long.see(0, 12).kinds, ['began', 'over', 'began', 'over'])
  t.equal((long.told[3]?.news.atMs ?? 0) - (long.told[2]?.atMs ?? 0), 5 * minute)
  t.equal(long.see(0, 24 * hour / (5 * minute) + 1).episode, null, 'forgotten after a day')
})
