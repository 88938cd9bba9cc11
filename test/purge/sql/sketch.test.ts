import fc from 'fast-check'
import t from 'tap'
import { addTo, mergeInto, parseSketch, percentile, sketchText, type Sketch } from '../../../lib/purge/sql/sketch.js'

function sketchOf (values: readonly number[]): Sketch {
  const sketch: Sketch = new Map()
  for (const value of values) addTo(sketch, value)
  return sketch
}

const values = fc.array(fc.oneof(fc.integer(), fc.double({ min: -1e18, max: 1e18, noNaN: true }).filter(value => value === 0 || Math.abs(value) > 1e-9)), { minLength: 1, maxLength: 300 })

t.test('a percentile is within a hundredth of the value of that rank', t => {
  fc.assert(fc.property(values, fc.constantFrom(0, 5, 25, 50, 75, 95, 99, 100), (values, percent) => {
    const wanted = values.toSorted((one, other) => one - other)[Math.floor(percent / 100 * (values.length - 1))] ?? NaN
    const found = percentile(sketchOf(values), percent) ?? NaN
    return Math.abs(found - wanted) <= 0.0100001 * Math.abs(wanted)
  }))
  t.end()
})

t.test('however values are divided, what was merged is what was counted together, as text too', t => {
  fc.assert(fc.property(values, values, (some, others) => {
    const merged = parseSketch(sketchText(sketchOf(some)))
    mergeInto(merged, sketchOf(others))
    return sketchText(merged) === sketchText(sketchOf([...others, ...some]))
  }))
  t.end()
})

t.test('no value is too large or too small, and none makes a sketch long', t => {
  const all = Array.from({ length: 200_000 }, (_, at) => (at % 2 === 0 ? 1 : -1) * 10 ** (at / 1000 % 600 - 300))
  const text = sketchText(sketchOf(all))

  t.ok(text.length < 100_000, `${text.length} bytes`)
  t.equal(percentile(parseSketch(''), 50), null)
  t.end()
})
