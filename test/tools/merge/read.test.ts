import { copyFileSync, renameSync, statSync, utimesSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { HeldLines, usualSizes } from '../../../tools/merge/held-lines.js'
import { KeySorter } from '../../../tools/merge/key-sorter.js'
import { readFile } from '../../../tools/merge/read.js'
import { Runs } from '../../../tools/merge/runs.js'
import { newTally } from '../../../tools/merge/tally.js'
import { TemporaryFile } from '../../../tools/merge/temporary-file.js'
import { testContext } from '../../helpers/context.js'
import { eventOf, writeLog } from '../../helpers/merge-command.js'
import { shortDirectory } from '../../helpers/streams.js'

/** Reads files as they had been when they were inspected; returns how many lines that were. */
function reader (t: Test): (path: string, inspected: Stats) => Promise<number> {
  const directory = shortDirectory(t)
  const [runs, aside, keys] = [new Runs(directory, 2), new TemporaryFile(directory), new KeySorter(directory, 5, 2)]
  const ctx = testContext()
  t.teardown(async () => {
    for (const file of [runs, aside, keys]) file.close()
    await ctx.end()
  })
  const held = new HeldLines(runs, aside, keys, ctx.optOut, { ...usualSizes, heldLines: 10 })
  return async (path, inspected) => {
    const tally = newTally('a')
    held.begin(0, path, tally)
    await readFile(path, inspected, held, { stop: ctx.stop, passed: () => {} })
    return tally.lines
  }
}

const events = (count: number): string[] => Array.from({ length: count }, (_, n) => eventOf(n))

t.test('a log to which lines are added is read as far as it was', async t => {
  const read = reader(t)
  const log = writeLog(join(shortDirectory(t), 'a.log'), events(3))
  const inspected = statSync(log)
  writeLog(log, events(5))

  t.equal(await read(log, inspected), 3)
})

t.test('what is another file by now is not read', async t => {
  const read = reader(t)
  const directory = shortDirectory(t)
  const [log, zipped] = [writeLog(join(directory, 'a.log'), events(3)), writeLog(join(directory, 'a.log.1.gz'), events(3))]
  const [ofLog, ofZipped] = [statSync(log), statSync(zipped)]
  renameSync(log, `${log}.2`)
  writeLog(log, events(20))

  await t.rejects(read(log, ofLog), { code: 'cannot-read', message: `${log} was rotated while others were read; begin again` })
  t.equal(await read(zipped, ofZipped), 3)
  utimesSync(zipped, 0, 0)
  await t.rejects(read(zipped, ofZipped), { code: 'cannot-read', message: /a\.log\.1\.gz was rotated while others were read/ })
  copyFileSync(zipped, `${zipped}.new`)
  renameSync(`${zipped}.new`, zipped)
  await t.rejects(read(zipped, ofZipped), { code: 'cannot-read', message: /was rotated/ })
})
