import t from 'tap'
import { ajvFormats, describeFormat } from '../../lib/event/formats.js'
import { eventValidator } from '../helpers/schemas.js'
import { idleTimeOf } from '../helpers/speed.js'

t.test('formats are checked', t => {
  const cases: Record<string, { good: string[], bad: string[] }> = {
    'date-time': {
      good: ['2014-05-21T09:30:01Z', '2014-05-21T09:30:01', '2014-05-21t09:30:01.123456z', '2016-02-29T23:59:60+05:30', '2000-02-29 00:00:00-0800'],
      bad: ['', '2014-05-21', '2014-05-21T09:30Z', '2014-13-01T00:00:00Z', '2014-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2014-04-31T00:00:00Z', '2014-05-00T00:00:00Z', '2014-05-21T24:00:00Z', '2014-05-21T09:60:00Z', '2014-05-21T09:30:01+25:00', '2014-05-21X09:30:01Z', ' 2014-05-21T09:30:01Z', '2014-05-21T09:30:01Z\n', '20140521093001']
    },
    date: { good: ['2014-05-21', '0001-12-31'], bad: ['2014-5-21', '2014-00-10', '2014-06-31', '2014-05-21T'] },
    time: { good: ['09:30:01', '23:59:59.9Z'], bad: ['9:30:01', '24:00:00', '09:30'] },
    'utc-millisec': { good: [], bad: ['1400664601000', ''] },
    'uuid5-hex': { good: ['16f38999d94d549cb426b5fb32bc8bba', '16F38999D94D549CB426B5FB32BC8BBA'], bad: ['16f38999d94d549cb426b5fb32bc8bb', '16f38999d94d549cb426b5fb32bc8bbaa', '16f38999d94d549cb426b5fb32bc8bbg', '16f38999-d94d-549c-b426-b5fb32bc8bba'] },
    uuid: { good: ['16f38999-d94d-549c-b426-b5fb32bc8bba'], bad: ['16f38999d94d549cb426b5fb32bc8bba', '{16f38999-d94d-549c-b426-b5fb32bc8bba}'] },
    'ip-address': { good: ['203.0.113.9'], bad: ['203.0.113', '203.0.113.256', '::1', ''] },
    ipv6: { good: ['2001:db8::7', '::'], bad: ['203.0.113.9', '2001:db8::7::1', 'fe80::1%eth0'] },
    'host-name': { good: ['en.wikipedia.org', 'cp1001', 'a.b.', '1and1.de', 'x'.repeat(63)], bad: ['', '-a.org', 'a-.org', 'a..b', 'a b', 'x'.repeat(64), `${'a.'.repeat(127)}aa`] },
    uri: { good: ['https://e.org/a?b=c&d=e#f', 'mailto:a@b.c', 'urn:x:y', 'https://de.wikipedia.org/wiki/Köln', 'a:'], bad: ['', 'e.org/a', '//e.org', 'https://e.org/a b', 'https://e.org/%zz', 'https://e.org/<a>', '1a:b', 'a:\n'] },
    email: { good: ['a@b.org', 'first.last+tag@sub.example.org', 'ü@x.de'], bad: ['a', '@b.org', 'a@', 'a@b@c.org', 'a b@c.org', 'a@-b.org', `${'a'.repeat(65)}@b.org`] },
    color: { good: ['#fff', '#FF0000', 'red', 'Navy', 'rgb(1, 2,3)', 'rgb(10%,20%,30%)'], bad: ['', '#ffff', 'reddish', 'rgb(1,2)'] },
    phone: { good: ['+49 30 123456', '(030) 12-34', '555.1234'], bad: ['', 'call me', '+', '1'] },
    regex: { good: ['^a+$', ''], bad: ['(', '*', '('.repeat(40_000)] }
  }
  for (const [format, { good, bad }] of Object.entries(cases)) {
    const validate = eventValidator({ properties: { a: { format } } })
    for (const a of good) t.equal(validate({ a }), null, `${format}: ${a.slice(0, 40)}`)
    for (const a of bad) t.match(validate({ a }), { expected: describeFormat(format) ?? 'words' }, `${format}: not ${JSON.stringify(a.slice(0, 40))}`)
    t.equal(validate({ a: 5 }), null, `${format} is about strings`)
  }
  t.end()
})

t.test('formats have their later names too, and unknown ones are annotations', t => {
  t.equal(describeFormat('ipv4'), describeFormat('ip-address'))
  t.equal(describeFormat('hostname'), describeFormat('host-name'))
  t.equal(describeFormat('url'), describeFormat('uri'))
  for (const format of ['style', 'markdown', 'constructor', '__proto__']) t.equal(eventValidator({ properties: { a: { format } } })({ a: 'x' }), null, format)
  t.equal(describeFormat('style'), undefined)
  t.end()
})

t.test('checks take time linear in the text', async t => {
  const hostile = ['a'.repeat(60_000), `${'a-'.repeat(30_000)}!`, `a:${'%41'.repeat(20_000)}%`, `${'1 '.repeat(30_000)}x`, `x@${'a.'.repeat(30_000)}`, `#${'f'.repeat(60_000)}`, `rgb(${' '.repeat(60_000)}`]

  const ms = await idleTimeOf(() => { for (const check of Object.values(ajvFormats({ spend: () => {} }))) for (const text of hostile) check(text) })

  t.ok(ms < 1000, `${ms.toFixed(0)} ms`)
})
