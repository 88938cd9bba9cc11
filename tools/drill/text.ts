import { numberText, tableText } from '../text.js'
import type { Change, DrillReport } from './report.js'
import type { How } from './ways.js'

const howTexts: Readonly<Record<How, string>> = {
  stop: 'stopped in order',
  kill: 'killed (SIGKILL), and kept down',
  freeze: 'stopped where it was (SIGSTOP)',
  cut: 'cut off from the database: packets dropped both ways'
}

/** Of canaries that are missing, or doubled, are named. */
const mostNamed = 20

/** One line, for a subject. */
export function outcomeText ({ outcome, takeOver, failures }: DrillReport): string {
  switch (outcome) {
    case 'passed': return `fail-over drill passed: rows went on after ${secondsText(takeOver?.firstRowSeconds ?? null)}`
    case 'failed': return `fail-over drill FAILED: ${failures[0] ?? ''}`
    case 'stopped': return 'fail-over drill was not done to its end'
  }
}

/** Names and values. */
export function figuresOf (report: DrillReport): ReadonlyArray<readonly [name: string, value: string]> {
  const { takeOver, switchBack, stays, longestGap, canaries } = report
  return [
    ['lease', `${report.lease} in ${report.database}`],
    ['begun', report.started],
    ['ended', report.ended],
    ['writer', `${report.writer}, ${howTexts[report.how]}`],
    ['standby', report.standby],
    ...takeOver === null ? [] : changeFigures('take-over', takeOver),
    ...switchBack === null ? [['switch back', stays ? 'not wanted (--stay)' : 'did not come to it'] as const] : changeFigures('switch back', switchBack),
    ['longest time without a row', longestGap === null ? '–' : `${secondsText(longestGap.seconds)}, from ${longestGap.from}`],
    ['canaries', `${numberText(canaries.sent)} sent, ${numberText(canaries.stored)} stored, ${numberText(canaries.missing.length)} missing, ${numberText(canaries.doubled.length)} doubled`],
    ...Object.entries(canaries.refused).map(([front, { times, reason }]) => ['not taken', `${numberText(times)} by ${front}: ${reason}`] as const),
    ['allowed', `${report.withinSeconds} s until the first row`],
    ['put back', report.isRestored ? 'yes' : 'NO']
  ]
}

function changeFigures (what: string, { from, to, leaseSeconds, firstRowSeconds }: Change): ReadonlyArray<readonly [string, string]> {
  return [
    [what, `from ${from} to ${to}`],
    ['  lease after', secondsText(leaseSeconds)],
    ['  first row after', secondsText(firstRowSeconds)]
  ]
}

function secondsText (seconds: number | null): string {
  return seconds === null ? '–' : `${seconds.toFixed(1)} s`
}

/** Which canaries are missing, and which are doubled. */
export function namedOf ({ canaries: { missing, doubled } }: DrillReport): string[] {
  return ([['missing', missing], ['doubled', doubled]] as const).flatMap(([what, which]) => which.length === 0
    ? []
    : [`${what}, by when they were sent: ${which.slice(0, mostNamed).join(', ')}${which.length > mostNamed ? ` and ${which.length - mostNamed} more` : ''}`])
}

export function holderRows ({ holders }: DrillReport): string[][] {
  return holders.map(({ at, holder, token }) => [at, holder === '' ? 'nobody' : holder, String(token)])
}

/** For a terminal, or a mail that is read as text. */
export function reportText (report: DrillReport): string {
  const figures = figuresOf(report)
  const width = Math.max(...figures.map(([name]) => name.length))
  return [
    `vanadium: ${outcomeText(report)}`,
    ...report.failures.map(failure => `  ${failure}`),
    '',
    ...figures.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...namedOf(report),
    '',
    tableText(['who had the lease from', 'member', 'token'], holderRows(report), ['token'])
  ].join('\n')
}
