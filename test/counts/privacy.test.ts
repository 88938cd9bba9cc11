import fc from 'fast-check'
import t from 'tap'
import { harmlessPointer, harmlessSeen, sampleOf } from '../../lib/counts/privacy.js'
import { capsuleOf, noShape, shapeOf } from '../../lib/counts/shape.js'

const string = { type: 'string' }
const number = { type: 'number' }

/** Of an event with these fields. */
function shapeWith (properties: Record<string, object>): ReturnType<typeof capsuleOf> {
  return capsuleOf(shapeOf({ properties, $defs: { kind: { enum: ['k'] } } }))
}

function sample (event: object, properties: Record<string, object>): unknown {
  const { event: shown } = JSON.parse(sampleOf({ event }, '', shapeWith(properties))) as { event: unknown }
  return shown
}

// seen to fail when any short word is shown
t.test('of strings only those are shown that the schema names, whatever their field is called; of others there is the length', t => {
  const sent = {
    firstname: 'John', fullname: 'Jane', pagename: 'Main', apikey: 'sk_live_abcd', login: 'jdoe', creator: 'JohnSmith', article: 'Barack_Obama', keyword: 'abortion', input: 'suicide',
    plain: 'Jane', opaque: 'abcdefghijklmnop', hex: 'C0A80101', host: '10_0_0_1', address: '203.0.113.9', text: 'Jane Doe, 5 Main Street'
  }
  const shown = sample(sent, Object.fromEntries(Object.keys(sent).map(name => [name, string]))) as Record<string, string>

  t.strictSame(Object.keys(shown), Object.keys(sent))
  for (const [name, value] of Object.entries(shown)) t.match(value, /^\((?:removed|a string of \d+ characters)\)$/, name)
  t.equal(shown['plain'], '(a string of 4 characters)')
  t.end()
})

// seen to fail without either of `enum`, `const`, `$ref`, what stands in place, and items
t.test('values that the schema names are shown, wherever in it they are', async t => {
  const properties = {
    action: { enum: ['init', 'go'] }, one: { const: 'x' }, kind: { $ref: '#/$defs/kind' }, either: { anyOf: [number, { enum: ['a'] }] },
    list: { items: { enum: ['a'] } }, deep: { properties: { inner: { enum: ['b'] } } }
  }

  const good = { action: 'init', one: 'x', kind: 'k', either: 'a', list: ['a'], deep: { inner: 'b' } }
  t.strictSame(sample(good, properties), good)
  t.strictSame(sample({ action: 'inits', list: ['b'], deep: { inner: 'a' } }, properties),
    { action: '(a string of 5 characters)', list: ['(a string of 1 character)'], deep: { inner: '(a string of 1 character)' } })
  t.strictSame(sample({ userType: 'anon' }, { userType: { enum: ['anon'] } }), { userType: '(removed)' })
})

// seen to fail without the list of names, and without the bound of digits
t.test('numbers, true and false are shown, but where the name is one of what is personal, or digits are many', async t => {
  const sent = { loadTime: 1200.5, ok: true, nothing: null, namespace: 4, userId: 7, coords: [52.5, 13.4], otp: 1234, isUser: true, pageid: 17, call: 491701234567, tooLarge: 1e999 }

  t.strictSame(sample(sent, Object.fromEntries(Object.keys(sent).map(name => [name, {}]))),
    { loadTime: 1200.5, ok: true, nothing: null, namespace: 4, userId: '(removed)', coords: '(removed)', otp: '(removed)', isUser: '(removed)', pageid: '(removed)', call: '(a number)', tooLarge: null })
})

// seen to fail when names are left that only look like names
t.test('of names of fields only those are shown that the schema has', async t => {
  const shape = shapeWith({ fine: {}, items: { items: { properties: { kind: {} } } }, 'a/b': {} })

  t.strictSame(sample({ fine: 1, JohnSmith: 1, 'jane@example.org': { x: 1 }, __proto__x: 1 }, { fine: {} }), { fine: 1, '*': '(3 fields that the schema does not name)' })
  t.equal(JSON.stringify(JSON.parse(sampleOf({ JohnSmith: 1, schema: 'Edit', event: { JohnSmith: 1 } }, '', capsuleOf(noShape)))),
    '{"schema":"Edit","event":{"*":"(a field that the schema does not name)"},"*":"(a field that the schema does not name)"}')
  t.equal(harmlessPointer('/event/JohnSmith/x', shape), '/event/*/*')
  t.equal(harmlessPointer('/event/items/17/kind', shape), '/event/items/*/kind')
  t.equal(harmlessPointer('/event/items/17/name', shape), '/event/items/*/*')
  t.equal(harmlessPointer('/event/a~1b', shape), '/event/a~1b')
  t.equal(harmlessPointer('/event/fine', capsuleOf(noShape)), '/event/*')
  t.equal(harmlessPointer('', shape), '')
})

t.test('of the capsule, the names of schema and wiki are shown if they look like it, and nothing of the client', async t => {
  t.strictSame(JSON.parse(sampleOf({ schema: 'Edit', revision: 1, wiki: 'be_x_oldwiki', webHost: 'jane.example.org', clientIp: 'ab', ip: '203.0.113.9', userAgent: { browser: 'Firefox' }, uuid: 'x' }, '', capsuleOf(noShape))), {
    schema: 'Edit', revision: 1, wiki: 'be_x_oldwiki', webHost: '(a string of 16 characters)', clientIp: '(removed)', ip: '(removed)', userAgent: '(removed)', uuid: '(removed)'
  })
  for (const wiki of ['203.0.113.9', 'C0A80101', 'jane@example.org', 'Jane Doe', 'x'.repeat(41)]) t.match(sampleOf({ wiki }, '', capsuleOf(noShape)), /a string of/, wiki)
})

// seen to fail when what came is shown as the sample is not
t.test('what was seen follows the same rule', async t => {
  const shape = shapeWith({ action: { enum: ['init'] }, list: { items: { enum: ['a'] } }, userId: {}, user: { properties: { first: { enum: ['x'] } } } })
  const cases: Array<[pointer: string, event: unknown, shown: string]> = [
    ['/event/action', { action: 'init' }, '"init"'],
    ['/event/action', { action: 'abortion' }, 'a string of 8 characters'],
    ['/event/action', { action: 17 }, '17'],
    ['/event/action', { action: 491701234567 }, 'a number'],
    ['/event/action', { action: true }, 'true'],
    ['/event/action', { action: null }, 'null'],
    ['/event/action', {}, 'nothing'],
    ['/event/action', { action: { name: 'Jane' } }, 'an object'],
    ['/event/action', { action: ['Jane'] }, 'an array'],
    ['/event/action', { action: [] }, '[]'],
    ['/event/list/1', { list: ['b', 'a'] }, '"a"'],
    ['/event/list/0', { list: ['b', 'a'] }, 'a string of 1 character'],
    ['/event/userId', { userId: 17 }, 'a number'],
    ['/event/userId', { userId: true }, 'true or false'],
    ['/event/user/first', { user: { first: 'x' } }, 'a string of 1 character'],
    ['/event/JohnSmith', { JohnSmith: 'a' }, 'a string of 1 character'],
    ['/event/JohnSmith', { JohnSmith: 1 }, 'a number']
  ]
  for (const [pointer, event, shown] of cases) t.equal(harmlessSeen({ event }, pointer, shape), shown, `${pointer} ${JSON.stringify(event)}`)
})

// seen to fail without the second attempt
t.test('a sample is at most 2 KB: of one that is longer, the field that failed', async t => {
  const names = Array.from({ length: 40 }, (_, i) => `field${i}`)
  const wide = Object.fromEntries(names.map(name => [name, Array.from({ length: 5 }, () => 'some words of text')]))
  const fields = Object.fromEntries(names.map(name => [name, string]))
  const shape = shapeWith({ ...fields, action: number, x: { properties: Object.fromEntries(names.map(name => [name, { properties: fields }])) } })

  t.strictSame(JSON.parse(sampleOf({ schema: 'Edit', revision: 1, event: { ...wide, action: 1 }, wiki: 'w' }, '/event/action', shape)), { schema: 'Edit', revision: 1, event: { action: 1 } })
  t.equal(sampleOf({ schema: 'Edit', event: { x: Object.fromEntries(names.map(name => [name, wide])) } }, '/event/x', shape), '')
  const a = { properties: { a: { $ref: '#' } } }
  const deep = JSON.parse('{"a":'.repeat(5000) + '1' + '}'.repeat(5000)) as Record<string, unknown>
  t.strictSame(JSON.parse(sampleOf({ event: deep }, '', capsuleOf(shapeOf(a)))), { event: { a: { a: { a: { a: '(an object)' } } } } })
})

t.test('whatever comes, a sample is JSON of at most 2 KB without a string that the schema does not name', async () => {
  const shape = shapeWith({ a: {}, b: { properties: { a: {} } } })
  const value = fc.letrec(tie => ({ any: fc.oneof(fc.constant('secret-'), fc.jsonValue(), fc.array(tie('any')), fc.dictionary(fc.constantFrom('a', 'b', 'secret-', '__proto__'), tie('any'))) })).any
  fc.assert(fc.property(value, fc.string(), (event, pointer) => {
    const text = sampleOf({ event, 'secret-': 1, schema: 'Edit', revision: 1, clientIp: 'secret-1', ip: 'secret-2', userAgent: { a: 'secret-3' } }, pointer, shape)
    if (text !== '') JSON.parse(text)
    return Buffer.byteLength(text) <= 2048 && !text.includes('secret-')
  }))
})
