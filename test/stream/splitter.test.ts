import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Splitter, tidyLines } from '../../lib/stream/splitter.js'

interface Split {
  readonly records: string[]
  readonly truncated: number
}

/** The rules, written without regard to speed or memory. */
function expectedOf (text: string, maxLine: number): Split {
  const lines = text.split('\n')
  const ends = lines.length - 1
  const bare = lines.map((line, i) => i < ends && line.endsWith('\r') ? line.slice(0, -1) : line)
  return {
    records: bare.map(line => line.slice(0, maxLine)).filter(line => line !== ''),
    truncated: bare.filter(line => line.length > maxLine).length
  }
}

function split (chunks: readonly string[], maxLine: number): Split {
  let truncated = 0
  const splitter = new Splitter(maxLine, () => { truncated++ })
  const given = [...chunks.map(chunk => splitter.push(Buffer.from(chunk, 'latin1'))), splitter.end()]
  const records = given.flatMap(lines => lines === null ? [] : lines.toString('latin1').replace(/\n$/, '').split('\n'))
  return { records, truncated }
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', '\r', '\n', '\n', '\0', 'é'), maxLength: 200 })

t.test('however a stream is cut into chunks, the records are the same', async () => {
  fc.assert(fc.property(fc.array(text, { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), (chunks, maxLine) => {
    assert.deepEqual(split(chunks, maxLine), expectedOf(chunks.join(''), maxLine))
  }), { numRuns: 3000 })
})

t.test('what is held is exactly the unfinished line, in bytes of the stream', async () => {
  fc.assert(fc.property(fc.array(text, { maxLength: 12 }), fc.integer({ min: 1, max: 40 }), (chunks, maxLine) => {
    const splitter = new Splitter(maxLine, () => {})
    for (const chunk of chunks) splitter.push(Buffer.from(chunk, 'latin1'))
    const all = chunks.join('')
    assert.equal(splitter.held, all.length - (all.lastIndexOf('\n') + 1))
  }))
})

t.test('a splitter that has ended is as new', async t => {
  const splitter = new Splitter(100, () => {})
  splitter.push(Buffer.from('unfinished'))
  t.equal(String(splitter.end()), 'unfinished')

  t.equal(splitter.held, 0)
  t.equal(splitter.end(), null)
  t.equal(String(splitter.push(Buffer.from('next\n'))), 'next\n')
})

t.test('a line without an end takes no more memory than the limit, in one piece or in single bytes', async t => {
  const maxLine = 1 << 20
  for (const [size, pieces] of [[64 << 10, 4096], [1, 3 << 20]] as const) {
    const splitter = new Splitter(maxLine, () => {})
    const piece = Buffer.alloc(size, 'x')
    const before = process.memoryUsage()
    for (let i = 0; i < pieces; i++) splitter.push(piece)

    const after = process.memoryUsage()
    t.equal(splitter.held, size * pieces)
    t.ok(after.external - before.external < 8 * maxLine, `${after.external - before.external} bytes outside the heap`)
    t.ok(after.heapUsed - before.heapUsed < 100 << 20, `${after.heapUsed - before.heapUsed} bytes of heap`)
    t.equal(splitter.push(Buffer.from('\n'))?.length, maxLine + 1)
  }
})

t.test('lines that need nothing are given without a copy', async t => {
  const lines = Buffer.from('one\ntwo\n')

  t.equal(tidyLines(lines), lines)
  t.equal(new Splitter(100, () => {}).push(lines)?.buffer, lines.buffer)
})
