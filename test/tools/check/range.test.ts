import fc from 'fast-check'
import t from 'tap'
import { above, below, parseRange } from '../../../tools/check/range.js'

/** Range, values that alert, values that do not, and how it is said. */
const ranges: ReadonlyArray<readonly [string, number[], number[], string]> = [
  ['10', [-0.1, 10.1, Infinity, -Infinity], [0, 5, 10], 'outside 0:10'],
  ['0', [-1, 1], [0], 'outside 0:0'],
  ['10:', [9.9, 0, -5], [10, 11, Infinity], 'below 10'],
  [':10', [-1, 11], [0, 10], 'outside 0:10'],
  ['~:10', [10.1, Infinity], [-1000, 10], 'above 10'],
  ['10:20', [9, 21], [10, 15, 20], 'outside 10:20'],
  ['-20:-10', [-21, -9, 0], [-20, -10], 'outside -20:-10'],
  ['@10:20', [10, 15, 20], [9, 21], 'inside 10:20'],
  ['@10', [0, 10], [-1, 11], 'inside 0:10'],
  ['@~:0', [0, -5], [0.1], '0 or below'],
  ['@5:', [5, 6], [4], '5 or above'],
  ['~:', [], [0, -1e9, 1e9], 'nothing'],
  ['@~:', [0, -1e9, 1e9], [], 'anything'],
  ['0.5:1.25', [0.49, 1.26], [0.5, 1.25], 'outside 0.5:1.25']
]

for (const [text, alerts, fine, words] of ranges) {
  t.test(`range ${text} alerts ${words}`, async t => {
    const range = parseRange('--warning', text)

    t.equal(range.text, text)
    t.equal(range.words, words)
    t.strictSame(alerts.filter(value => !range.isAlert(value)), [])
    t.strictSame(fine.filter(value => range.isAlert(value)), [])
  })
}

for (const text of ['', '@', ':', '~', '@~', '20:10', '~10', '10:~', 'ten', '1e3', '0x10', '1,5', '10:20:30', ' 10', '10 ', '@@1', '--1', '1.', '10\n', 'NaN', 'Infinity']) {
  t.test(`${JSON.stringify(text)} is no range, which is said with the option and what ranges there are`, async t => {
    t.throws(() => parseRange('--critical', text), { name: 'ConfigError', code: 'bad-option', message: /^--critical ".*": give a range: 10 \(alert outside 0 to 10\), .*@10:20 \(inside\)$/s })
  })
}

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map(value => Number(value.toFixed(3)))

t.test('a range and the same with @ never agree; the ends do not alert', async t => {
  fc.assert(fc.property(number, number, number, (a, b, value) => {
    const [start, end] = [Math.min(a, b), Math.max(a, b)]
    const outside = parseRange('-w', `${start}:${end}`)
    const inside = parseRange('-w', `@${start}:${end}`)
    return outside.isAlert(value) !== inside.isAlert(value) && !outside.isAlert(start) && !outside.isAlert(end)
  }))
  t.pass()
})

t.test('whatever the text, there is a range or a ConfigError', async t => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^@?[~\d.:-]{0,8}$/)), text => {
    try {
      return parseRange('-w', text).text === text
    } catch (error) {
      return error instanceof Error && error.name === 'ConfigError'
    }
  }), { numRuns: 2000 })
  t.pass()
})

t.test('limits in numbers, whatever their size, are ranges', async t => {
  for (const limit of [0, 2, 0.05, 1e-9, 123456789, 1e25, -3]) {
    t.notOk(above(limit).isAlert(limit))
    t.ok(above(limit).isAlert(limit + Math.max(1, Math.abs(limit))))
    t.notOk(below(limit).isAlert(limit))
    t.ok(below(limit).isAlert(limit - Math.max(1, Math.abs(limit))))
    t.notMatch(above(limit).text, 'e')
  }
})
