import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newReport, type DrillReport } from '../../../tools/drill/report.js'
import { writeReport } from '../../../tools/drill/reports.js'
import { runCheck, type CheckOutput } from '../../helpers/check-command.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'

function reportOf (daysAgo: number, more: Partial<DrillReport> = {}): DrillReport {
  const parts = { lease: 'events', database: 'mysql://db/log', how: 'kill', withinSeconds: 15, writer: 'db1/mysql', standby: 'db2/mysql', stays: false, members: [], fronts: ['udp://db1:8421'] } as const
  const change = { from: 'db1/mysql', to: 'db2/mysql', begun: '2015-05-21T09:30:01.000Z', leaseSeconds: 9.1, firstRowSeconds: 9.4 }
  return { ...newReport(parts, Date.now() - daysAgo * 86_400_000), outcome: 'passed', takeOver: change, ...more }
}

async function check (t: Test, reports: string, ...args: string[]): Promise<CheckOutput> {
  const output = await runCheck('drill', '--reports', reports, ...args)
  isPlugInOutput(t, output)
  return output
}

t.test('no drill yet is a warning, also where there is no directory', async t => {
  t.match(await check(t, join(t.testdir(), 'none')), { code: 1, line: 'WARNING: no fail-over was rehearsed here yet' })
})

t.test('the age of the newest drill decides, in days', async t => {
  const reports = t.testdir()
  writeReport(reports, reportOf(250))
  t.match(await check(t, reports), { code: 2, line: 'CRITICAL: 250 d ago: fail-over drill passed: rows went on after 9.4 s' })
  writeReport(reports, reportOf(200))
  t.match(await check(t, reports), { code: 1, line: /^WARNING: 200 d ago/ })
  writeReport(reports, reportOf(100))
  const output = await check(t, reports)
  t.match(output, { code: 0, line: /^OK: 100 d ago/ })
  t.strictSame([...output.figures], [['age', '100'], ['take_over', '9.4s'], ['missing', '0'], ['doubled', '0']])
  t.match(await check(t, reports, '-w', '31', '-c', '40'), { code: 2 })
})

t.test('one that failed is an alarm until one passes; one that was stopped changes nothing, and is told', async t => {
  const reports = t.testdir()
  writeReport(reports, reportOf(3, { outcome: 'failed', failures: ['2 of 90 canaries are missing'] }))
  t.match(await check(t, reports), { code: 2, line: 'CRITICAL: 3 d ago: fail-over drill FAILED: 2 of 90 canaries are missing' })
  writeReport(reports, reportOf(2, { outcome: 'stopped', failures: ['stopped before the end'] }))
  t.match(await check(t, reports), { code: 2, line: /^CRITICAL: 3 d ago/, details: ['2 of 90 canaries are missing', /was not done to its end: stopped before the end/] })
  writeReport(reports, reportOf(1))
  t.match(await check(t, reports), { code: 0, line: /^OK: 1 d ago/ })
})

t.test('what is no report is unknown', async t => {
  const reports = t.testdir()
  writeFileSync(join(reports, '20150521T093001Z-failover.json'), '{')
  writeFileSync(join(reports, 'notes.json'), 'x')
  t.match(await check(t, reports), { code: 3, line: /^UNKNOWN: --reports: /, details: [/20150521T093001Z-failover\.json is no report of a drill/] })
})
