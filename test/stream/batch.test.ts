import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { BatchBuilder, batchOfBytes, batchOfLines, batchOfRecords, recordsOf } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { at } from '../helpers/provenance.js'

/** Text of any script, empty too, without newline. */
const record = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 40 }),
  // three bytes a character: more than a builder expects
  fc.constant('語'.repeat(400)),
  fc.constantFrom('', ' ', '\r', '\0', '\u2028', 'é', '💣', '{"a":1}')
).map(text => text.replaceAll('\n', ''))

const records = fc.array(record, { minLength: 1, maxLength: 30 })

/** Bytes that need not be UTF-8, without newline. */
const rawRecords = fc.array(fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes.filter(byte => byte !== 0x0a))), { minLength: 1, maxLength: 30 })

const here = at('here')
const encode = (lines: readonly string[]): Buffer => Buffer.from(lines.join('\n'))

function built (lines: readonly string[], expectedBytes: number): Batch | null {
  const builder = new BatchBuilder(expectedBytes)
  for (const line of lines) builder.add(line, 'Test')
  return builder.build(here)
}

const makers: Record<string, (lines: string[]) => Batch | null> = {
  batchOfLines: lines => batchOfLines(lines, here),
  batchOfRecords: lines => batchOfRecords(lines.map(line => Buffer.from(line)), here),
  'batchOfBytes, a newline at the end': lines => batchOfBytes(Buffer.from(`${lines.join('\n')}\n`), here),
  'BatchBuilder that has to grow': lines => built(lines, 0),
  'BatchBuilder that has room': lines => built(lines, 1 << 16)
}

for (const [name, make] of Object.entries(makers)) {
  t.test(`${name}: the records that go in come out, as text and as bytes, whatever is asked first`, async () => {
    fc.assert(fc.property(records, fc.shuffledSubarray(['count', 'lines', 'payload', 'recordsOf'] as const), (lines, order) => {
      const batch = make(lines)
      if (batch === null) throw new Error('no batch')

      for (const what of [...order, 'count', 'lines', 'payload', 'recordsOf'] as const) {
        if (what === 'count') assert.equal(batch.count, lines.length)
        if (what === 'lines') assert.deepEqual(batch.lines(), lines)
        if (what === 'payload') assert(batch.payload.equals(encode(lines)))
        if (what === 'recordsOf') assert.deepEqual(recordsOf(batch).map(String), lines)
      }
      assert.equal(batch.position, 'here')
    }))
  })
}

t.test('batchOfBytes: without a newline at the end the records are the same, unless there is no byte at all', async t => {
  fc.assert(fc.property(records, lines => {
    // the newline that ends the last record may be missing, but an empty last record needs it
    if (lines.at(-1) === '') return
    assert.deepEqual(batchOfBytes(encode(lines))?.lines(), lines)
  }))
  t.equal(batchOfBytes(Buffer.alloc(0)), null)
})

t.test('bytes that are not UTF-8 stay as they are, and do not change how many records there are', async () => {
  fc.assert(fc.property(rawRecords, records => {
    const batch = batchOfRecords(records)

    assert(batch !== null)
    assert.equal(batch.count, records.length)
    assert.deepEqual(recordsOf(batch), records)
    assert.deepEqual(batch.lines(), records.map(record => record.toString()))
  }))
})

t.test('nothing is no batch', async t => {
  t.equal(batchOfLines([]), null)
  t.equal(batchOfRecords([]), null)
  t.equal(new BatchBuilder(100).build(null), null)
})

t.test('recordsOf copies nothing', async t => {
  const batch = batchOfBytes(Buffer.from('one\ntwo'))
  if (batch === null) throw new Error('no batch')

  const places = recordsOf(batch).map(({ buffer, byteOffset }) => buffer === batch.payload.buffer && byteOffset - batch.payload.byteOffset)

  t.strictSame(places, [0, 4])
})

t.test('a position is null unless one is given', async t => {
  t.equal(batchOfLines(['a'])?.position, null)
  t.equal(batchOfBytes(Buffer.from('a'))?.position, null)
  t.equal(batchOfRecords([Buffer.from('a')])?.position, null)
})
