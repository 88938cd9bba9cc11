import t from 'tap'
import { Differences } from '../../../tools/merge/differences.js'

const note = (...pairs: ReadonlyArray<readonly [string, string]>): object => {
  const differences = new Differences()
  for (const [a, b] of pairs) differences.note(Buffer.from(a), Buffer.from(b))
  return { lines: differences.lines, fields: Object.fromEntries(differences.fields) }
}

t.test('what differs is counted by field', async t => {
  t.strictSame(note(['{"clientIp":"aa","u":1}', '{"clientIp":"bb","u":1}'], ['{"clientIp":"aa"}', '{"clientIp":"cc"}']), { lines: 2, fields: { clientIp: 2 } })
  t.strictSame(note(['{"clientIp":"aa","u":1}', '{"clientIp":"bb","u":2}']), { lines: 1, fields: { clientIp: 1, u: 1 } })
  t.strictSame(note(['{"clientIp":"aa","u":1}', '{"clientIp":"bbb","u":1}']), { lines: 1, fields: { clientIp: 1 } })
  t.strictSame(note(['{"e":{"x":"\\"clientIp\\":\\"aa"}}', '{"e":{"x":"\\"clientIp\\":\\"ab"}}']), { lines: 1, fields: { e: 1 } })
  t.strictSame(note(['{"e":{"clientIp":"aa"},"clientIp":"h"}', '{"e":{"clientIp":"ab"},"clientIp":"h"}']), { lines: 1, fields: { e: 1 } })
  t.strictSame(note(['{"a":1}', '{"b":1}'], ['{"a":null}', '{}']), { lines: 2, fields: { a: 2, b: 1 } })
})

t.test('lines that say the same in another way differ too', async t => {
  t.strictSame(note(['{"a":1,"b":2}', '{"b":2,"a":1}'], ['{"a":1.0}', '{"a":1}']), { lines: 2, fields: { '(order or spelling)': 2 } })
})

t.test('what takes long to look into, or cannot be, is counted as such', async t => {
  const nested = (depth: number): readonly [string, string] => [`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`, `{"a":${'['.repeat(depth)}1${']'.repeat(depth)}}`]

  t.strictSame(note(nested(200_000)), { lines: 1, fields: { '(long)': 1 } })
  t.strictSame(note([`{"a":"${'x'.repeat(1 << 20)}"}`, '{"a":1}'], [`{"clientIp":"a","b":"${'x'.repeat(1 << 20)}"}`, `{"clientIp":"b","b":"${'x'.repeat(1 << 20)}"}`]), { lines: 2, fields: { '(long)': 1, clientIp: 1 } })
})

t.test('names that strangers make up have a bound', async t => {
  const many = note(...Array.from({ length: 200 }, (_, i) => [`{"${'x'.repeat(200)}${i}":1,"f${i}":1}`, '{}'] as const)) as { fields: Record<string, number> }

  t.equal(Object.keys(many.fields).length, 51)
  t.equal(many.fields['(others)'], 151)
  t.equal(Math.max(...Object.keys(many.fields).map(field => field.length)), 100)
})
