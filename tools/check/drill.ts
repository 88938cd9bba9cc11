import { finishedReports, reportsIn, usualReports } from '../drill/reports.js'
import type { DrillReport } from '../drill/report.js'
import { outcomeText } from '../drill/text.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { short, stateOf, worst, type Figure, type Result } from './result.js'

const dayMs = 86_400_000

export const drill = defineCheck({
  name: 'drill',
  summary: 'Whether a fail-over was rehearsed lately, and how that ended: the age of the newest report of vanadium drill failover.',
  examples: [
    ['vanadium check drill', 'a warning after 190 days, an alarm after 220: for a drill every six months'],
    ['vanadium check drill --reports /srv/drills -w 31 -c 40', 'reports that are kept elsewhere; a drill each month']
  ],
  notes: '-w and -c are for days since the last drill that came to its end began. One that failed is an alarm, until another one has passed.\n' +
    'Without any it is a warning.\n\n',
  options: {
    reports: { type: 'string', default: usualReports, requiresArg: true, description: 'Directory of the reports' }
  },
  ranges: { warning: '190', critical: '220' },
  prepare ({ reports }) {
    return async ctx => await Promise.resolve(resultOf(finishedReports(reports)[0], reportsIn(reports)[0], reports, ctx))
  }
})

/** `newest` may have been stopped. */
function resultOf (last: DrillReport | undefined, newest: DrillReport | undefined, directory: string, { warning, critical, verbose }: CheckContext): Result {
  const stopped = newest !== undefined && newest.outcome === 'stopped' ? [`the one of ${newest.started} was not done to its end: ${newest.failures.join('; ')}`] : []
  if (last === undefined) return { state: 'warning', summary: 'no fail-over was rehearsed here yet', details: [`no report in ${directory}`, ...stopped] }
  const age = Math.max(0, Date.now() - Date.parse(last.started)) / dayMs
  const figures: Figure[] = [
    { label: 'age', value: Math.round(age * 100) / 100, warning, critical, min: 0 },
    ...seconds('take_over', last.takeOver?.firstRowSeconds),
    ...seconds('switch_back', last.switchBack?.firstRowSeconds),
    { label: 'missing', value: last.canaries.missing.length, min: 0 },
    { label: 'doubled', value: last.canaries.doubled.length, min: 0 }
  ]
  return {
    state: worst([stateOf(age, warning, critical), last.outcome === 'failed' ? 'critical' : 'ok']),
    summary: `${short(Math.floor(age))} d ago: ${outcomeText(last)}`,
    details: [...last.failures, ...stopped, ...verbose ? [`${last.how} of ${last.writer}, ${last.started}`] : []],
    figures
  }
}

function seconds (label: string, value: number | null | undefined): Figure[] {
  return value === null || value === undefined ? [] : [{ label, value, unit: 's', min: 0 }]
}
