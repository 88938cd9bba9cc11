import t, { type Test } from 'tap'
import { StreamError } from '../../../lib/errors.js'
import { Runs } from '../../../tools/merge/runs.js'
import { shortDirectory } from '../../helpers/streams.js'

/** Each number of 0 to 999 in one of a hundred runs, of which few are merged at once. */
function manyRuns (t: Test): Runs {
  const runs = new Runs(shortDirectory(t), 4)
  t.teardown(() => { runs.close() })
  for (let run = 0; run < 100; run++) {
    const writer = runs.begin()
    for (let n = run; n < 1000; n += 100) writer.add(n, 0, 0, 0, 0, Buffer.from('bytes'), 0, 5)
    writer.end()
  }
  return runs
}

t.test('many runs are merged in steps, of which is told how far they are', async t => {
  const runs = manyRuns(t)
  const total = runs.bytesToRewrite
  let passedBytes = 0
  let pauses = 0
  const merged = await runs.merged({ passed: bytes => { passedBytes += bytes }, pause: () => { pauses++; return null } })
  const numbers: number[] = []
  for (let { head } = merged; head !== null; head = merged.head) {
    numbers.push(head.k0)
    merged.advance()
  }

  t.strictSame(numbers, Array.from({ length: 1000 }, (_, n) => n))
  t.ok(pauses > 1000, 'others may have their turn at each record')
  t.ok(passedBytes > total * 0.9 && passedBytes <= total, `${passedBytes} of ${total}`)
})

t.test('a stop ends it in the middle', async t => {
  const runs = manyRuns(t)
  let pauses = 0

  await t.rejects(runs.merged({ passed: () => {}, pause: () => { if (++pauses === 500) throw new StreamError('stopped', 'stopped'); return null } }), { code: 'stopped' })
  t.equal(pauses, 500)
})

t.test('few runs are not written again', async t => {
  const runs = new Runs(shortDirectory(t), 4)
  t.teardown(() => { runs.close() })
  for (let run = 0; run < 4; run++) {
    const writer = runs.begin()
    writer.add(run, 0, 0, 0, 0)
    writer.end()
  }

  t.equal(runs.bytesToRewrite, 0)
  t.equal((await runs.merged({ passed: () => { t.fail('nothing is written') }, pause: () => null })).head?.k0, 0)
})
