import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { writeReport, type ReportKind } from '../../../lib/backup/report.js'
import { runCheck, type CheckOutput } from '../../helpers/check-command.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'
import { shortDirectory } from '../../helpers/streams.js'

const hourMs = 3_600_000

interface Host {
  /** Writes a report of a run that began so many hours ago; returns its path. */
  report (kind: ReportKind, hours: number, more?: object): string
  check (name: string, ...args: string[]): Promise<CheckOutput>
}

function hostOf (t: Test): Host {
  const directory = shortDirectory(t)
  const [to, file] = [join(directory, 'to'), join(directory, 'backup.yaml')]
  writeFileSync(file, JSON.stringify({ files: [join(directory, '*.log')], destinations: [], to }))
  return {
    report (kind, hours, more = {}) {
      const started = new Date(Date.now() - hours * hourMs).toISOString()
      return writeReport(to, kind, { started, ended: started, outcome: 'done', failures: [], ...more } as { started: string })
    },
    async check (name, ...args) {
      const output = await runCheck(name, '--backup', file, '-t', '60', ...args)
      isPlugInOutput(t, output)
      return output
    }
  }
}

const kinds = [['backup', 'run', 36, 72], ['backup-verify', 'verify', 216, 384], ['backup-rehearse', 'rehearse', 840, 1560]] as const

for (const [name, kind, warning, critical] of kinds) {
  t.test(`${name}: the age of the newest report that was done decides`, async t => {
    const host = hostOf(t)
    t.match(await host.check(name), { code: 3, line: /^UNKNOWN: there is no report of a / })

    host.report(kind, critical + 1)
    t.match(await host.check(name), { code: 2, line: /^CRITICAL: the last whole .* was \d+ [hd] ago: / })
    host.report(kind, warning + 1)
    t.match(await host.check(name), { code: 1, line: /^WARNING: the last whole / })
    t.match(await host.check(name, '-w', String(warning + 2)), { code: 0 })
    host.report(kind, warning - 1)
    const well = await host.check(name)
    t.match(well, { code: 0, line: /^OK: the last whole / })
    t.match(well.figures.get('age_hours'), String(warning - 1))
  })
}

t.test('what was found is an alarm, also when a later one was stopped; what could not be done is a warning', async t => {
  const host = hostOf(t)
  host.report('verify', 30, { findings: [{ fault: 'missing', text: 'MISSING: /disk: files/a.gz: it is not there' }] })
  t.match(await host.check('backup-verify'), { code: 2, line: /^CRITICAL: 1 thing is wrong; the last whole look at the backups was 30 h ago$/, details: ['MISSING: /disk: files/a.gz: it is not there'] })
  host.report('verify', 2, { outcome: 'stopped', findings: [] })
  t.match(await host.check('backup-verify'), { code: 2, text: /^MISSING: \/disk: files\/a\.gz: it is not there$/m })
  host.report('verify', 1, { outcome: 'done', findings: [] })
  t.match(await host.check('backup-verify'), { code: 0 })

  host.report('run', 20)
  host.report('run', 1, { outcome: 'failed', failures: ['/disk: it is full'] })
  t.match(await host.check('backup'), { code: 1, line: 'WARNING: the last whole backup was 20 h ago; the last one failed in part', details: ['/disk: it is full'] })
})

t.test('a report that cannot be read is an alarm, and one of tomorrow, too', async t => {
  const host = hostOf(t)
  host.report('run', -30)
  t.match(await host.check('backup'), { code: 2, line: /^CRITICAL: the last backup began .* from now: see the clock/ })

  const other = hostOf(t)
  writeFileSync(other.report('rehearse', 1), '{"started":')
  t.match(await other.check('backup-rehearse'), { code: 2, line: /^CRITICAL: the report of the last rehearsal of a restore is none$/ })
})
