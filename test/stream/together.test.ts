import fc from 'fast-check'
import t from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Composition } from '../../lib/stream/contracts.js'
import { minuteOf } from '../../lib/stream/ledger.js'
import { together } from '../../lib/stream/together.js'

const minuteMs = 60_000

function batchOf (lines: string[], { timeMs = 0, source = 'a', position = '1', schema = '-', dropped = 0 } = {}): Batch {
  return batchOfLines(lines, {
    stream: 'in',
    source,
    position,
    timeMs,
    taken: new Map([[schema, lines.length + dropped]]),
    schemas: new Map([[schema, lines.length]])
  }) as Batch
}

function sums (batches: readonly Batch[], which: 'taken' | 'schemas'): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const { provenance } of batches) for (const [schema, count] of provenance?.[which] as Composition) sum[schema] = (sum[schema] ?? 0) + count
  return sum
}

// seen to fail with batches of two minutes in one
t.test('whatever the batches are: the same records in the same order, counted as before, in the same minute and from the same input', async t => {
  const some = fc.record({
    lines: fc.array(fc.string({ maxLength: 20 }).map(text => text.replaceAll('\n', ' ')), { minLength: 1, maxLength: 600 }),
    timeMs: fc.integer({ min: 0, max: 3 * minuteMs }),
    source: fc.constantFrom('a', 'a', 'a', 'b'),
    schema: fc.constantFrom('A', 'B'),
    dropped: fc.nat(3)
  })
  fc.assert(fc.property(fc.array(some, { maxLength: 20 }), given => {
    const batches = given.map(({ lines, ...rest }, i) => batchOf(lines, { ...rest, position: String(i) }))

    const joined = together(batches)

    const of = (all: readonly Batch[]): unknown => all.flatMap(batch => batch.lines().map(line => ({ line, minute: minuteOf(batch.provenance?.timeMs ?? -1), source: batch.provenance?.source })))
    t.strictSame(of(joined), of(batches))
    for (const which of ['taken', 'schemas'] as const) t.strictSame(sums(joined, which), sums(batches, which))
    t.ok(joined.every(({ count, payload }) => count <= 1000 && payload.length <= 64 << 10))
    t.ok(joined.every(batch => batch.count === batch.lines().length))
  }))
})

// seen to fail with the position of the first
t.test('small ones become one, with the time of the first and the position of the last', async t => {
  const joined = together([batchOf(['a'], { timeMs: 1 }), batchOf(['b', ''], { timeMs: 2, position: '2' }), batchOf(['c'], { timeMs: 3, position: '3' })])

  t.equal(joined.length, 1)
  t.strictSame(joined[0]?.lines(), ['a', 'b', '', 'c'])
  t.match(joined[0]?.provenance, { timeMs: 1, position: '3', stream: 'in', source: 'a' })
  t.equal(joined[0]?.position, '3')
})

// seen to fail without the bound
t.test('large ones stay as they are, the very same objects', async t => {
  const large = ['a', 'b'].map(letter => batchOf([letter.repeat(60 << 10)]))

  const joined = together(large)

  t.equal(joined.length, 2)
  joined.forEach((batch, i) => { t.equal(batch, large[i]) })
})
