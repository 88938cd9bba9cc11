import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { batchLimits, recordsOf } from '../../lib/stream/batch.js'
import { PullQueue } from '../../lib/stream/pull-queue.js'

const unbounded = { records: Infinity, bytes: Infinity }

async function takeAll (queue: PullQueue): Promise<string[]> {
  const records: string[] = []
  queue.end()
  for (let batch = await queue.take(); batch !== null; batch = await queue.take()) {
    assert.equal(recordsOf(batch).length, batch.count)
    assert.ok(batch.count <= batchLimits.records)
    records.push(...batch.lines())
  }
  return records
}

t.test('records come out as they went in, whatever their sizes and however pushes and takes mix', async () => {
  const record = fc.tuple(fc.constantFrom(1, 10, 1000, 100_000, 300_000), fc.constantFrom('a', 'b', 'c')).map(([size, letter]) => letter.repeat(size))
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof(fc.constant(null), record), { maxLength: 60 }), async steps => {
    const queue = new PullQueue(unbounded)
    const out: string[] = []
    let waiting = 0
    for (const step of steps) {
      if (step !== null) {
        queue.push(Buffer.from(step))
        waiting++
      } else if (waiting > 0) {
        const batch = await queue.take()
        waiting -= batch?.count ?? 0
        out.push(...batch?.lines() ?? [])
      }
    }
    out.push(...await takeAll(queue))

    assert.deepEqual(out, steps.filter(step => step !== null))
  }), { numRuns: 200 })
})

t.test('batches keep to their limits', async t => {
  const queue = new PullQueue(unbounded)
  for (let i = 0; i < 2500; i++) queue.push(Buffer.from('x'))
  for (let i = 0; i < 20; i++) queue.push(Buffer.alloc(100_000, 'x'))
  queue.end()

  const counts: number[] = []
  for (let batch = await queue.take(); batch !== null; batch = await queue.take()) {
    counts.push(batch.count)
    t.ok(batch.payload.length <= batchLimits.bytes)
  }
  t.strictSame(counts.slice(0, 2), [batchLimits.records, batchLimits.records])
  t.equal(counts.reduce((sum, count) => sum + count), 2520)
})

t.test('a batch that was handed over does not change when more is pushed', async t => {
  const queue = new PullQueue(unbounded)
  queue.push(Buffer.from('first'))
  const batch = await queue.take()

  queue.push(Buffer.from('second'))

  t.equal(String(batch?.payload), 'first')
  t.strictSame((await queue.take())?.lines(), ['second'])
})

t.test('it is full at its limit of records, and no longer when some were taken', async t => {
  const queue = new PullQueue({ records: 3, bytes: Infinity })
  queue.push(Buffer.from('1'))
  queue.push(Buffer.from('2'))
  t.notOk(queue.full)
  queue.push(Buffer.from('3'))
  t.ok(queue.full)

  t.equal((await queue.take())?.count, 3)

  t.notOk(queue.full)
})

t.test('it is full at its limit of bytes, also with records of several lines, and no longer when all were taken', async t => {
  const queue = new PullQueue({ records: Infinity, bytes: 9950 })
  for (let round = 0; round < 50; round++) {
    let pushed = 0
    for (; !queue.full; pushed++) queue.push(Buffer.from(`${'x'.repeat(48)}\n${'y'.repeat(50)}`), 2)
    t.equal(pushed, 100, 'each takes 99 bytes and a separator')
    for (let left = pushed * 2; left > 0;) left -= (await queue.take())?.count ?? 0
  }
})

t.test('a consumer that waits gets in one batch what one turn of the event loop brings', async t => {
  const queue = new PullQueue(unbounded)
  const taken = queue.take()

  queue.push(Buffer.from('1'))
  await Promise.resolve()
  queue.push(Buffer.from('2'))

  t.strictSame((await taken)?.lines(), ['1', '2'])
})

t.test('after its end it gives what it holds, then its error or null, also to a consumer that waits', async t => {
  const failing = new PullQueue(unbounded)
  failing.push(Buffer.from('1'))
  failing.end(new Error('gone'))
  t.ok(failing.full)
  t.equal((await failing.take())?.count, 1)
  await t.rejects(failing.take(), { message: 'gone' })

  const ending = new PullQueue(unbounded)
  const taken = ending.take()
  ending.end()
  ending.end(new Error('too late'))
  t.equal(await taken, null)
  t.equal(await ending.take(), null)
})
