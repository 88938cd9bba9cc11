import fc from 'fast-check'
import t from 'tap'
import { createEffort } from '../../lib/event/effort.js'
import { compilePattern, regExpEngine } from '../../lib/event/regexp.js'

t.test('patterns mean what they mean in ECMAScript', t => {
  const cases: Array<[string, string[], string[]]> = [
    ['^[A-Za-z0-9_./-]{1,63}$', ['a/b.c-d_9'], ['', 'a b', 'x'.repeat(64), 'a\n']],
    ['b', ['abc'], ['ac']],
    ['^$', [''], ['\n']],
    ['^.$', ['é', '😀'], ['', 'ab', '\n']],
    ['\\u00e9\\x41\\u{1F600}', ['éA😀'], ['e']],
    ['^\\ud83d\\ude00$', ['😀'], ['\\ud83d']],
    ['^\\\\ud83d\\\\ude00$', ['\\ud83d\\ude00'], ['😀']],
    ['^[\\w\\-]+\\/$', ['a-b/'], ['a.b/']],
    ['^\\d{3}-\\d{4}$', ['555-1234'], ['٥٥٥-1234']],
    ['^\\p{Lu}\\p{L}*$', ['Ünal'], ['ünal']],
    ['^\\p{Script=Greek}\\P{sc=Greek}$', ['αa'], ['aα']],
    ['(?<year>\\d+)', ['in 2014'], ['never']],
    ['^(?:a|b)?$', ['a', ''], ['c']],
    ['\\bfoo\\b', ['a foo b'], ['afoob']],
    ['^\\cJ$', ['\n'], ['J']],
    ['^[^]$', ['\n'], ['']]
  ]
  for (const [source, good, bad] of cases) {
    const pattern = compilePattern(source)
    for (const text of good) t.ok(pattern.test(text), `${source} matches ${JSON.stringify(text)}`)
    for (const text of bad) t.notOk(pattern.test(text), `${source} does not match ${JSON.stringify(text)}`)
  }
  t.not(String(compilePattern('a')), String(compilePattern('b')), 'two patterns can be told apart')
  t.end()
})

t.test('what cannot run in linear time, or costs too much, is refused with what to write instead', t => {
  const cases: Array<[string, RegExp]> = [
    ['(?=a)b', /^the pattern "\(\?=a\)b" cannot be matched in linear time \(.*`\(\?=`\); write it in RE2's syntax: no look-around, no back-references, repeat counts up to 1000$/],
    ['(?!a)b', /look-around/],
    ['(?<=a)b', /look-around/],
    ['(?<!a)b', /look-around/],
    ['(a)\\1', /invalid escape sequence: `\\1`/],
    ['(?<n>a)\\k<n>', /\\k is a back-reference/],
    ['(', /missing/],
    ['a{1,2000}', /invalid repeat count/],
    ['((a{50}){50})', /invalid repeat count/],
    ['(?:[a-z]{1,900}-?){0,1}x{900}y{900}', /is too costly \(\d+ steps a character, at most 2000\); use smaller repeat counts/],
    ['x{1000}'.repeat(1300), /is too costly \(1300000 steps/],
    // groups without anything in them: 15 of these cost a third of a second
    ['(?:^(){1000})*(a|ab)*?'.repeat(15), /is too costly \(30\d{3} steps/],
    ['(?:(?:ab{2,5}){100}[a-z(]{9}|\\(){40}', /is too costly \(\d{5} steps/],
    ['\\pL'.repeat(4000), /has 12000 characters, at most 10000 are taken; use enum/],
    [`(${'x'.repeat(200)}`, /^the pattern "\(x{79}…" cannot/]
  ]
  for (const [source, message] of cases) t.throws(() => compilePattern(source), { name: 'ConfigError', code: 'bad-schema', message }, source)
  t.end()
})

t.test('many alternatives with the same beginning, and what is repeated only a few times, are taken', t => {
  for (const source of [Array.from({ length: 900 }, (_, n) => `wiki${n}`).join('|'), '^(?:[a-z]{1,30}-){0,30}$', '(?:(?:a{0,30}b){30})', '[{1000}]{2}\\{1000}']) t.ok(compilePattern(source).size <= 2000, source.slice(0, 40))
  t.end()
})

t.test('a validator compiles a pattern once, wherever it stands', t => {
  const engine = regExpEngine(createEffort())

  t.equal(engine('x{900}'), engine('x{900}'))
  t.end()
})

t.test('on patterns that both engines know, both agree', t => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '\\w', '(?:ab|b)', '(a)', '\\b', '😀')
  const piece = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{1,2}', '*?')).map(([atom, times]) => atom === '\\b' ? atom : atom + times)
  const source = fc.tuple(fc.constantFrom('', '^'), fc.array(piece, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '$')).map(([start, pieces, end]) => start + pieces.join('') + end)
  const text = fc.array(fc.constantFrom('a', 'b', '1', ' ', '😀', '\n'), { maxLength: 6 }).map(parts => parts.join(''))

  fc.assert(fc.property(source, fc.array(text, { minLength: 5, maxLength: 5 }), (source, texts) => {
    const pattern = compilePattern(source)
    const native = new RegExp(source, 'u')
    return texts.every(text => pattern.test(text) === native.test(text))
  }), { numRuns: 2000 })
  t.end()
})
