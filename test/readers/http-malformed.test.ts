import fc from 'fast-check'
import t from 'tap'
import { consume, event, openReader, send, statuses, talk } from '../helpers/http.js'

const get = `GET /event.gif?${event} HTTP/1.1\r\nHost: x\r\n`
const post = 'POST / HTTP/1.1\r\nHost: x\r\n'
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`

/** By what is wrong with them: the only answer that may come, behind which the connection ends. */
const malformed: Record<string, readonly [status: number, request: string]> = {
  'no HTTP': [400, 'hello\r\n\r\n'],
  TLS: [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  'an unknown method': [400, 'HELLO / HTTP/1.1\r\nHost: x\r\n\r\n'],
  'a method in lower case': [400, 'get / HTTP/1.1\r\nHost: x\r\n\r\n'],
  'tabs in the request line': [400, 'GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n'],
  'no path': [400, 'GET  HTTP/1.1\r\nHost: x\r\n\r\n'],
  'no absolute path': [400, 'GET event.gif HTTP/1.1\r\nHost: x\r\n\r\n'],
  'something behind the version': [400, 'GET / HTTP/1.1 x\r\nHost: x\r\n\r\n'],
  'no version': [505, 'GET /event.gif?x\r\n\r\n'],
  'a version to come': [400, 'GET / HTTP/3.0\r\nHost: x\r\n\r\n'],
  'the preface of HTTP/2': [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'LF alone': [400, `GET /event.gif?${event} HTTP/1.1\nHost: x\n\n`],
  'LF behind one header': [400, `GET /event.gif?${event} HTTP/1.1\r\nHost: x\n\r\n`],
  'CR alone': [400, 'GET / HTTP/1.1\rHost: x\r\r'],
  'CR in a header': [400, `${get}X: a\rb\r\n\r\n`],
  'NUL in the URL': [400, 'GET /event.gif?a\0b HTTP/1.1\r\nHost: x\r\n\r\n'],
  'NUL in a header': [400, `${get}X: a\0b\r\n\r\n`],
  'NUL in the name of a header': [400, `${get}X\0: a\r\n\r\n`],
  'a folded header': [400, `${get}X: a\r\n b\r\n\r\n`],
  'a space before the colon': [400, `${get}X : a\r\n\r\n`],
  'a space before the first header': [400, 'GET / HTTP/1.1\r\n Host: x\r\n\r\n'],
  'a header without a colon': [400, `${get}garbage\r\n\r\n`],
  'no Host': [400, `GET /event.gif?${event} HTTP/1.1\r\nConnection: close\r\n\r\n`],
  'two Hosts': [400, `${get}Host: y\r\nConnection: close\r\n\r\n`],
  'a Host that is none': [400, `GET /event.gif?${event} HTTP/1.1\r\nHost: <a b>\r\nConnection: close\r\n\r\n`],
  'a length and chunks': [400, `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  'chunks and a length': [400, `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
  'chunks, and not': [400, `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
  'chunks before HTTP/1.1': [400, 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n'],
  'a transfer coding that is unknown': [501, `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  'a transfer coding that is known': [501, `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  'a content coding': [415, `${post}Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd`],
  'two lengths': [400, `${post}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`],
  'a list of lengths': [400, `${post}Content-Length: 4, 4\r\n\r\nabcd`],
  'a length with a sign': [400, `${post}Content-Length: +4\r\n\r\nabcd`],
  'a negative length': [400, `${post}Content-Length: -4\r\n\r\nabcd`],
  'a length in hexadecimal': [400, `${post}Content-Length: 0x4\r\n\r\nabcd`],
  'a length without end': [400, `${post}Content-Length: 99999999999999999999999\r\n\r\nabcd`],
  'an empty length': [400, `${post}Content-Length:\r\n\r\nabcd`],
  'a length beyond what is allowed': [413, `${post}Content-Length: 65537\r\n\r\nabcd`],
  'a chunk whose size is no number': [400, `${chunked}zz\r\nx`],
  'a chunk without end': [400, `${chunked}fffffffffffffffffffff\r\nx`],
  'a chunk that is longer than it says': [400, `${chunked}1\r\nxy\r\n0\r\n\r\n`],
  'LF behind a chunk': [400, `${chunked}1\nx\n0\n\n`],
  'extensions of a chunk without end': [413, `${chunked}1;${'a'.repeat(20_000)}\r\nx\r\n0\r\n\r\n`],
  'trailers without end': [431, `${chunked}0\r\n${'T: 12345678\r\n'.repeat(10_000)}\r\n`],
  'headers that are too large': [431, `${get}${`X: ${'y'.repeat(1000)}\r\n`.repeat(40)}\r\n`],
  'a header that is too large': [431, `${get}X: ${'y'.repeat(40_000)}\r\n\r\n`],
  'too many headers': [431, `${get}${'X: y\r\n'.repeat(100)}Connection: close\r\n\r\n`],
  'a URL that is too long for the parser': [431, `GET /event.gif?${'x'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  'a URL that is too long': [414, `GET /event.gif?${'x'.repeat(16_384)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`],
  'an event with a body in a GET': [400, `${get}Content-Length: 20\r\n\r\nGET /smuggled HTTP/1.1`],
  'an expectation that cannot be met': [417, `${get}Expect: tea\r\nConnection: close\r\n\r\n`],
  'a request for a tunnel': [405, 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n'],
  'a request to be shown itself': [405, 'TRACE /event.gif HTTP/1.1\r\nHost: x\r\nX: script\r\nConnection: close\r\n\r\n'],
  'another protocol': [405, 'OPTIONS /robots.txt RTSP/1.0\r\n\r\n'],
  nothing: [408, ''],
  'empty lines': [408, '\r\n\r\n\r\n'],
  'half a request line': [408, 'GET /ev'],
  'half the headers': [408, `${get}X: y`],
  'half a body': [408, `${post}Content-Length: 10\r\n\r\nhalf`],
  'half a chunk': [408, `${chunked}5\r\nab`]
}

t.test('what is malformed has the right answer, which is constant, and ends', async t => {
  const { reader, port } = await openReader(t, 'header-timeout=0.5&request-timeout=0.5')
  const { lines } = consume(reader)
  const texts = new Map<number, string>()

  await Promise.all(Object.entries(malformed).map(async ([what, [status, words]]) => {
    const heard = await talk(t, port, Buffer.from(words, 'latin1')).ended

    t.match(heard, new RegExp(`^HTTP/1\\.1 ${status} `), what)
    t.match(heard, /\r\nConnection: close\r\n/, what)
    t.match(heard, /\r\nX-Content-Type-Options: nosniff\r\n/, what)
    t.match(heard, /^[\x20-\x7e\r\n]*\r\n\r\n[a-zA-Z0-9 ,.:;/?<>%-]+\n$/, `${what}: one answer, nothing behind it`)
    const text = heard.split('\r\n\r\n')[1] ?? ''
    t.equal(texts.get(status) ?? text, text, `${what}: the same text for the same status`)
    texts.set(status, text)
  }))

  t.strictSame(lines, [])
  t.equal((await send(port, 'GET', `/event.gif?${event}`)).status, 204)
})

t.test('what is unusual, and right, is an event', async t => {
  const { reader, port } = await openReader(t)
  const { lines } = consume(reader)
  const requests = [
    'GET /event.gif?n1 HTTP/1.0\r\n\r\n',
    'GET http://beacon.example.org/event.gif?n2 HTTP/1.1\r\nHost: beacon.example.org\r\nConnection: close\r\n\r\n',
    '\r\n\r\nGET /event.gif?n3 HTTP/1.1\r\nhOST: [2001:db8::1]:80\r\nConnection: close\r\n\r\n',
    'GET /event.gif?n4 HTTP/1.1\r\nHost:\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nn5',
    'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: identity\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nn6\r\n0\r\nTrailer: x\r\n\r\n',
    'POST http://x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nn7',
    'GET /event.gif?n8 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    `GET /event.gif?n9 HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(98)}Connection: close\r\n\r\n`
  ]

  for (const words of requests) t.strictSame(statuses(await talk(t, port, words).ended), [204], words.slice(0, 30))

  t.strictSame(lines.map(({ query }) => query), requests.map((_, i) => `n${i + 1}`))
})

// Node throws away what it has read behind such a request: seen to wait in vain for the second answer
t.test('who asks for another protocol gets its answer, and then the end of the connection', async t => {
  const { reader, port } = await openReader(t)
  const { lines } = consume(reader)
  const upgrade = 'GET /event.gif?n1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n'

  const heard = await talk(t, port, `${upgrade}GET /event.gif?n2 HTTP/1.1\r\nHost: x\r\n\r\n`).ended

  t.strictSame(statuses(heard), [204])
  t.match(heard, /\r\nConnection: close\r\n/)
  t.strictSame(lines.map(({ query }) => query), ['n1'])
})

t.test('who expects to be told to continue is told, unless the body would be refused', async t => {
  const { reader, port } = await openReader(t)
  const { lines } = consume(reader)
  const expecting = (length: number): string => `${post}Expect: 100-continue\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`

  const willing = talk(t, port, expecting(2))
  willing.socket.once('data', () => { willing.socket.write('{}') })
  t.strictSame(statuses(await willing.ended), [100, 204])
  t.strictSame(statuses(await talk(t, port, expecting(65_537)).ended), [413])

  t.strictSame(lines.map(({ query }) => query), ['%7B%7D'])
})

t.test('what comes behind a malformed request is not looked at, and what came before is answered before', async t => {
  const { reader, port } = await openReader(t)
  const client = talk(t, port, `${get}\r\n${get}\r\nnonsense\r\n\r\n${get}\r\n`)
  await send(port, 'GET', '/other')
  t.equal(client.heard, '', 'two events wait')

  const { lines } = consume(reader)

  t.strictSame(statuses(await client.ended), [204, 204, 400])
  t.equal(lines.length, 2)
})

t.test('whatever bytes come, they are refused or cut off, nothing of them comes back, and the reader lives', async t => {
  const { reader, port } = await openReader(t, 'header-timeout=0.3&request-timeout=0.3&max-connections-per-address=100000')
  const { lines } = consume(reader)
  const canary = 'qZ7wK2xV'
  const piece = fc.oneof(
    fc.constantFrom(canary, `GET /${canary} HTTP/1.1\r\nHost: ${canary}\r\n`, `${canary}: ${canary}\r\n`, `PUT /?${canary} HTTP/1.1\r\nHost: x\r\nOrigin: http://${canary}\r\n\r\n`),
    fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes).toString('latin1')),
    fc.constantFrom('\r\n', '\r\n\r\n', '\n', ' ', '0', ':', 'HTTP/1.1', 'GET ', 'POST ', '/event.gif?', '/', 'Host: x', 'Content-Length: 5', 'Transfer-Encoding: chunked', '5\r\nabcde\r\n', '0\r\n\r\n', 'Connection: close', 'Expect: 100-continue', get, post, chunked)
  )
  const words = fc.array(piece, { minLength: 1, maxLength: 12 }).map(pieces => `${pieces.join('')}${canary}`)

  await fc.assert(fc.asyncProperty(fc.array(words, { minLength: 40, maxLength: 40 }), async all => {
    await Promise.all(all.map(async words => {
      const heard = await talk(t, port, Buffer.from(words, 'latin1')).ended
      const seen = statuses(heard)
      if (heard.includes(canary)) throw new Error(`something comes back: ${JSON.stringify(heard)}`)
      if (heard !== '' && !/^HTTP\/1\.1 /.test(heard)) throw new Error(`no answer: ${JSON.stringify(heard)}`)
      if (seen.some(status => ![100, 204, 400, 404, 405, 408, 413, 414, 415, 417, 431, 501, 505].includes(status))) throw new Error(`answered ${seen.join()}`)
    }))
  }), { numRuns: 25 })

  const before = lines.length
  t.equal((await send(port, 'GET', `/event.gif?${event}`)).status, 204)
  t.equal(lines.length, before + 1)
})
