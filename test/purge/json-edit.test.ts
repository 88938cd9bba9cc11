import fc from 'fast-check'
import t from 'tap'
import { createAnonymise } from '../../lib/purge/anonymous-json.js'
import { fieldTree } from '../../lib/purge/fields.js'
import { editJson } from '../../lib/purge/json-edit.js'
import type { Anonymisation, Retention } from '../../lib/registry/entry.js'

const anonymise = createAnonymise()

function policy (keep: readonly string[], changed: Record<string, Anonymisation> = {}): Retention {
  return { days: 90, keep, anonymise: new Map(Object.entries(changed)), aggregate: null, longer: null }
}

function edited (text: string, keep: readonly string[], changed: Record<string, Anonymisation> = {}): string {
  return editJson(text, fieldTree(policy(keep, changed)), anonymise)?.text ?? text
}

t.test('what is kept stays character for character, what is not goes', async t => {
  const text = '{"event": {"a": 1.50, "b\\u0062": "x", "big": 123456789012345678901234567890, "e": 1e400}, "wiki" : "w", "uuid":"u", "ip":"192.0.2.1"}'

  t.equal(edited(text, ['event.a', 'event.big', 'event.e']), '{"event": {"a": 1.50,"big": 123456789012345678901234567890,"e": 1e400},"uuid":"u"}')
  t.equal(edited(text, ['event', 'wiki']), '{"event": {"a": 1.50, "b\\u0062": "x", "big": 123456789012345678901234567890, "e": 1e400},"wiki" : "w","uuid":"u"}')
  t.equal(edited(text, ['event.bb']), '{"event": {"b\\u0062": "x"},"uuid":"u"}', 'a name may be escaped')
  t.equal(edited('{"event":{"a":{"x":1,"y":2},"a.x":3}}', ['event.a.x']), '{"event":{"a":{"x":1}}}', 'a dot in a name is not one between names')
})

t.test('a field that stands there twice goes twice', async t => {
  t.equal(edited('{"wiki":"a","event":{"b":1,"b":2,"c":3},"wiki":"b"}', ['event.c']), '{"event":{"c":3}}')
})

t.test('addresses and user agents go, whatever is listed', async t => {
  t.equal(edited('{"clientIp":"h","ip":"192.0.2.1","userAgent":{"os":"x"},"wiki":"w","event":{}}', ['clientIp', 'ip', 'userAgent', 'userAgent.os', 'wiki'], { clientIp: { method: 'hash' } }), '{"wiki":"w","event":{}}')
})

t.test('they go from what is kept, or changed, as a whole, however deep they are', async t => {
  const text = '{"event":{"clientIP":"192.0.2.1","n":1,"list":[{"user_agent":"x","a":[[{"\\u0069p":{"a":1},"b":2}]]}]}}'

  t.equal(edited(text, ['event']), '{"event":{"n":1,"list":[{"a":[[{"b":2}]]}]}}')
  t.equal(edited(text, ['event.list.a.ip', 'event.clientIP', 'event.n']), '{"event":{"n":1,"list":[{"a":[[{}]]}]}}')
  t.equal(edited(text, [], { event: { method: 'bucket', size: 2 } }), '{"event":{"n":0,"list":[{"a":[[{"b":2}]]}]}}')
})

t.test('items of an array are as the array', async t => {
  t.equal(edited('{"event":{"list":[{"a":1,"b":2},3,[{"a":4}],{"b":5}]}}', ['event.list.a']), '{"event":{"list":[{"a":1},[{"a":4}],{}]}}')
})

t.test('values are made anonymous', async t => {
  const changed = (value: string, how: Anonymisation): string => edited(`{"event":{"x":${value}}}`, [], { 'event.x': how }).slice('{"event":{'.length, -2)

  t.equal(changed('"Zürich 😀"', { method: 'truncate', length: 2 }), '"x":"Zü"')
  t.equal(changed('-12345', { method: 'truncate', length: 2 }), '"x":-12000')
  t.equal(changed('12.5', { method: 'truncate', length: 2 }), '', 'a fraction has no first digits that say little')
  t.equal(changed('123456789012345678901', { method: 'bucket', size: 1000 }), '"x":123456789012345678000')
  t.equal(changed('-1', { method: 'bucket', size: 10 }), '"x":-10')
  t.equal(changed('0.3', { method: 'bucket', size: 0.25 }), '"x":0.25')
  t.equal(changed('"text"', { method: 'bucket', size: 10 }), '', 'what cannot be changed so goes')
  t.equal(changed('null', { method: 'hash' }), '"x":null')
  t.equal(changed('"A"', { method: 'hash' }), changed('"\\u0041"', { method: 'hash' }), 'the same value is the same hash')
  t.match(changed('{"deep":["A"],"n":5}', { method: 'hash' }), /^"x":\{"deep":\["hash:[0-9a-f]{32}"\],"n":"hash:[0-9a-f]{32}"\}$/)
  t.not(editJson('{"event":{"x":"A"}}', fieldTree(policy([], { 'event.x': { method: 'hash' } })), createAnonymise())?.text, edited('{"event":{"x":"A"}}', [], { 'event.x': { method: 'hash' } }), 'another salt, another hash')
})

t.test('what is nested deeply is no trouble', async t => {
  const depth = 3000
  const deep = '['.repeat(depth) + ']'.repeat(depth)

  t.equal(edited(`{"event":{"x":${deep},"y":1},"a":${deep}}`, ['event.y']), '{"event":{"y":1}}')
  t.match(edited(`{"event":{"x":${deep}}}`, ['event']), /^\{"event":\{"x":\[{90,100}\]{90,100}\}\}$/, 'nobody looks into the deepest, so it goes')
  t.equal(edited(`{"event":{"x":${'{"x":'.repeat(depth)}1${'}'.repeat(depth)}}}`, [], { 'event.x': { method: 'hash' } }).includes('1'), false)
})

// of any JSON: what a filter of the parsed value says
t.test('it is what taking fields out of the parsed value is, and once is as good as twice', async t => {
  const names = fc.constantFrom('a', 'b', 'ip', 'userAgent', 'event', 'wiki', 'x.y', '"', '\\', 'é', '__proto__')
  const value = fc.letrec(tie => ({
    any: fc.oneof({ maxDepth: 4 }, fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 3 }), tie('object')),
    object: fc.array(fc.tuple(names, tie('any')), { maxLength: 4 }).map(entries => Object.fromEntries(entries))
  })).object
  const paths = fc.array(fc.array(fc.constantFrom('a', 'b', 'ip', 'event', 'wiki'), { minLength: 1, maxLength: 3 }).map(parts => parts.join('.')), { maxLength: 5 })

  fc.assert(fc.property(value, paths, fc.constantFrom(undefined, 1), (object, keep, indent) => {
    const text = JSON.stringify(object, null, indent)
    const result = edited(text, keep)

    t.strictSame(JSON.parse(result), filtered(object, '', keep), text)
    t.equal(edited(result, keep), result)
  }), { numRuns: 500 })
})

/** Slow and plain: what of a value is at or below a path that is kept, and no address. */
function filtered (value: unknown, path: string, keep: readonly string[]): unknown {
  const all = [...keep, 'schema', 'revision', 'uuid', 'timestamp', 'dt', 'samplingRate', 'meta.schema_uri', 'meta.id', 'meta.dt']
  const isKept = all.some(kept => path === kept || path.startsWith(`${kept}.`))
  const isAbove = path === '' || path === 'event' || all.some(kept => kept.startsWith(`${path}.`))
  if (typeof value !== 'object' || value === null) return isKept ? value : undefined
  if (!isKept && !isAbove) return undefined
  if (Array.isArray(value)) return value.map(item => filtered(item, path, keep)).filter(item => item !== undefined)
  const entries = Object.entries(value)
    .filter(([name]) => name !== 'ip' && name !== 'userAgent' && (isKept || !name.includes('.')))
    .map(([name, below]): [string, unknown] => [name, filtered(below, path === '' ? name : `${path}.${name}`, keep)])
  return Object.fromEntries(entries.filter(([, below]) => below !== undefined))
}
