import fc from 'fast-check'
import t from 'tap'
import { parseRange } from '../../../tools/check/range.js'
import { byGravity, cut, cutInside, resultText, short, stateOf, states, worst, type Figure, type State } from '../../../tools/check/result.js'

function performanceOf (...figures: Figure[]): string {
  return resultText({ state: 'ok', summary: 'fine', figures }).trimEnd().split(' | ')[1] ?? ''
}

t.test('a result is a line, performance data, then details', async t => {
  const range = parseRange('-w', '10:20')

  t.equal(resultText({ state: 'warning', summary: 'it is late', details: ['one', 'two'], figures: [{ label: 'lag', value: 12.5, unit: 's', warning: range, min: 0 }, { label: 'records', value: 7 }] }),
    'WARNING: it is late | lag=12.5s;10:20;;0 records=7\none\ntwo\n')
  t.equal(resultText({ state: 'ok', summary: 'fine' }), 'OK: fine\n')
})

t.test('a line that is too long is cut, and stands whole below', async t => {
  const [first = '', second] = resultText({ state: 'critical', summary: `it is ${'very '.repeat(40)}late` }).split('\n')

  t.equal(first.length, 79)
  t.match(first, /^CRITICAL: it is (very )+v?e?r?y?…$/)
  t.equal(second, `CRITICAL: it is ${'very '.repeat(40)}late`)
})

t.test('nothing in a text begins performance data, ends a line or turns the direction of writing', async t => {
  const bad = 'a|b\nc\rd\u2028e\u0000f\u202Eg\u001B[31m\uD800h'
  const text = resultText({ state: 'ok', summary: bad, details: [bad], figures: [{ label: bad, value: 1 }] })

  t.equal(text, "OK: a¦b c d e f g [31m h | 'a¦b c d e f g [31m h'=1\na¦b c d e f g [31m h\n")
})

/** Label as it stands, by what it was. */
const labels: ReadonlyArray<readonly [string, string]> = [
  ['eventlogging.overall.raw.rate', 'eventlogging.overall.raw.rate'],
  ['with space', "'with space'"],
  ["it's=1", "'it_s_1'"],
  ['a\\', "'a_'"],
  ['movingAverage(a.b,"10min")', "'movingAverage(a.b,\"10min\")'"],
  ['50%', "'50%'"],
  ['a;b', "'a;b'"]
]

for (const [label, expected] of labels) {
  t.test(`the label ${label} can be read back`, async t => {
    t.equal(performanceOf({ label, value: 1 }), `${expected}=1`)
  })
}

/** Number as it stands, by what it was. */
const numbers: ReadonlyArray<readonly [number, string]> = [
  [0, '0'], [-0, '0'], [1, '1'], [0.1 + 0.2, '0.3'], [1e-9, '0'], [-1e-9, '0'], [0.000001, '0.000001'], [1234.5678901, '1234.56789'],
  [1e21, '1000000000000000000000'], [-1e22, '-10000000000000000000000'], [1.5e300, BigInt(1.5e300).toString()], [100, '100'], [NaN, 'U'], [Infinity, 'U'], [-Infinity, 'U']
]

for (const [value, expected] of numbers) {
  t.test(`${value} stands as ${expected.slice(0, 30)}`, async t => {
    t.equal(performanceOf({ label: 'x', value, unit: '%' }), `x=${expected}${expected === 'U' ? '' : '%'}`)
  })
}

t.test('whatever is said, the line is under 80 characters, has one bar and ends once', async t => {
  fc.assert(fc.property(fc.constantFrom<State>('ok', 'warning', 'critical', 'unknown'), fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 60 }), fc.double(), (state, summary, label, value) => {
    const text = resultText({ state, summary, figures: [{ label, value }] })
    const [first = ''] = text.split('\n')
    const [line = '', performance = '', ...more] = first.split(' | ')
    return [...line].length < 80 && more.length === 0 && text.endsWith('\n') && !text.endsWith('\n\n') && /^('[^'=|]*'|[\w./-]+)=(U|-?\d+(\.\d+)?)$/u.test(performance)
  }), { numRuns: 2000 })
  t.pass()
})

t.test('an alarm is worse than what is unknown, that worse than a warning', async t => {
  t.equal(worst([]), 'ok')
  t.equal(worst(['ok', 'warning', 'unknown']), 'unknown')
  t.equal(worst(['unknown', 'critical', 'warning']), 'critical')
  t.strictSame((Object.keys(states) as State[]).sort(byGravity), ['critical', 'unknown', 'warning', 'ok'])
})

t.test('the state of a figure follows from its ranges, the critical one first', async t => {
  const [warning, critical] = [parseRange('-w', '10'), parseRange('-c', '20')]

  t.strictSame([5, 15, 25].map(value => stateOf(value, warning, critical)), ['ok', 'warning', 'critical'])
  t.equal(stateOf(25, undefined, undefined), 'ok')
  t.equal(stateOf(25, warning, undefined), 'warning')
})

t.test('texts are cut between characters, at their end or inside', async t => {
  t.equal(cut('abc', 3), 'abc')
  t.equal(cut('😀😀😀😀', 3), '😀😀…')
  t.equal(cutInside('abcdefghij', 10), 'abcdefghij')
  t.equal(cutInside('abcdefghij', 7), 'abc…hij')
  t.equal(cutInside('abcdefghij', 6), 'ab…hij')
})

t.test('figures for people have three digits that say something', async t => {
  t.strictSame([412.4, 1234567, 0.4567, 12.345, 0, -3.14159, Infinity, 0.00001234].map(short), ['412', '1234567', '0.457', '12.3', '0', '-3.14', 'infinite', '0.000012'])
})
