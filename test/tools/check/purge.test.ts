import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { keyIn, reportsIn, writeReport, type PurgeReport } from '../../../tools/purge/report.js'
import { openSigningKey } from '../../../tools/purge/signing.js'
import { runCheck, type CheckOutput } from '../../helpers/check-command.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'
import { shortDirectory } from '../../helpers/streams.js'

const hourMs = 3_600_000

interface Host {
  /** Writes a report of a purge that began so many hours ago; returns its path. */
  report (hours: number, more?: Partial<PurgeReport>): string
  check (...args: string[]): Promise<CheckOutput>
}

function hostOf (t: Test): Host {
  const state = shortDirectory(t)
  return {
    report (hours, more = {}) {
      const started = new Date(Date.now() - hours * hourMs).toISOString()
      const report: PurgeReport = {
        host: 'h', version: '1', started, ended: started, outcome: 'done', stores: ['files'], policies: {}, failures: [], previous: null, unreported: [],
        work: [{ place: '/var/log/a', schema: 'S', action: 'delete', rows: 1234, bytes: 5, fields: [] }],
        ...more
      }
      mkdirSync(reportsIn(state), { recursive: true })
      const path = join(reportsIn(state), `purge-${started.replace(/[-:]/g, '')}.json`)
      writeReport(path, report, openSigningKey(keyIn(state)))
      return path
    },
    async check (...args) {
      const output = await runCheck('purge', '--state', state, '-t', '60', ...args)
      isPlugInOutput(t, output)
      return output
    }
  }
}

t.test('a purge that has done everything lately is well, an old one is not', async t => {
  const host = hostOf(t)
  t.match(await host.check(), { code: 3, line: /^UNKNOWN: there is no report of a purge/, text: /systemctl enable --now vanadium-purge\.timer/ })

  host.report(100)
  t.match(await host.check(), { code: 2, line: 'CRITICAL: the last whole purge was 4 d ago: 1,234 rows' })
  t.match(await host.check('-c', '400000'), { code: 1 })
  host.report(5)
  const well = await host.check('-v')

  t.match(well, { code: 0, line: 'OK: the last whole purge was 5 h ago: 1,234 rows', details: ['/var/log/a: delete 1,234 of S'] })
  t.match(well.figures.get('age'), /^180\d\ds$/)
})

t.test('one that failed in part, was stopped or killed is a warning, until what it did not do has waited for too long', async t => {
  const host = hostOf(t)
  host.report(30)
  host.report(6, { outcome: 'failed', failures: ['files: /x: a process has it open for writing'] })
  t.match(await host.check(), { code: 1, line: 'WARNING: the last whole purge was 30 h ago; the last one failed in part', details: ['files: /x: a process has it open for writing'] })

  const stopped = hostOf(t)
  for (const hours of [80, 56, 32, 8]) stopped.report(hours, { outcome: 'stopped' })
  t.match(await stopped.check('-c', '288100'), { code: 1, line: 'WARNING: no purge did everything for 3 d; the last one was stopped' })
  t.match(await stopped.check(), { code: 2 })

  const killed = hostOf(t)
  killed.report(2, { unreported: ['2015-05-20T03:15:00.000Z'] })
  t.match(await killed.check(), { code: 1, line: 'WARNING: the last whole purge was 2 h ago; one before it left no report', details: ['the run of 2015-05-20T03:15:00.000Z left no report'] })
})

t.test('a report that was changed is an alarm, and one of tomorrow, too', async t => {
  const changed = hostOf(t)
  const path = changed.report(5)
  writeFileSync(path, readFileSync(path, 'utf8').replace('1234', '1'))
  t.match(await changed.check(), { code: 2, line: 'CRITICAL: a report of the purge is not good', details: [/it is not as it was signed$/] })

  const future = hostOf(t)
  future.report(-24.5)
  t.match(await future.check(), { code: 2, line: /^CRITICAL: the last purge began .* from now: see the clock/ })
})
