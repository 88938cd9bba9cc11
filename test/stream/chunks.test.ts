import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import t from 'tap'
import { chunksOf } from '../../lib/stream/chunks.js'

const never = new AbortController().signal

t.test('it gives what there is when it is asked: more when it is asked less often', async t => {
  const stream = new PassThrough()
  const chunks = chunksOf(stream, 'the stream', never)
  const first = chunks.next()
  stream.write('a')
  t.equal(String((await first).value), 'a')

  stream.write('b')
  stream.write('c')
  stream.end('d')

  t.equal(String((await chunks.next()).value), 'bcd')
  t.equal((await chunks.next()).done, true)
})

t.test('it reads no more than its stream buffers while nobody asks', async t => {
  let read = 0
  const stream = new Readable({ highWaterMark: 1000, read () { this.push(Buffer.alloc(100)); read += 100 } })
  const chunks = chunksOf(stream, 'the stream', never)

  await chunks.next()
  for (let turn = 0; turn < 100; turn++) await turnOfTheLoop()

  t.ok(read <= 3000, `${read} bytes were read`)
})

t.test('after the stop it gives what the stream had read, destroys it, and ends', async t => {
  const stop = new AbortController()
  const stream = new PassThrough()
  const chunks = chunksOf(stream, 'the stream', stop.signal)
  stream.write('a')
  await chunks.next()
  stream.write('b')
  await turnOfTheLoop()

  stop.abort()

  t.equal(String((await chunks.next()).value), 'b')
  t.ok(stream.destroyed)
  t.equal((await chunks.next()).done, true)
})

t.test('the stop wakes a consumer that waits', async t => {
  const stop = new AbortController()
  const waiting = chunksOf(new PassThrough(), 'the stream', stop.signal).next()
  await turnOfTheLoop()

  stop.abort()

  t.equal((await waiting).done, true)
})

t.test('an error of the stream is a transport error that names it and keeps its cause', async t => {
  const stream = new PassThrough()
  const waiting = chunksOf(stream, 'the stream', never).next()

  stream.destroy(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))

  await t.rejects(waiting, { name: 'StreamError', code: 'cannot-read', message: 'the stream cannot be read: EIO: i/o error', cause: { code: 'EIO' } })
})
