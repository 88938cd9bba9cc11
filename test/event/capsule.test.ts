import fc from 'fast-check'
import t from 'tap'
import { RecordError } from '../../lib/errors.js'
import { countKeys, decodeQuery, splice } from '../../lib/event/capsule.js'

t.test('spliced JSON is the object with the fields added, or is left to others', async t => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), object => {
    const json = JSON.stringify(object)

    const spliced = splice(json, countKeys(JSON.parse(json)), ',"added":1}'.slice(0, -1))

    if (spliced !== null) t.strictSame(JSON.parse(spliced), { ...(JSON.parse(json) as object), added: 1 })
  }))
  t.equal(splice('{"a":{"b":[{"c":20210223205005001}]}}', 3, ',"d":1'), '{"a":{"b":[{"c":20210223205005001}]},"d":1}')
})

t.test('text that another parser could read differently is not spliced', async t => {
  const texts = ['{"a":1,"a":2}', '{"a":{"b":1,"b":2}}', '{"a" :1,"a":2}', '{"a":1,"b" :1,"a":":"}', '{"a":\n1}', '{"a":1} ', '{}', '{"a":1,"\\u0061":2}', '{"__proto__":1,"__proto__":2}']
  for (const text of texts) {
    t.equal(splice(text, countKeys(JSON.parse(text)), ',"added":1'), null, text)
  }
})

t.test('keys are counted at every depth, and infinite numbers refused', async t => {
  t.equal(countKeys({ a: 1, b: { c: [1, { d: 2 }, [{ e: 3 }]] } }), 5)
  t.equal(countKeys(JSON.parse('{"__proto__":{"a":1}}')), 2)
  for (const text of ['{"a":1e400}', '{"a":[[-1e400]]}', '{"a":{"b":[{"c":1e999}]}}']) {
    t.throws(() => countKeys(JSON.parse(text)), RecordError, text)
  }
})

t.test('a query is stripped of its delimiters and decoded', async t => {
  t.equal(decodeQuery('??;{%22a%22:%20+%2B};;?'), '{"a":  +}')
  t.equal(decodeQuery('?'), '')
  t.throws(() => decodeQuery('?%41%zz'), { message: /at "%zz"/ })
})
