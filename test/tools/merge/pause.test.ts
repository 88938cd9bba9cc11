import t, { type Test } from 'tap'
import { compare } from '../../../tools/merge/compare.js'
import { Differences } from '../../../tools/merge/differences.js'
import { KeySorter } from '../../../tools/merge/key-sorter.js'
import type { MergedRuns } from '../../../tools/merge/merged-runs.js'
import { openNowhere } from '../../../tools/merge/output.js'
import { Runs } from '../../../tools/merge/runs.js'
import { newTally } from '../../../tools/merge/tally.js'
import { TemporaryFile } from '../../../tools/merge/temporary-file.js'
import { writeLines } from '../../../tools/merge/write.js'
import { shortDirectory } from '../../helpers/streams.js'

const lines = 1000

/** Counts how often others could have their turn. */
function counter (): { pauses: number, readonly watched: { pause: () => null, passed: () => void } } {
  const counted = { pauses: 0, watched: { pause: () => { counted.pauses++; return null }, passed: () => {} } }
  return counted
}

/** So many records that differ in one number only. */
async function records (t: Test, count: number, differsIn: 'k3' | 'k4', k1 = 0): Promise<MergedRuns> {
  const runs = new Runs(shortDirectory(t), 4)
  t.teardown(() => { runs.close() })
  const writer = runs.begin()
  for (let n = 0; n < count; n++) writer.add(0, k1, 0, differsIn === 'k3' ? n : 0, n, Buffer.from('x'), 0, 1)
  writer.end()
  return await runs.merged(counter().watched)
}

t.test('however many lines an event has, others have their turn while they are compared', async t => {
  const counted = counter()
  const lost = new KeySorter(shortDirectory(t), 5000, 4)
  t.teardown(() => { lost.close() })
  const tally = newTally('a')
  const compared = await compare(await records(t, lines, 'k3'), [0], [tally], lost, counted.watched)

  t.match([compared.events, tally.duplicates], [1, lines - 1])
  t.ok(counted.pauses >= lines, String(counted.pauses))
})

for (const [what, k1, written] of [['of one uuid', 0, 1], ['that are the same byte for byte', 2 ** 46, lines]] as const) {
  t.test(`however many lines there are ${what}, others have their turn while they are written`, async t => {
    const counted = counter()
    const aside = new TemporaryFile(shortDirectory(t))
    t.teardown(() => { aside.close() })
    const parts = { lines: await records(t, lines, 'k4', k1), lost: await records(t, 0, 'k4'), aside, hostOfFile: [0], hosts: 1, lacking: null, differences: new Differences(), sink: openNowhere() }

    t.equal(await writeLines({ ...parts, ...counted.watched }), written)
    t.ok(counted.pauses >= lines, String(counted.pauses))
  })
}
