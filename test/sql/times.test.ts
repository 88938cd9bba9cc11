import t from 'tap'
import fc from 'fast-check'
import { mediawikiTime, parseDateTime, sqlTime, wholeSeconds } from '../../lib/sql/times.js'

t.test('a date-time in any zone is the same second in UTC', async t => {
  for (const text of ['2014-05-21T09:30:01Z', '2014-05-21T11:30:01+02:00', '2014-05-21 04:00:01-0530', '2014-05-21t09:30:01z', '2014-05-21T09:30:01.999Z', '2014-05-21T09:30:01']) {
    t.equal(parseDateTime(text), 1400664601, text)
  }
})

t.test('every second that JavaScript can write is read back', async t => {
  fc.assert(fc.property(fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), date => {
    t.equal(parseDateTime(date.toISOString()), Math.floor(date.getTime() / 1000))
  }))
})

t.test('a leap second is the first second of the next minute', async t => {
  t.equal(parseDateTime('2016-12-31T23:59:60Z'), parseDateTime('2017-01-01T00:00:00Z'))
})

t.test('what is no date and time is null', async t => {
  for (const text of ['', 'yesterday', '2014-05-21', '2014-02-30T00:00:00Z', '2014-13-01T00:00:00Z', '2014-05-21T24:00:00Z', '2014-05-21T09:60:00Z', '2014-05-21T09:30:61Z', '2014-05-21T09:30:01Zx']) {
    t.equal(parseDateTime(text), null, text)
  }
})

t.test('timestamps are cut to their first ten digits, as for the uuid', async t => {
  t.equal(wholeSeconds(1400664601), 1400664601)
  t.equal(wholeSeconds(1400664601.9), 1400664601)
  t.equal(wholeSeconds(1400664601999), 1400664601)
  t.equal(wholeSeconds(1400664601999999), 1400664601)
  t.equal(wholeSeconds(Infinity), null)
})

t.test('times are written for people and for MediaWiki, within the years that databases take', async t => {
  t.equal(sqlTime(1400664601), '2014-05-21 09:30:01')
  t.equal(mediawikiTime(1400664601), '20140521093001')
  t.equal(sqlTime(-62_135_596_800), '0001-01-01 00:00:00')
  t.equal(sqlTime(-62_135_596_801), null)
  t.equal(mediawikiTime(253_402_300_799), '99991231235959')
  t.equal(mediawikiTime(253_402_300_800), null)
})
