import { defaultBackupFile, openBackup } from '../../lib/backup/configuration.js'
import type { ReportKind } from '../../lib/backup/report.js'
import { newestReports, type AnyReport } from '../backup/newest-report.js'
import { durationText, numberText } from '../text.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { stateOf, worst, type Result, type State } from './result.js'

const hourMs = 3_600_000
/** Reports that are looked at: of as many runs nothing was done to the end. */
const mostReports = 60
/** Lines of one report in the details. */
const mostLines = 20

interface Routine {
  readonly name: string
  readonly kind: ReportKind
  /** What it is called, and what it has done. */
  readonly what: string
  readonly done: string
  readonly timer: string
  readonly summary: string
  /** In hours. */
  readonly warning: number
  readonly critical: number
}

export const backup = checkOf({
  name: 'backup',
  kind: 'run',
  what: 'backup',
  done: 'everything was backed up',
  timer: 'vanadium-backup.timer',
  summary: 'Whether everything was backed up lately: the age and outcome of the last report of vanadium backup run.',
  warning: 36,
  critical: 72
})

export const backupVerify = checkOf({
  name: 'backup-verify',
  kind: 'verify',
  what: 'look at the backups',
  done: 'nothing is missing, damaged or too old',
  timer: 'vanadium-backup-verify.timer',
  summary: 'Whether backups were found good lately: the age and outcome of the last report of vanadium backup verify.',
  warning: 216,
  critical: 384
})

export const backupRehearse = checkOf({
  name: 'backup-rehearse',
  kind: 'rehearse',
  what: 'rehearsal of a restore',
  done: 'what was restored is what it was',
  timer: 'vanadium-backup-rehearse.timer',
  summary: 'Whether a restore was rehearsed lately, and how it went: the last report of vanadium backup rehearse.',
  warning: 840,
  critical: 1560
})

function checkOf (routine: Routine): ReturnType<typeof defineCheck> {
  const { name, summary, kind, warning, critical } = routine
  return defineCheck({
    name,
    summary,
    examples: [
      [`vanadium check ${name}`, `of this host; a warning after ${durationText(warning * hourMs)}, an alarm after ${durationText(critical * hourMs)}`],
      [`vanadium check ${name} -w ${warning / 2} -c ${critical / 2}`, 'half the time']
    ],
    notes: '-w and -c are for the hours since the newest one began that was done to its end. What it found wrong is an alarm, whenever that was. As\n' +
      'another user: membership in the group of the daemons.\n\n',
    options: {
      backup: { type: 'string', default: defaultBackupFile, requiresArg: true, description: 'File that says what is backed up, and where to' }
    },
    ranges: { warning: String(warning), critical: String(critical) },
    prepare ({ backup }) {
      return async ctx => {
        const { to } = openBackup(backup)
        return await Promise.resolve(judged(lastRuns(to, kind), to, routine, ctx))
      }
    }
  })
}

interface Runs {
  /** Newest first, down to the last that was done to its end. */
  readonly reports: readonly AnyReport[]
  /** A file that should be a report and is none. */
  readonly bad: string | null
}

function lastRuns (to: string, kind: ReportKind): Runs {
  const reports: AnyReport[] = []
  for (const { file, report } of newestReports(to, kind, mostReports)) {
    if (report === null) return { reports, bad: file }
    reports.push(report)
    if (report.outcome === 'done') break
  }
  return { reports, bad: null }
}

function judged ({ reports, bad }: Runs, to: string, { what, done, timer }: Routine, { warning, critical, verbose }: CheckContext): Result {
  const [last] = reports
  const whole = reports.at(-1)
  if (bad !== null && last === undefined) return { state: 'critical', summary: `the report of the last ${what} is none`, details: [bad] }
  if (last === undefined || whole === undefined) return { state: 'unknown', summary: `there is no report of a ${what}`, details: [`none below ${to}: systemctl enable --now ${timer}`] }
  const isDone = whole.outcome === 'done'
  const hours = (Date.now() - Date.parse(whole.started)) / hourMs
  // a report of tomorrow is no good sign: the range says so
  const ofAge = stateOf(hours, warning, critical)
  // what a whole one has found is not gone because the next was stopped
  const wrong = [...new Set(reports.flatMap(report => report.wrong))]
  const ofLast: State = wrong.length > 0 ? 'critical' : last.outcome === 'done' ? 'ok' : 'warning'
  const told = [...last.failures, ...wrong]
  return {
    state: worst([ofAge, ofLast]),
    summary: `${wrong.length === 0 ? '' : `${numberText(wrong.length)} ${wrong.length === 1 ? 'thing is' : 'things are'} wrong; `}${ageText(hours, isDone, what)}${lastText(last, wrong, done)}`,
    details: [...bad === null ? [] : [`${bad} is no report`], ...told.slice(0, verbose ? told.length : mostLines)],
    figures: [{ label: 'age_hours', value: Math.round(hours * 10) / 10, warning, critical }, { label: 'wrong', value: wrong.length, min: 0 }, { label: 'failures', value: last.failures.length, min: 0 }]
  }
}

function ageText (hours: number, isDone: boolean, what: string): string {
  if (hours < 0) return `the last ${what} began ${durationText(-hours * hourMs)} from now: see the clock`
  return isDone ? `the last whole ${what} was ${durationText(hours * hourMs)} ago` : `no ${what} was whole for ${durationText(hours * hourMs)}`
}

function lastText ({ outcome }: AnyReport, wrong: readonly string[], done: string): string {
  if (outcome === 'done') return wrong.length > 0 ? '' : `: ${done}`
  return `; the last one ${outcome === 'stopped' ? 'was stopped' : 'failed in part'}`
}
