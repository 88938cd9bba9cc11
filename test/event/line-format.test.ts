import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ConfigError, RecordError } from '../../lib/errors.js'
import { parseJson } from '../../lib/event/json.js'
import { compileFormat, describeSpecifiers } from '../../lib/event/line-format.js'
import { createLineParser } from '../../lib/event/line-parser.js'
import { needsSharedData, sharedData } from '../helpers/shared.js'

const converters = { hashAddress: (address: string) => `hash of ${address}`, parseUserAgent: (userAgent: string) => ({ browser_family: userAgent }) }
const clientSide = '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i'

function parse (format: string, line: string): Record<string, unknown> {
  return createLineParser(compileFormat(format), converters).parse(line).capsule
}

function query (capsule: unknown): string {
  return `?${encodeURIComponent(JSON.stringify(capsule))};`
}

t.test('every line vector gives its capsule, or an error', { skip: needsSharedData }, async t => {
  interface Vector { note: string, format: string, line: string, capsule?: Record<string, unknown>, error?: boolean }
  const vectors = readFileSync(join(sharedData ?? '', 'line-vectors.ndjson'), 'utf8').trim().split('\n').map(line => parseJson(line) as Vector)
  t.ok(vectors.length >= 19)

  for (const { note, format, line, capsule, error } of vectors) {
    const parser = createLineParser(compileFormat(format), converters)
    if (error === true) {
      t.throws(() => parser.parse(line), RecordError, note)
    } else {
      t.strictSame(parseJson(parser.parse(line).toJson()), capsule, note)
    }
  }
})

t.test('each specifier becomes what the format says', async t => {
  const line = `${query({ event: {} })} cp1 17 2014-05-21T09:30:01 203.0.113.9 Mozilla (X)`

  t.match(parse(clientSide, line), { recvFrom: 'cp1', seqId: 17, timestamp: 1400664601, clientIp: 'hash of 203.0.113.9', userAgent: 'Mozilla (X)' })
  t.match(parse('%q %l %n %D %o %u', line), { recvFrom: 'cp1', seqId: 17, dt: '2014-05-21T09:30:01Z', userAgent: { browser_family: 'Mozilla (X)' } })
  t.notOk('clientIp' in parse('%q %l %n %D %o %u', line), 'an omitted field leaves nothing')
})

t.test('the capsule\'s own fields win, and are converted like the line\'s', async t => {
  const own = { event: {}, recvFrom: 'own', timestamp: '2014-05-21T09:30:01', clientIp: '192.0.2.1', userAgent: 'own agent', seqId: '9' }

  const capsule = parse('%q %{recvFrom}s %n %t %h %u', `${query(own)} cp1 17 2015-01-01T00:00:00 203.0.113.9 line agent`)

  t.strictSame(capsule, {
    event: {},
    recvFrom: 'own',
    seqId: 9,
    timestamp: 1400664601,
    clientIp: 'hash of 192.0.2.1',
    userAgent: { browser_family: 'own agent' },
    uuid: capsule['uuid']
  })
})

t.test('fields that nobody wants are dropped, and PHP\'s empty array is an object', async t => {
  const capsule = parse('%{seqId}d EventLogging %j', '1 EventLogging {"event":[],"clientValidated":true,"isTruncated":false}')

  t.strictSame(capsule, { event: {}, seqId: 1 })
})

t.test('an event with its own metadata gets nothing from the line', async t => {
  const event = { meta: { schema_uri: 'Page/3', id: 'x' }, page: 1 }

  t.strictSame(parse('%{seqId}d EventLogging %j', `1 EventLogging ${JSON.stringify(event)}`), event)
})

t.test('the format\'s own text may use regular expressions, groups included', async t => {
  const format = '(?:<\\d+>|())EventLogging(?<mine>x?) %j %{host}s'

  t.match(parse(format, '<13>EventLoggingx {"a":1} h'), { a: 1, host: 'h' })
  t.match(parse(format, 'EventLogging {"a":1} h'), { a: 1, host: 'h' })
  t.throws(() => parse(format, 'Other {"a":1} h'), RecordError)
  t.match(parse('%{a}s (?<mine>x+) \\k<a>-\\k<mine> %j', 'h xx h-xx {"b":1}'), { a: 'h', b: 1 }, 'also a reference to a name')
  t.throws(() => parse('%{a}s (?<mine>x+) \\k<a>-\\k<mine> %j', 'h xx i-xx {"b":1}'), RecordError)
})

t.test('white space of any kind separates, matching starts at the start, and what follows the last field is ignored', async t => {
  t.match(parse('%q %{a}s', '?%7B%7D\t \tx rest'), { a: 'x' })
  t.match(parse('%q %{a}s', '?%7B%22b%22:%22\u00a0%22%7D x'), { a: 'x', b: '\u00a0' }, 'a no-break space separates nothing')
  t.throws(() => parse('%q %{a}s', ' ?%7B%7D x'), RecordError)
})

t.test('times that do not exist are refused', async t => {
  for (const time of ['2014-02-30T00:00:00', '2014-13-01T00:00:00', '2014-01-01T25:00:00']) {
    t.throws(() => parse('%q %t', `?%7B%7D ${time}`), { message: `timestamp: there is no time "${time}"` })
  }
})

t.test('what stands in a line is found again in it', async t => {
  const format = compileFormat('%q %{recvFrom}s %h %{userAgent}i')
  const line = `${query({})} 1.2.3.4 1.2.3.4 agent 1.2.3.4`
  const address = format.fields[1]

  const found = address === undefined ? null : format.locate(line, address)

  t.strictSame(found, [line.indexOf('1.2.3.4') + 8, line.indexOf('1.2.3.4') + 15])
  t.equal(address === undefined ? undefined : format.locate('nothing', address), null)
})

t.test('a bad format is the operator\'s mistake, and the message says what is allowed', async t => {
  const bad: Array<[string, RegExp]> = [
    ['%{a}s', /no capsule; write %q/],
    ['%q %j', /two capsules/],
    ['%q %{a}s (?<a>x)', /Duplicate capture group name/],
    ['%q %x', /no specifier "%x"; there are %q %j %t/],
    ['%q %{a}t', /no specifier "%\{a\}t"/],
    ['%q 100%', /no specifier "%".*literal % is \\x25/],
    ['%q %{a}s %{a}d', /field "a" is there twice/],
    ['%q %{a b}s', /"a b" cannot name a field/],
    ['%q %{__proto__}s', /"__proto__" cannot name a field/],
    ['%q (', /escape the characters/]
  ]
  for (const [format, message] of bad) {
    t.throws(() => compileFormat(format), { name: ConfigError.name, message }, format)
  }
  t.equal(describeSpecifiers().length, 12)
})

t.test('any text that is encoded as a browser does comes out as it went in', async t => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.stringMatching(/^[^\s]{1,20}$/u), fc.boolean(), (capsule, host, plus) => {
    const encoded = encodeURIComponent(JSON.stringify(capsule))
    const line = `?${plus ? encoded.replaceAll('%20', '+') : encoded}; ${host}`
    const expected = JSON.parse(JSON.stringify(capsule)) as Record<string, unknown>
    delete expected['clientValidated']
    delete expected['isTruncated']

    const { host: found, ...rest } = parse('%q %{host}s', line)

    t.strictSame(rest, 'host' in expected ? (({ host, ...others }) => others)(expected) : expected)
    t.equal(found, 'host' in expected ? expected['host'] : host)
  }))
})
