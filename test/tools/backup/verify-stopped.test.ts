import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { contentOf, digestOf, dumpedRows, lineDifference, plainDigestOf } from '../../../tools/backup/verify/content.js'

t.test('what is stopped has read no file to its end, and says so', async t => {
  const directory = t.testdir()
  const [log, other, dump] = ['all.log', 'other.log', 'day.sql.gz'].map(name => join(directory, name)) as [string, string, string]
  // more than is read at a time, however it is compressed
  const lines = Array.from({ length: 50_000 }, () => `${randomBytes(40).toString('hex')}\n`).join('')
  for (const file of [log, other]) writeFileSync(file, lines)
  writeFileSync(dump, gzipSync(`${lines}-- Dump completed\n`))

  const works: Record<string, (stop: AbortController) => Promise<unknown>> = {
    digest: async stop => await digestOf(log, [], () => { stop.abort() }, stop.signal),
    'digest of what is compressed': async stop => await plainDigestOf(dump, [], stop.signal),
    lines: async stop => await contentOf(log, 'file', stop.signal),
    dump: async stop => await contentOf(dump, 'dump', stop.signal),
    rows: async stop => await dumpedRows(dump, new Set(['undated']), stop.signal),
    comparison: async stop => await lineDifference(log, other, stop.signal)
  }
  for (const [name, work] of Object.entries(works)) {
    const stop = new AbortController()
    setImmediate(() => { if (name !== 'digest') stop.abort() })
    await t.rejects(work(stop), { name: 'StreamError', code: 'stopped' }, name)
  }
})
