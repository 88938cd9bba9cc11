import t from 'tap'
import fc from 'fast-check'
import { parseJson, stringifyJson } from '../../lib/event/json.js'
import { RecordError } from '../../lib/errors.js'

t.test('any JSON text without large integers parses as JSON.parse does', async t => {
  fc.assert(fc.property(fc.json({ maxDepth: 5 }), text => {
    fc.pre(!/\d{16}/.test(text))
    t.strictSame(parseJson(text), JSON.parse(text))
  }))
})

t.test('integers of any size keep their digits, wherever they stand', async t => {
  const value = fc.letrec<{ any: unknown }>(tie => ({
    any: fc.oneof({ depthSize: 'small' },
      fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string({ unit: 'binary' }), fc.constantFrom('12345678901234567890', '"', '\\', null, true),
      fc.array(tie('any')), fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), tie('any')))
  })).any

  fc.assert(fc.property(value, value => {
    const text = stringifyJson(value)
    t.equal(stringifyJson(parseJson(text)), text)
  }), { numRuns: 1000 })
})

t.test('an integer is a bigint only when a double cannot hold it', async t => {
  t.strictSame(parseJson('[9007199254740991, 9007199254740992, -9007199254740991, -9007199254740993]'),
    [9007199254740991, 9007199254740992n, -9007199254740991, -9007199254740993n])
  t.strictSame(parseJson(' {"a" : 12345678901234567890 , "b":"12345678901234567890"}'), { a: 12345678901234567890n, b: '12345678901234567890' })
  t.strictSame(parseJson('[12345678901234567890.5, 12345678901234567890e3, 0.12345678901234567890]'),
    [12345678901234567890.5, 12345678901234567890e3, 0.12345678901234567890])
})

t.test('numbers beyond a double are infinite, as for JSON.parse', async t => {
  t.strictSame(parseJson('[1e400, -1e400]'), [Infinity, -Infinity])
  t.strictSame(parseJson('9'.repeat(2000)), Infinity)
})

t.test('of duplicate keys the last one counts, whatever the others were', async t => {
  t.strictSame(parseJson('{"a":12345678901234567890,"a":1}'), { a: 1 })
  t.strictSame(parseJson('{"a":1,"a":12345678901234567890}'), { a: 12345678901234567890n })
})

t.test('__proto__ is a key like others', async t => {
  const value = parseJson('{"__proto__":{"n":12345678901234567890},"x":{"__proto__":12345678901234567890}}') as object

  t.equal(Object.getPrototypeOf(value), Object.prototype)
  t.equal(stringifyJson(value), '{"__proto__":{"n":12345678901234567890},"x":{"__proto__":12345678901234567890}}')
})

t.test('values nested ten thousand deep are parsed, large integers among them', async t => {
  const depth = 10_000
  let inner = parseJson('['.repeat(depth) + '12345678901234567890' + ']'.repeat(depth))
  while (Array.isArray(inner)) inner = inner[0]

  t.equal(inner, 12345678901234567890n)
})

t.test('NUL and halves of surrogate pairs survive', async t => {
  const text = '{"a":"\\u0000\\ud800","n":12345678901234567890}'

  t.equal(stringifyJson(parseJson(text)), text)
})

t.test('a long string full of escapes beside a large integer is parsed', async t => {
  const text = `{"s":"${'\\n'.repeat(1_000_000)}","n":12345678901234567890}`

  t.equal(stringifyJson(parseJson(text)), text)
})

t.test('what is no JSON is refused with what is wrong and where', async t => {
  for (const [text, where] of [['', /end/], ['{"a":1,}', /position 7/], ['{"a":01}', /position 6/], ['{"a":"b', /position 7/], ['<html>', /'<'/]] as const) {
    const error = t.throws(() => parseJson(text)) as RecordError
    t.type(error, RecordError)
    t.equal(error.code, 'bad-json')
    t.match(error.message, where)
  }
})

t.test('a cycle cannot be written', async t => {
  const value: Record<string, unknown> = { n: 1n }
  value['self'] = value

  t.throws(() => stringifyJson(value), TypeError)
})
