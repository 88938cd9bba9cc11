import t from 'tap'
import fc from 'fast-check'
import { tupleOf } from '../../../lib/sql/mysql/literals.js'
import { piecesOf, rowEncoder, type RowBytes } from '../../../lib/sql/mysql/row-bytes.js'
import type { SqlValue } from '../../../lib/sql/values.js'

const value: fc.Arbitrary<SqlValue> = fc.oneof(fc.constant(null), fc.string({ unit: 'grapheme' }), fc.constantFrom("'", '\\', '\0', '\n', '日'), fc.bigInt(), fc.double({ noNaN: true, noDefaultInfinity: true }))
const rows = fc.array(fc.array(value, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 20 })

function textOf ({ bytes, from, to }: RowBytes): string {
  return bytes.toString('utf8', from, to)
}

t.test('a row as bytes is the tuple that stands behind VALUES', async () => {
  const encode = rowEncoder()

  fc.assert(fc.property(rows, rows => rows.map(row => textOf(encode(row))).join('') === rows.map(row => `${tupleOf(row)},\n`).join('')))
})

t.test('a row is whole wherever the buffer ends, and however long it is', async t => {
  const encode = rowEncoder()
  const texts = [...Array.from({ length: 3000 }, (_, n) => `${n}${'日x'.repeat(n % 500)}`), "'".repeat(1e6), 'after']
  const encoded = texts.map(text => encode([1, text, null]))

  t.ok(encoded.every((row, at) => textOf(row) === `${tupleOf([1, texts[at] ?? '', null])},\n`))
})

t.test('pieces hold all rows in order, whole, up to their size', async () => {
  const encode = rowEncoder()
  const mixed = fc.array(fc.tuple(fc.boolean(), fc.string()), { minLength: 1, maxLength: 50 })

  fc.assert(fc.property(mixed, fc.integer({ min: 1, max: 200 }), (mixed, most) => {
    // rows of another table lie between them
    const rows = mixed.map(([mine, text]) => ({ mine, row: encode([text]) })).filter(({ mine }) => mine).map(({ row }) => row)
    const pieces = [...piecesOf(rows, most)]
    return Buffer.concat(pieces).toString() === rows.map(textOf).join('') &&
      pieces.every(piece => piece.toString().endsWith('),\n') && (piece.length <= most || rows.some(row => row.to - row.from === piece.length)))
  }))
})
