import { randomBytes } from 'node:crypto'
import { setImmediate as turnOfTheLoop, setTimeout } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { StreamError } from '../../../lib/errors.js'
import { gzipped } from '../../../tools/merge/output.js'

const piece = randomBytes(1 << 20)

t.test('a disk that is full while more is compressed is told to whoever writes', async t => {
  let puts = 0
  const sink = gzipped(async () => {
    puts++
    await turnOfTheLoop()
    if (puts > 20) throw new StreamError('no-space', 'full')
  })

  await t.rejects(async () => { for (;;) await sink.write(piece) }, { code: 'no-space' })
  await t.rejects(sink.write(piece), { code: 'no-space' })
  await sink.discard()
  t.equal(puts, 21)
})

t.test('a write that waits for the disk ends when that fails', async t => {
  let fail = (_cause: unknown): void => {}
  const failing = new Promise<never>((_resolve, reject) => { fail = reject })
  const sink = gzipped(async () => await failing)
  const written = sink.write(piece)
  // until the gzip stream is full, so that it waits too; if that takes longer here, the test is merely easier
  await setTimeout(200)
  fail(new StreamError('no-space', 'full'))

  await t.rejects(written, { code: 'no-space' })
  await sink.discard()
})

t.test('what is given up is written by nobody afterwards', async t => {
  let [begun, ended] = [0, 0]
  const sink = gzipped(async () => {
    begun++
    await turnOfTheLoop()
    ended++
  })
  await sink.write(piece)
  await sink.discard()
  const atDiscard = [begun, ended]
  for (let i = 0; i < 20; i++) await turnOfTheLoop()

  t.ok(begun > 0)
  t.strictSame(atDiscard, [ended, ended])
  t.equal(begun, ended)
})

t.test('at the end everything was compressed', async t => {
  const chunks: Buffer[] = []
  const sink = gzipped(async bytes => { chunks.push(Buffer.from(bytes)) })
  await sink.write(piece)
  await sink.write(piece)
  await sink.end()

  t.ok(gunzipSync(Buffer.concat(chunks)).equals(Buffer.concat([piece, piece])))
})
