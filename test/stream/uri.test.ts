import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { builtInWriters } from '../../lib/writers/index.js'
import { ConfigError } from '../../lib/errors.js'
import { endpointOf, hidePasswords, parseUri, type Uri, streamOf } from '../../lib/stream/uri.js'

const blank = { host: null, port: null, user: null, password: null, path: '', query: [] }

const examples: ReadonlyArray<readonly [string, Partial<Uri>]> = [
  ['tcp://*:8600', { scheme: 'tcp', host: '*', port: 8600 }],
  ['tcp://127.0.0.1:8600', { scheme: 'tcp', host: '127.0.0.1', port: 8600 }],
  ['TCP://Some-Host.example:1', { scheme: 'tcp', host: 'Some-Host.example', port: 1 }],
  ['tcp://[::1]:8600?bind=true', { scheme: 'tcp', host: '::1', port: 8600, query: [['bind', 'true']] }],
  ['udp://:8421', { scheme: 'udp', port: 8421 }],
  ['udp://0.0.0.0:0', { scheme: 'udp', host: '0.0.0.0', port: 0 }],
  ['stdin://', { scheme: 'stdin' }],
  ['stdin:', { scheme: 'stdin' }],
  ['ipc:///run/vanadium/valid', { scheme: 'ipc', path: '/run/vanadium/valid' }],
  ['file:events.log', { scheme: 'file', path: 'events.log' }],
  ['file:///var/log/all%20events.log?follow', { scheme: 'file', path: '/var/log/all events.log', query: [['follow', 'true']] }],
  ['file:///a%23b%3Fc%25', { scheme: 'file', path: '/a#b?c%' }],
  ['mysql://me@db/log?a=1&b=x%26y&&c=', { scheme: 'mysql', host: 'db', user: 'me', path: '/log', query: [['a', '1'], ['b', 'x&y'], ['c', '']] }],
  ['mysql://me:p%40ss:w%2Frd@db:3306/log', { scheme: 'mysql', host: 'db', port: 3306, user: 'me', password: 'p@ss:w/rd', path: '/log' }],
  ['mysql://me:p@ss@db/log', { scheme: 'mysql', host: 'db', user: 'me', password: 'p@ss', path: '/log' }],
  ['mysql://:pw@db', { scheme: 'mysql', host: 'db', user: '', password: 'pw' }],
  ['kafka://a/topic?key=a=b', { scheme: 'kafka', host: 'a', path: '/topic', query: [['key', 'a=b']] }]
]

for (const [text, parts] of examples) {
  t.test(`${text} is understood`, async t => {
    const { rest: _rest, text: shown, ...uri } = parseUri(text)

    t.strictSame(uri, { ...blank, ...parts })
    if (parts.password === undefined) t.equal(shown, text)
  })
}

const broken: ReadonlyArray<readonly [string, RegExp]> = [
  ['', /"" is no stream URI; write scheme:\/\/host/],
  ['nonsense', /"nonsense" is no stream URI/],
  ['//127.0.0.1:8600', /is no stream URI/],
  ['8600://x', /is no stream URI/],
  ['file:///tmp/a#b', /is no stream URI.*# as %23/],
  ['tcp://127.0.0.1:86000', /tcp:\/\/127\.0\.0\.1:86000: port "86000" is not a number from 0 to 65535/],
  ['tcp://127.0.0.1:http', /port "http" is not/],
  ['tcp://127.0.0.1:-1', /port "-1" is not/],
  ['tcp://127.0.0.1:8521 tcp://127.0.0.1:8522', /port "8521 tcp:" is not/],
  ['mysql://me:p/w@db/log', /^mysql:\/\/me:\*\*\*@db\/log: the password is not escaped; write .* as %2F/],
  ['mysql://me:p#w@db/log', /the password is not escaped/],
  ['file:///tmp/100%', /^file:\/\/\/tmp\/100%: there is a broken percent-escape; write a literal % as %25/],
  ['file:///tmp/x?a=%E9', /broken percent-escape/]
]

for (const [text, message] of broken) {
  t.test(`"${text}" is refused`, async t => {
    t.throws(() => parseUri(text), { name: 'ConfigError', code: 'bad-uri', message })
  })
}

const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const parts = fc.record({
  scheme: fc.stringMatching(/^[a-z][a-z0-9+.-]{0,8}$/),
  host: fc.oneof(fc.constantFrom('*', '127.0.0.1', 'db.example.org', '::1', 'fe80::1%eth0'), fc.constant(null)),
  port: fc.option(fc.integer({ min: 0, max: 65535 })),
  user: fc.option(word),
  password: fc.option(word),
  path: fc.array(word, { maxLength: 3 }),
  query: fc.array(fc.tuple(word, fc.string({ unit: 'binary', maxLength: 12 })), { maxLength: 4 })
})

t.test('whatever the parts of a URI are, they come back from its text', async () => {
  fc.assert(fc.property(parts, ({ scheme, host, port, user, password, path, query }) => {
    const login = user === null ? '' : `${encodeURIComponent(user)}${password === null ? '' : `:${encodeURIComponent(password)}`}@`
    const place = `${host?.includes(':') === true ? `[${host}]` : host ?? ''}${port === null ? '' : `:${port}`}`
    const options = query.map(pair => pair.map(encodeURIComponent).join('=')).join('&')

    const uri = parseUri(`${scheme}://${login}${place}${path.map(part => `/${encodeURIComponent(part)}`).join('')}${query.length === 0 ? '' : `?${options}`}`)

    assert.deepEqual({ ...uri, rest: '', text: '' }, {
      scheme, host, port, user, password: user === null ? null : password, path: path.map(part => `/${part}`).join(''), query, rest: '', text: ''
    })
  }))
})

t.test('whatever comes, it is a URI or a ConfigError', async () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z]{1,3}:(\/\/)?[a-z0-9@:/?#[\]%&=.*]{0,30}$/)), text => {
    try {
      parseUri(text)
    } catch (error) {
      assert(error instanceof ConfigError)
    }
  }))
})

/** A password as an operator may have typed it: escaped, or with characters that should have been. */
const password = fc.tuple(fc.stringMatching(/^[A-Za-z:/?#%&=.+-]{0,4}$/), fc.stringMatching(/^[A-Za-z0-9:/?#%&=.+-]{0,6}$/))
  .map(([before, after]) => `${before}sEcReT${after}`)
  // which would begin a URI that this one wraps
  .filter(text => !text.includes('//'))

t.test('a password is shown nowhere, escaped or not, wrapped or not, in a URI that is right or wrong', async () => {
  fc.assert(fc.property(password, fc.boolean(), fc.constantFrom('', 'filter:', 'map://'), fc.constantFrom('db/log', 'db:3306/log?a=b', 'db:x', 'db/%zz'), (password, escaped, wrapper, end) => {
    const text = `${wrapper}mysql://me:${escaped ? encodeURIComponent(password) : password}@${end}`
    let shown = ''
    try {
      shown = parseUri(text).text
    } catch (error) {
      shown = (error as Error).message
    }

    assert.doesNotMatch(shown, /sEcReT/, text)
    assert.match(shown, /mysql:\/\/me:\*\*\*@/, text)
  }), { numRuns: 1000 })
})

t.test('the value of an option that is named like a password is not shown', async t => {
  t.equal(hidePasswords('kafka://h/t?user=me&sasl-password=x%2Fy&acks=all'), 'kafka://h/t?user=me&sasl-password=***&acks=all')
  t.equal(parseUri('mysql://h/db?Password=sEcReT').text, 'mysql://h/db?Password=***')
})

t.test('what is no password is shown as it came', async t => {
  for (const text of ['http://h:80/p?mail=me@example.org', 'tcp://[::1]:80?x=a@b', 'file:///log/a:b@c', 'map:tcp://h:1?x=a@b', 'map://tcp://h:1/?x=a@b', 'mysql://me@db/log']) {
    t.equal(parseUri(text).text, text)
  }
})

t.test('rest is what a scheme wraps', async t => {
  for (const inner of ['tcp://127.0.0.1:8600?subscribe=x', 'file:events.log', 'stdin:', 'mysql://me:p%40w@db/log']) {
    t.equal(parseUri(`map:${inner}`).rest, inner)
  }
  t.equal(parseUri('map://tcp://127.0.0.1:8600?subscribe=x').rest, 'tcp://127.0.0.1:8600?subscribe=x')
})

t.test('endpointOf writes a URI as sockets want it', async t => {
  t.equal(endpointOf(parseUri('tcp://*:8600?hwm=1')), 'tcp://*:8600')
  t.equal(endpointOf(parseUri('tcp://:8600')), 'tcp://*:8600')
  t.equal(endpointOf(parseUri('tcp://[::1]:8600')), 'tcp://[::1]:8600')
  t.equal(endpointOf(parseUri('ipc:///run/valid')), 'ipc:///run/valid')
})

// seen to take seconds to hours without the bounds
t.test('what is too long, or wraps too often, is refused at once, and shown without what may be a password', async t => {
  const long = `mysql://me:secret${'a'.repeat(9000)}@h/db`

  t.throws(() => parseUri(long), { code: 'bad-uri', message: 'a stream URI has 9022 characters; give 8192 at most' })
  t.equal(hidePasswords(long), 'mysql:…')
  for (const text of ['?'.repeat(8000), '//a:'.repeat(2000), `?${'passw'.repeat(1600)}`, `@${'//a:'.repeat(2000)}`, `map:${'?x='.repeat(2600)}`]) hidePasswords(text)
  t.throws(() => streamOf(`${'map:'.repeat(2000)}stdin:`), { code: 'bad-uri', message: /: more than 16 URIs wrap one another; leave some out$/ })
  t.throws(() => builtInWriters().check(`${'opt-out:'.repeat(20)}stdout:`), { code: 'bad-uri', message: /more than 16 URIs wrap one another/ })
})

t.test('an option that only looks like another shows no more than it should', async t => {
  t.equal(hidePasswords('map:x:?a=1?password=x&b=2'), 'map:x:?a=1?password=***&b=2')
  t.equal(hidePasswords('file:passwd=x?a=b'), 'file:passwd=x?a=b')
})
