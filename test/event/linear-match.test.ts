import fc from 'fast-check'
import t from 'tap'
import { linearFinder, longestTried } from '../../lib/event/linear-match.js'
import { compileFormat } from '../../lib/event/line-format.js'

t.test('what is found in linear time is what a regular expression finds', t => {
  const piece = fc.constantFrom('([^ \\t]+)', '([^\\t]+)', '(\\d+)', '(\\?[^ \\t]*)', '[ \\t]+', '\\t', 'x', '(a|ab)?', '(?:x|y)*')
  const source = fc.array(piece, { minLength: 1, maxLength: 7 }).map(pieces => pieces.join(''))
  const text = fc.array(fc.constantFrom('a', 'b', 'x', '1', ' ', '  ', '\t', '?', ' \t'), { maxLength: 14 }).map(parts => parts.join(''))

  fc.assert(fc.property(source, fc.array(text, { minLength: 5, maxLength: 5 }), (source, texts) => {
    const find = linearFinder(source)
    return texts.every(text => {
      const [found, expected] = [find?.(text) ?? null, new RegExp(source, 'dy').exec(text)]
      if (found === null || expected === null) return found === null && expected === null
      return expected.every((part, group) => (part ?? '') === text.slice(...found(group)))
    })
  }), { numRuns: 1500 })
  t.end()
})

t.test('what looks around is left to the other engine', t => {
  t.equal(linearFinder('a(?=b)'), null)
  t.equal(linearFinder('(a)\\1'), null)
  t.end()
})

t.test('the more can be chosen, the sooner it is matched carefully', t => {
  const lengths = [1, 2, 3, 6, 20].map(longestTried)

  t.equal(longestTried(0), Infinity)
  t.strictSame(lengths, [...lengths].sort((a, b) => b - a))
  t.equal(longestTried(Infinity), 0)
  t.end()
})

// seen to take minutes without it
t.test('long lines in which a format could end its fields anywhere are matched in bounded time, with the same fields', t => {
  const format = compileFormat('%q %{ip}i %u')
  const userAgent = 'Mozilla/5.0 '.repeat(3000).trim()

  const match = format.match(`?a 203.0.113.9 ${userAgent} end`)

  t.strictSame(match, { capsule: '?a', fields: [`203.0.113.9 ${userAgent}`, 'end'] })
  t.equal(compileFormat('%{a}i %{b}i %{c}i x%q').match(`${' '.repeat(30_000)}${'a b '.repeat(8000)}`), null)
  t.equal(compileFormat('(?:(a+)+)+ %q').match('a'.repeat(60_000)), null)
  t.end()
})
