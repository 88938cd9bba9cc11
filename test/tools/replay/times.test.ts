import t from 'tap'
import { ConfigError } from '../../../lib/errors.js'
import { isRelative, parseTime } from '../../../lib/cli/times.js'
import { secondsOf } from '../../../tools/replay/times.js'

const now = Date.UTC(2015, 1, 5, 10) / 1000

// seen to fail when MediaWiki's form is not taken apart, and when an hour has 60 seconds
t.test('a time is ISO 8601 with more or less of it, MediaWiki\'s form, or before now', async t => {
  for (const text of ['2015-02-05T08:00:00Z', '2015-02-05T08:00', '2015-02-05 08:00', '2015-02-05T09:00+01:00', '20150205080000', '-2h', '-120m', '-7200s']) {
    t.equal(parseTime('--from', text, now), Date.UTC(2015, 1, 5, 8) / 1000, text)
  }
  t.equal(parseTime('--from', '2015-02-05', now), Date.UTC(2015, 1, 5) / 1000)
  t.equal(parseTime('--from', '-1d', now), Date.UTC(2015, 1, 4, 10) / 1000)
  t.ok(isRelative('-1d'))
  t.notOk(isRelative('2015-02-05'))
})

// seen to fail when Date.parse decides
t.test('what is no time is refused, naming the option', async t => {
  for (const text of ['', 'yesterday', '2015-02-30', '2h', '-2', '20150205', '2015-02-05T25:00', '1423123200']) {
    t.throws(() => parseTime('--to', text, now), ConfigError, text)
  }
  t.throws(() => parseTime('--to', 'noon', now), { message: /--to "noon"/ })
})

// seen to fail when milliseconds are taken for seconds
t.test('an event tells its time as seconds, milliseconds or ISO 8601', async t => {
  t.equal(secondsOf({ timestamp: 1400000000.5 }), 1400000000)
  t.equal(secondsOf({ timestamp: 1400000000123 }), 1400000000)
  t.equal(secondsOf({ dt: '2014-05-13T16:53:20Z' }), 1400000000)
  t.equal(secondsOf({}), null)
})
