import t from 'tap'
import { parseYaml, valueOf } from '../lib/yaml.js'
import { idleTimeOf } from './helpers/speed.js'

t.test('good YAML has its value and no mistake', async t => {
  const yaml = parseYaml('a: &x [1, {b: "2"}]\nc: *x\n"__proto__": 1\n# --------\n')

  t.strictSame(yaml.errors, [])
  t.strictSame(JSON.stringify(valueOf(parseYaml('a: &a [&a 1, *a]'))), '{"a":[1,1]}', 'the last of a name counts')
  t.strictSame(JSON.stringify(valueOf(yaml)), '{"a":[1,{"b":"2"}],"c":[1,{"b":"2"}],"__proto__":1}')
})

t.test('mistakes are told with their place: also keys that stand twice, which nothing else finds here', async t => {
  const cases: Array<[string, string, number, number]> = [
    ['a: 1\nb: 2\na: 3', 'Map keys must be unique', 3, 1],
    ['a: {b: 1, b: 2}', 'Map keys must be unique', 1, 11],
    ['a: [', 'Flow sequence in block collection must be sufficiently indented and end with a ]', 1, 5],
    ['a: 1\n---\nb: 2', 'Source contains multiple documents; please use YAML.parseAllDocuments()', 2, 1],
    [`x: 1\na: ${'['.repeat(400)}`, 'this nests too deep', 2, 304],
    [`a: ${'- '.repeat(300)}`, 'this nests too deep', 1, 2],
    ['a: 1\n? [b]\n: 2', 'a key must be text, and not a list, a map or an alias', 2, 3],
    ['a: &a\n  b: *a', '*a stands for something that it is in', 2, 6],
    [`a: &a 1\nb: [${'*a,'.repeat(501)}]`, 'there are more than 500 aliases', 2, 1505],
    [`a: &a [${'[],'.repeat(999)}]\nb: &b [${'*a,'.repeat(99)}]\nc: [1, *b, *b]`, 'aliases stand for more than 100000 values', 3, 8]
  ]
  for (const [text, message, line, col] of cases) {
    const { errors: [error], lines } = parseYaml(text)
    t.equal(error?.message, message)
    t.strictSame(lines.linePos(error?.offset ?? 0), { line, col }, text.slice(0, 20))
  }
})

t.test('what YAML 1.1 had is not brought back by a directive or a tag', async t => {
  for (const text of ['%YAML 1.1\n---\na: &a {x: 1}\nb: {<<: *a}', 'a: &a {x: 1}\nb: {!!merge <<: *a}']) {
    const yaml = parseYaml(text)

    t.strictSame(yaml.errors, [])
    t.strictSame(valueOf(yaml), { a: { x: 1 }, b: { '<<': { x: 1 } } }, text)
  }
  t.strictSame(valueOf(parseYaml('a: !!omap [b: 1]')), { a: [{ b: 1 }] })
})

// with the library alone each takes a thousand times as long
t.test('a text of 100 KB is read in time that is linear in it', async t => {
  const { stackTraceLimit } = Error
  const texts = [Array.from({ length: 10_000 }, (_, n) => `k${n}: 1`).join('\n'), `[${','.repeat(100_000)}`, `a: ${'!!str '.repeat(15_000)}`, `a: ${'&a '.repeat(30_000)}`, Array.from({ length: 5000 }, (_, n) => `k${n}: &a${n} 1\nl${n}: *a${n}`).join('\n'), `a: &a 1\nb: &b [${'*a,'.repeat(490)}]\nc: [*b, ${'1,'.repeat(50_000)}]`, `a: &a [${'[],'.repeat(33_000)}]\nb: &b [*a, *a]\n`]
  for (const text of texts) {
    const ms = await idleTimeOf(() => {
      const yaml = parseYaml(text)
      if (yaml.errors.length === 0) valueOf(yaml)
    })
    t.ok(ms < 2000, `${ms.toFixed(0)} ms for ${text.slice(0, 20)}`)
  }
  t.equal(Error.stackTraceLimit, stackTraceLimit, 'other errors have their stacks')
})
