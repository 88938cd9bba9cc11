import { readReport, reportsOf, type ReportKind } from '../../lib/backup/report.js'
import { ConfigError, codeOf, messageOf } from '../../lib/errors.js'

/** What the reports of all three commands say. */
export interface AnyReport {
  /** ISO 8601. */
  readonly started: string
  /** `done`: everything was done, or looked at, whatever was found. */
  readonly outcome: 'done' | 'failed' | 'stopped'
  /** What could not be done, in words. */
  readonly failures: readonly string[]
  /** What was found to be wrong, in words. */
  readonly wrong: readonly string[]
}

/** The newest reports of one kind below a staging area, at most so many, newest first: each is read when it is asked for. `report` is null for what is none. */
export function * newestReports (to: string, kind: ReportKind, most: number): Generator<{ readonly file: string, readonly report: AnyReport | null }> {
  try {
    for (const file of reportsOf(to, kind).reverse().slice(0, most)) yield { file, report: reportIn(file) }
  } catch (cause) {
    if (codeOf(cause) === undefined) throw cause
    throw new ConfigError('bad-option', `the reports below ${to} cannot be read: ${messageOf(cause)}; run this as a user who may`, { cause })
  }
}

function reportIn (file: string): AnyReport | null {
  try {
    const { started, outcome, failures, findings } = readReport(file) as Record<string, unknown>
    if (typeof started !== 'string' || Number.isNaN(Date.parse(started)) || !isOutcome(outcome)) return null
    return { started, outcome, failures: texts(failures), wrong: texts(findings) }
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function isOutcome (value: unknown): value is AnyReport['outcome'] {
  return value === 'done' || value === 'failed' || value === 'stopped'
}

/** Findings say in `text` what they are. */
function texts (list: unknown): string[] {
  return (Array.isArray(list) ? list as unknown[] : []).map(one => typeof one === 'object' && one !== null && 'text' in one ? String(one.text) : String(one))
}
