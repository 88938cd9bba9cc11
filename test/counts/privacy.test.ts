import fc from 'fast-check'
import t from 'tap'
import { harmlessPointer, harmlessSeen, sampleOf } from '../../lib/counts/privacy.js'

function sample (capsule: Record<string, unknown>, pointer = ''): unknown {
  return JSON.parse(sampleOf(capsule, pointer))
}

// seen to fail without each of the rules
t.test('what may tell who somebody is, or what they read or wrote, is not in a sample', async t => {
  const event = {
    action: 'init',
    ok: true,
    loadTime: 1200.5,
    nothing: null,
    clientIP: 'x',
    ip_address: 'x',
    emailAddress: 'x',
    userId: 7,
    username: 'x',
    editToken: 'x',
    sessionid: 'x',
    searchQuery: 'x',
    page_title: 'x',
    pageId: 17,
    url: 'x',
    name: 'x',
    note: 'Jane Doe, 5 Main Street',
    contact: 'jane@example.org',
    peer: '203.0.113.9',
    peer6: '2001:db8::1',
    peers: ['10.0.0.1', 'a-10-0-0-1.example', 'fine'],
    call: '+49-170-1234567',
    number: 491701234567,
    fingerprint: 'x',
    opaque: '16f38999d94d549cb426b5fb32bc8bba',
    opaque2: 'aZ3kP9qLm2Xw8RtY',
    clip: 'left',
    deep: { inner: { ip: '1', kind: 'k' } }
  }

  t.strictSame(sample({ event, schema: 'Edit', revision: 1, wiki: 'enwiki', clientIp: 'ab', ip: '203.0.113.9', userAgent: { browser: 'Firefox' }, uuid: '0'.repeat(32) }), {
    event: {
      action: 'init',
      ok: true,
      loadTime: 1200.5,
      nothing: null,
      ...Object.fromEntries(['clientIP', 'ip_address', 'emailAddress', 'userId', 'username', 'editToken', 'sessionid', 'searchQuery', 'page_title', 'pageId', 'url', 'name'].map(name => [name, '(removed)'])),
      note: '(a string of 23 characters)',
      contact: '(a string of 16 characters)',
      peer: '(a string of 11 characters)',
      peer6: '(a string of 11 characters)',
      peers: ['(a string of 8 characters)', '(a string of 18 characters)', 'fine'],
      call: '(a string of 15 characters)',
      number: '(a number)',
      fingerprint: '(removed)',
      opaque: '(a string of 32 characters)',
      opaque2: '(a string of 16 characters)',
      clip: 'left',
      deep: { inner: { ip: '(removed)', kind: 'k' } }
    },
    schema: 'Edit',
    revision: 1,
    wiki: 'enwiki',
    uuid: '(removed)'
  })
})

t.test('names of fields come from the internet, too: only such as look like names are left', async t => {
  t.strictSame(sample({ schema: 'Edit', event: { 'jane@example.org': 1, '203.0.113.9': 1, '<script>': 1, '': 1, fine_1: 1, aZ3kP9qLm2Xw8RtY: 1 } }), { schema: 'Edit', event: { fine_1: 1 } })
  t.equal(harmlessPointer('/event/jane@example.org/x'), '/event/*/x')
  t.equal(harmlessPointer('/event/items/17/kind'), '/event/items/*/kind')
  t.equal(harmlessPointer('/event/a~1b'), '/event/*')
  t.equal(harmlessPointer('/event/action'), '/event/action')
  t.equal(harmlessPointer(''), '')
})

t.test('what was seen is only its type where it may be personal', async t => {
  const cases: Array<[pointer: string, seen: string, shown: string]> = [
    ['/event/action', '"init"', '"init"'],
    ['/event/action', '"in it"', 'a string'],
    ['/event/action', '"203.0.113.9"', 'a string'],
    ['/event/action', '"a\\"b"', 'a string'],
    ['/event/action', '"cut of…', 'a string'],
    ['/event/action', '17', '17'],
    ['/event/action', '1.5e-7', '1.5e-7'],
    ['/event/action', '491701234567', 'a number'],
    ['/event/action', 'true', 'true'],
    ['/event/action', 'nothing', 'nothing'],
    ['/event/action', '{"name":"Jane"}', 'an object'],
    ['/event/action', '["Jane"]', 'an array'],
    ['/event/action', 'a number beyond 1.8e308', 'a value'],
    ['/event/userName', '"jane"', 'a string'],
    ['/event/userId', '17', 'a number'],
    ['/event/user/first', '"jane"', 'a string'],
    ['/event/userId', 'nothing', 'nothing']
  ]
  for (const [pointer, seen, shown] of cases) t.equal(harmlessSeen(pointer, seen), shown, `${pointer} ${seen}`)
})

// seen to fail without the second attempt
t.test('a sample is at most 2 KB: of one that is longer, the field that failed', async t => {
  const wide = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`field${i}`, Array.from({ length: 5 }, () => 'some-words-of-text')]))

  t.strictSame(sample({ schema: 'Edit', revision: 1, event: { ...wide, action: 'x' }, wiki: 'w' }, '/event/action'), { schema: 'Edit', revision: 1, event: { action: 'x' } })
  t.equal(sampleOf({ schema: 'Edit', event: { x: Object.fromEntries(Object.keys(wide).map(name => [name, wide])) } }, '/event/x'), '')
  const deep = JSON.parse('{"a":'.repeat(5000) + '1' + '}'.repeat(5000)) as Record<string, unknown>
  t.strictSame(sample({ event: deep }), { event: { a: { a: { a: { a: '(an object)' } } } } })
})

t.test('whatever comes, a sample is JSON of at most 2 KB without what was in clientIp, ip and userAgent', async () => {
  fc.assert(fc.property(fc.jsonValue(), fc.string(), (event, pointer) => {
    const text = sampleOf({ event, schema: 'Edit', revision: 1, clientIp: 'secret-1', ip: 'secret-2', userAgent: { a: 'secret-3' } }, pointer)
    if (text !== '') JSON.parse(text)
    return Buffer.byteLength(text) <= 2048 && !text.includes('secret-')
  }))
})
