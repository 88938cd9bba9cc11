import t from 'tap'
import { GrowingBuffer } from '../../lib/stream/growing-buffer.js'

t.test('pieces are kept in one piece, up to the limit', async t => {
  const buffer = new GrowingBuffer(5000)
  let all = ''
  for (let i = 0; all.length < 8000; i++) {
    const piece = String(i).repeat(i % 50)
    all += piece
    buffer.append(Buffer.from(piece))
    t.equal(String(buffer.bytes), all.slice(0, 5000))
  }
  t.equal(buffer.length, 5000)
})

t.test('a piece that is larger than the limit is cut', async t => {
  const buffer = new GrowingBuffer(10)

  buffer.append(Buffer.alloc(2000, 'x'))

  t.equal(String(buffer.bytes), 'x'.repeat(10))
})

t.test('it can be filled again after it was cleared', async t => {
  const buffer = new GrowingBuffer(10)
  buffer.append(Buffer.from('before'))

  buffer.clear()

  t.equal(buffer.length, 0)
  buffer.append(Buffer.from('after'))
  t.equal(String(buffer.bytes), 'after')
})
