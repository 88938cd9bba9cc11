import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, ConfigError, messageOf } from '../../lib/errors.js'
import { keyIn, reportsIn, verifyReports, type PurgeReport } from '../purge/report.js'
import { openVerifyingKey } from '../purge/signing.js'
import { durationText, numberText } from '../text.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { stateOf, worst, type Result } from './result.js'

/** Reports that are looked at: of as many nights nothing was done to the end. */
const mostReports = 30

export const purge = defineCheck({
  name: 'purge',
  summary: 'Whether events whose time is over were purged lately: the age and outcome of the last signed report.',
  examples: [
    ['vanadium check purge', 'of this host; a warning after 36 hours, an alarm after three days'],
    ['vanadium check purge --reports /srv/purge --key /srv/purge/purge.key.pub -c 604800', 'reports that are kept elsewhere; an alarm after a week']
  ],
  notes: '-w and -c are for the seconds since a purge began that has done everything. That nothing too old is left, also where no purge looks,\n' +
    'only vanadium purge --prove can say: it reads everything, and prints as a check does. As another user: membership in the group of the\n' +
    'daemons.\n\n',
  options: {
    reports: { type: 'string', requiresArg: true, description: 'Directory of the reports [default: purge in --state]' },
    key: { type: 'string', requiresArg: true, description: 'The public key that they are signed with [default: purge.key.pub in purge in --state]' }
  },
  ranges: { warning: '129600', critical: '259200' },
  prepare ({ reports, key }, { state }) {
    const directory = reports ?? reportsIn(state)

    return async ctx => {
      const files = newestFirst(directory)
      const found = files.length === 0 ? noReport(directory) : judged(lastRuns(files, key ?? keyIn(state)), ctx)
      return await Promise.resolve(found)
    }
  }
})

function newestFirst (directory: string): string[] {
  try {
    return readdirSync(directory).filter(name => name.endsWith('.json')).sort().reverse().slice(0, mostReports).map(name => join(directory, name))
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return []
    throw new ConfigError('bad-option', `--reports ${directory}: ${messageOf(cause)}; name the directory of the reports, as a user who may read it`, { cause })
  }
}

function noReport (directory: string): Result {
  return { state: 'unknown', summary: 'there is no report of a purge', details: [`none in ${directory}: systemctl enable --now vanadium-purge.timer`] }
}

interface Runs {
  /** Newest first, down to the last that has done everything. */
  readonly reports: readonly PurgeReport[]
  /** What is wrong with the report that comes next; null if nothing. */
  readonly fault: string | null
}

function lastRuns (files: readonly string[], keyFile: string): Runs {
  const key = openVerifyingKey(keyFile)
  const reports: PurgeReport[] = []
  for (const file of files) {
    const [verified] = verifyReports([file], key)
    if (verified?.report == null || verified.fault !== null) return { reports, fault: `${file}: ${verified?.fault ?? ''}` }
    reports.push(verified.report)
    if (verified.report.outcome === 'done') break
  }
  return { reports, fault: null }
}

function judged ({ reports, fault }: Runs, { warning, critical, verbose }: CheckContext): Result {
  const [last] = reports
  const first = reports.at(-1)
  if (fault !== null || last === undefined || first === undefined) return { state: 'critical', summary: 'a report of the purge is not good', details: fault === null ? [] : [fault] }
  const isDone = first.outcome === 'done'
  // a first purge may take several nights
  const age = (Date.now() - Date.parse(first.started)) / 1000
  const unreported = reports.flatMap(report => report.unreported)
  const state = worst([stateOf(age, warning, critical), last.outcome === 'done' && unreported.length === 0 ? 'ok' : 'warning'])
  return {
    state,
    summary: `${ageText(age, isDone)}${lastText(last, unreported)}`,
    details: [...unreported.map(start => `the run of ${start} left no report`), ...last.failures, ...verbose ? workOf(last) : []],
    figures: [{ label: 'age', value: Math.round(age), unit: 's', warning, critical }, { label: 'failures', value: last.failures.length, min: 0 }]
  }
}

function ageText (age: number, isDone: boolean): string {
  if (age < 0) return `the last purge began ${durationText(-age * 1000)} from now: see the clock`
  return isDone ? `the last whole purge was ${durationText(age * 1000)} ago` : `no purge did everything for ${durationText(age * 1000)}`
}

function lastText ({ outcome, work }: PurgeReport, unreported: readonly string[]): string {
  if (outcome === 'stopped') return '; the last one was stopped'
  if (outcome === 'failed') return '; the last one failed in part'
  if (unreported.length > 0) return `; ${unreported.length === 1 ? 'one' : unreported.length} before it left no report`
  return `: ${numberText(work.reduce((sum, { rows }) => sum + rows, 0))} rows`
}

function workOf ({ work }: PurgeReport): string[] {
  return work.map(({ place, schema, action, rows }) => `${place}: ${action} ${numberText(rows)} of ${schema ?? 'several schemas'}`)
}
