import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { createDigest, hasUuid, Identifier, identifyBytes, identifyObject, noTime, type LineKey } from '../../../tools/merge/identity.js'

const newKey = (): LineKey => ({ timeMs: 0, a: 0, b: 0, c: 0, isJson: false })
const identifier = new Identifier()

/** Among other bytes, as in a buffer of lines. */
function keyOf (line: Buffer | string): LineKey {
  const key = newKey()
  const bytes = Buffer.concat([Buffer.from('"x"}\n'), Buffer.from(line), Buffer.from('"}]\n')])
  identifier.identify(bytes, 5, bytes.length - 4, key)
  return key
}

/** By parsing the whole line. */
function expectedOf (line: Buffer): LineKey {
  const key = newKey()
  let object: unknown
  try {
    object = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line))
  } catch { /* no JSON */ }
  if (typeof object === 'object' && object !== null && !Array.isArray(object)) {
    identifyObject(object as Record<string, unknown>, line, key)
    return key
  }
  const digest = createDigest()
  digest.update(line)
  identifyBytes(digest.digest(), key)
  return key
}

const uuid = '0123456789abcdef0123456789abcdef'
const hyphened = '01234567-89ab-cdef-0123-456789abcdef'
const name = fc.constantFrom('uuid', 'timestamp', 'dt', 'time', 'meta', 'id', 'event', 'u', '__proto__', 'm\u00e9ta')
const scalar = fc.constantFrom<unknown>(uuid, hyphened, uuid.toUpperCase(), 'x"\\\n', '\ud800', 'é', '', '2014-05-21T09:30:00.25Z', '2014-05-21T09:30:00+02:00', 'no time',
  0, -1.5e3, 1400664601, 1400664601123, 1400664601.75, 1e300, true, false, null)
const { value } = fc.letrec<{ value: unknown, object: unknown }>(tie => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, scalar, tie('object'), fc.array(tie('value'), { maxLength: 3 })),
  object: fc.dictionary(name, tie('value'), { maxKeys: 6 })
}))
const object = fc.dictionary(name, value, { maxKeys: 7 })

/** JSON as nobody but a test writes it: white space, escapes, names that stand twice. */
const text = fc.tuple(object, object, fc.constantFrom('', ' ', '\t\r'), fc.boolean()).map(([one, two, space, isEscaped]) => {
  const json = [one, two].map(object => JSON.stringify(object, null, space)).join('').replace('}{', ',').replace('{,', '{').replace(',}', '}')
  return (isEscaped ? json.replace(/u(?=uid|")/, '\\u0075').replace('d', '\\u0064') : json).replace(/\n/g, '\r')
})

/** And what is almost JSON. */
const damaged = fc.tuple(text, fc.nat(), fc.nat({ max: 3 }), fc.constantFrom('', '"', '{', '}', ']', ',', ':', '\\', '\\u12', '\0', '0', '-', '.', 'e+', 'true', '\x80', '\xff', ' ', '\ufeff'))
  .map(([text, at, cut, put]) => {
    const bytes = Buffer.from(text)
    const place = at % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, place), Buffer.from(put, put.charCodeAt(0) > 0xff ? 'utf8' : 'latin1'), bytes.subarray(place + cut)])
  })

t.test('a line is recognised as if it were parsed whole', async () => {
  fc.assert(fc.property(fc.oneof(text.map(text => Buffer.from(text)), damaged), line => {
    assert.deepEqual(keyOf(line), expectedOf(line), line.toString())
  }), { numRuns: 20_000 })
})

t.test('what JSON may be, and what it may not', async t => {
  for (const rest of ['', '"a":1', '"a":-0.5e+7,"b":[ ]', '"a":[1,{"b":[[],{}]},"c"]', '"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00eF"', '"":null', '"a":true , "b" : false']) t.match(keyOf(`{${rest}}`), { isJson: true }, rest)
  for (const line of ['', '{', '[1]', '"a"', '{}{}', '{"a":1,}', '{,}', '{"a" 1}', '{a:1}', '{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":+1}', '{"a":1e}', '{"a":--1}', '{"a":tru}', '{"a":[1,]}', '{"a":[}', '{"a":]}',
    '{"a":"\t"}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":"}', '{"a":"\\', '{\'a\':1}', '{"a":1}x', '{"a":nul', '{"a":NaN}', '{"a":{}']) t.match(keyOf(line), { isJson: false, timeMs: noTime }, line)
  t.match(keyOf(`${'{"a":['.repeat(5000)}${']}'.repeat(5000)}`), { isJson: true }, 'as deep as you like')
  t.match(keyOf(`${'{"a":['.repeat(5000)}${']}'.repeat(4999)}`), { isJson: false })
})

t.test('times are in milliseconds, whatever they are written in; the seconds are those of the uuid', async t => {
  for (const [time, timeMs] of [
    ['"timestamp":1400664601', 1_400_664_601_000], ['"timestamp":1400664601123', 1_400_664_601_123], ['"timestamp":1400664601123456', 1_400_664_601_123], ['"timestamp":1400664601.5', 1_400_664_601_500],
    ['"timestamp":14006646015', 1_400_664_601_500], ['"timestamp":0', 0], ['"timestamp":-1', -1000], ['"timestamp":1e999', noTime],
    ['"dt":"2014-05-21T09:30:01Z"', 1_400_664_601_000], ['"dt":"2014-05-21T11:30:01.0625+02:00"', 1_400_664_601_062], ['"meta":{"dt":"2014-05-21T09:30:01.2Z"}', 1_400_664_601_200],
    ['"time":"2014-05-21T09:30:01.200Z"', 1_400_664_601_200], ['"timestamp":"1400664601","dt":"2014-05-21T09:30:01Z"', 1_400_664_601_000], ['"dt":"yesterday"', noTime], ['"event":{"timestamp":1400664601}', noTime]
  ] as const) t.equal(keyOf(`{${time}}`).timeMs, timeMs, time)
})

t.test('an event is known by its uuid, or by the id in meta', async t => {
  const idOf = (json: string): number[] | null => {
    const { a, b, c } = keyOf(json)
    return hasUuid(a) ? [a, b, c] : null
  }
  const same = idOf(`{"uuid":"${uuid}"}`)

  t.strictSame(idOf(`{"event":{"uuid":"x"},"\\u0075uid":"${uuid}","meta":{"id":"y"}}`), same)
  t.strictSame(idOf(`{"meta":{"id":"${uuid}"}}`), same)
  for (const other of [`{"uuid":"${uuid.toUpperCase()}"}`, `{"uuid":"${hyphened}"}`, `{"uuid":"${uuid} "}`, `{"uuid":"${uuid.replace('0', '-')}"}`, `{"uuid":"${hyphened.replace('0', '-')}"}`]) t.notSame(idOf(other), same, other)
  t.notSame(idOf('{"uuid":"\\ud800"}'), idOf('{"uuid":"\\ud801"}'))
  t.strictSame(idOf('{"uuid":"caf\\u00e9"}'), idOf('{"uuid":"café"}'))
  t.strictSame(idOf(`{"\\u0075uid":"${uuid}","a":"${'x'.repeat(1000)}"}`), same)
  t.equal(idOf(`{"\\u0075uid":"${uuid}","a":${'['.repeat(600_000)}${']'.repeat(600_000)}}`), null, 'it is not parsed, which takes much memory')
  t.strictSame(idOf(`{"uuid":"${uuid}","a":${'['.repeat(600_000)}${']'.repeat(600_000)}}`), same)
  for (const none of ['{"uuid":7,"meta":{"id":"x"}}', '{"uuid":""}', '{"uuid":null,"meta":{"id":"x"}}', '{"meta":["id"]}', '{"meta":{"id":"x"},"meta":{}}', '{"a":{"id":"x"}}', '{"meta":{"a":{"id":"x"}}}', `{"uuid":"${uuid}"`]) t.equal(idOf(none), null, none)
})
