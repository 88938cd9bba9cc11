import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { readReport, reportsOf } from '../../../lib/backup/report.js'
import { startDaemon } from '../../helpers/daemon.js'
import { needsRsync } from '../../helpers/backed-up-host.js'
import { shortDirectory } from '../../helpers/streams.js'
import { until } from '../../helpers/wait.js'
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

t.test('a look that is stopped says so, and has found nothing', { skip: needsRsync }, async t => {
  const directory = shortDirectory(t)
  const [logs, disk, to, config] = ['log', 'disk', 'to', 'backup.yaml'].map(name => join(directory, name)) as [string, string, string, string]
  for (const path of [logs, disk]) mkdirSync(path)
  writeFileSync(join(logs, 'a.json'), '{"n":1}\n')
  writeFileSync(config, JSON.stringify({ files: [logs], destinations: [disk], to }))
  const common = ['--config', config, '--state', join(directory, 'state')]
  t.equal(await startDaemon(t, 'backup', 'run', ...common).ended, 0)
  const copy = join(disk, 'files', 'a.json')
  // takes up nothing, and is not read to its end while a test waits
  truncateSync(copy, 64 * 2 ** 30)

  const verify = startDaemon(t, 'backup', 'verify', ...common)
  const opened = (): string[] => readdirSync(`/proc/${verify.child.pid}/fd`).map(fd => readlinkSync(`/proc/${verify.child.pid}/fd/${fd}`))
  await until('it reads', () => { try { return opened().includes(copy) } catch { return false } })
  await verify.stop()

  const [report = ''] = reportsOf(to, 'verify')
  const { outcome, findings, failures } = readReport(report) as Record<string, unknown>
  t.strictSame({ outcome, findings, failures }, { outcome: 'stopped', findings: [], failures: [] })
})
