import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { IndexSort } from '../../../tools/merge/sort.js'

t.test('numbers are in the order of the first column that tells them apart, and else in their own', async () => {
  const sort = new IndexSort(300)
  const row = fc.tuple(fc.constantFrom(-1, 0, 0.5, Infinity), fc.nat({ max: 2 }), fc.nat({ max: 3 }))
  const nearlySorted = fc.array(row, { maxLength: 300, size: 'max' }).map(rows => rows.map(([, b, c], i): [number, number, number] => [i - i % 5, b, c]))

  fc.assert(fc.property(fc.oneof(fc.array(row, { maxLength: 300, size: 'max' }), nearlySorted), rows => {
    const columns = [0, 1, 2].map(column => Float64Array.from({ length: 300 }, (_, i) => rows[i]?.[column] ?? NaN))
    const expected = rows.map((_, i) => i).sort((i, j) => {
      const [a, b] = [rows[i] as readonly number[], rows[j] as readonly number[]]
      const column = a.findIndex((value, k) => value !== b[k])
      return column === -1 ? i - j : (a[column] as number) < (b[column] as number) ? -1 : 1
    })
    assert.deepEqual([...sort.sorted(columns, rows.length)], expected)
  }), { numRuns: 500 })
})
