import fc from 'fast-check'
import t from 'tap'
import { clientAddress, lineOf, queryOfBody } from '../../lib/readers/http-line.js'

const beacon = { query: '%7B%7D', seqId: 17, recvFrom: 'host.example.org', address: '203.0.113.9', userAgent: 'Mozilla/5.0 (X11)' }

t.test('a line has the fields that varnishncsa writes, in its order', async t => {
  t.match(String(lineOf(beacon)), /^\?%7B%7D host\.example\.org 17 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d 203\.0\.113\.9 Mozilla\/5\.0 \(X11\)$/)
  t.match(String(lineOf({ ...beacon, userAgent: undefined })), / -$/)
  t.match(String(lineOf({ ...beacon, userAgent: ' \t ' })), / -$/)
})

t.test('whatever comes, a line is one line, and its fields are where they belong', async () => {
  const anything = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)) })
  const shape = /^\?[\x21-\x7e]* host\.example\.org 17 [0-9T:-]{19} 203\.0\.113\.9 [ -~\x80-\xff]+$/
  fc.assert(fc.property(anything, anything, (query, userAgent) => shape.test(lineOf({ ...beacon, query, userAgent }).toString('latin1'))))
})

t.test('bytes that are no characters of a URL are percent-encoded one by one, others are kept', async t => {
  t.match(String(lineOf({ ...beacon, query: '{"a b":\t"\xc5\xbd%41+"};' })), /^\?\{"a%20b":%09"%C5%BD%41\+"\}; host/)
})

t.test('a user agent is kept byte for byte', async t => {
  const utf8 = Buffer.from('Prohlížeč 🐎')

  t.ok(lineOf({ ...beacon, userAgent: utf8.toString('latin1') }).includes(utf8))
})

t.test('a body comes back byte for byte from its query, UTF-8 or not', async t => {
  t.equal(queryOfBody(Buffer.from('{"a": "ž 100%+"}')), '%7B%22a%22%3A%20%22%C5%BE%20100%25%2B%22%7D')
  fc.assert(fc.property(fc.oneof(fc.uint8Array(), fc.string({ unit: 'grapheme' }).map(text => Buffer.from(text))), bytes => {
    const query = queryOfBody(Buffer.from(bytes))
    const decoded = Buffer.from(query.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))), 'latin1')
    return /^[\x21-\x7e]*$/.test(query) && !query.includes('+') && decoded.equals(Buffer.from(bytes))
  }))
})

t.test('the client is the leftmost of the addresses that trusted proxies have appended', async t => {
  const socket = '10.0.0.1'
  for (const [forwardedFor, trustedProxies, expected] of [
    [undefined, 0, socket],
    ['192.0.2.1', 0, socket],
    [undefined, 1, socket],
    ['192.0.2.1', 1, '192.0.2.1'],
    ['198.51.100.66, 192.0.2.1', 1, '192.0.2.1'],
    ['198.51.100.66, 192.0.2.1,10.0.0.2', 2, '192.0.2.1'],
    ['192.0.2.1', 3, '192.0.2.1'],
    ['2001:db8::1', 1, '2001:db8::1'],
    ['[2001:db8::1]:443', 1, '2001:db8::1'],
    ['192.0.2.1:12345', 1, '192.0.2.1'],
    ['::ffff:192.0.2.1', 1, '192.0.2.1'],
    ['unknown', 1, socket],
    ['192.0.2.1, evil one', 1, socket],
    ['', 1, socket]
  ] as const) {
    t.equal(clientAddress(socket, forwardedFor, trustedProxies), expected, `${forwardedFor ?? 'none'}, ${trustedProxies}`)
  }
  t.equal(clientAddress('::ffff:192.0.2.1', undefined, 0), '192.0.2.1')
  t.equal(clientAddress('::1', undefined, 0), '::1')
  t.equal(clientAddress(undefined, undefined, 0), '-')
})
