import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { batchOfRecords, recordsOf } from '../../lib/stream/batch.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { numbered } from '../../lib/stream/numbered.js'
import { inSteps } from '../../lib/stream/numbering.js'
import { testContext } from '../helpers/context.js'
import { at } from '../helpers/provenance.js'

interface Kept extends Writer { readonly batches: Batch[], readonly calls: string[] }

function keepingWriter (): Kept {
  const batches: Batch[] = []
  const calls: string[] = []
  return {
    batches,
    calls,
    write: async batch => { batches.push(batch) },
    flush: async () => { calls.push('flush') },
    close: async () => { calls.push('close') }
  }
}

/** Records need not be UTF-8, and may be empty. */
const record = fc.uint8Array({ maxLength: 12 }).map(bytes => Buffer.from(bytes.filter(byte => byte !== 0x0a)))
const oneByOne = { increment: 1, offset: 1 }
const batches = fc.array(fc.array(record, { minLength: 1, maxLength: 12 }), { maxLength: 5 })

t.test('each record gets the next number and a space; its bytes, the order and the position stay', async t => {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  let name = 0

  await fc.assert(fc.asyncProperty(batches, fc.constantFrom(0, 7, 98, 999_995), async (batches, from) => {
    const sequence = ctx.state.sequence(`count${name++}`)
    sequence.take(from)
    const kept = keepingWriter()
    const writer = numbered(kept, inSteps(sequence, oneByOne))

    for (const [i, records] of batches.entries()) await writer.write(batchOfRecords(records, at(`position ${i}`)) as Batch)

    const expected = batches.flat().map((record, i) => Buffer.concat([Buffer.from(`${from + i} `), record]))
    assert.deepEqual(kept.batches.flatMap(recordsOf), expected)
    assert.deepEqual(kept.batches.map(({ count, position }) => [count, position]), batches.map((records, i) => [records.length, `position ${i}`]))
  }))
})

t.test('two writers with one sequence share its numbers', async t => {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const [one, two] = [keepingWriter(), keepingWriter()]
  const batch = batchOfRecords([Buffer.from('a'), Buffer.from('b')]) as Batch

  await numbered(one, inSteps(ctx.state.sequence('count'), oneByOne)).write(batch)
  await numbered(two, inSteps(ctx.state.sequence('count'), oneByOne)).write(batch)

  t.strictSame(one.batches[0]?.lines(), ['0 a', '1 b'])
  t.strictSame(two.batches[0]?.lines(), ['2 a', '3 b'])
})

t.test('flush and close are handed on', async t => {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const kept = keepingWriter()
  const writer = numbered(kept, inSteps(ctx.state.sequence('count'), oneByOne))

  await writer.flush()
  await writer.close()

  t.strictSame(kept.calls, ['flush', 'close'])
})
