import { hostname } from 'node:os'
import { destinationName, type Destination } from '../../../lib/backup/configuration.js'
import { version } from '../../../lib/version.js'
import { numberText, printableLines } from '../../text.js'
import { findingText, type Finding } from '../verify/finding.js'
import type { Rehearsed } from './rehearsal.js'

/** As it is written to a file, and printed with `--json`. */
export interface RehearsalReport {
  readonly version: 1
  readonly host: string
  /** Of vanadium. */
  readonly vanadium: string
  /** ISO 8601. */
  readonly started: string
  readonly ended: string
  /** `done`: everything was restored and compared, whatever was found. */
  readonly outcome: 'done' | 'failed' | 'stopped'
  /** The place whose backups were restored. */
  readonly from: string
  /** Null if nothing could be. */
  readonly done: Rehearsed | null
  readonly findings: ReadonlyArray<Finding & { /** For people. */ readonly text: string }>
  readonly failures: readonly string[]
}

interface Told {
  readonly startedMs: number
  readonly isStopped: boolean
  readonly from: Destination
  readonly done: Rehearsed | null
  readonly findings: readonly Finding[]
  readonly failures: readonly string[]
}

export function rehearsalReport ({ startedMs, isStopped, from, done, findings, failures }: Told): RehearsalReport {
  return {
    version: 1,
    host: hostname(),
    vanadium: version(),
    started: new Date(startedMs).toISOString(),
    ended: new Date().toISOString(),
    outcome: isStopped ? 'stopped' : failures.length > 0 ? 'failed' : 'done',
    from: destinationName(from),
    done,
    findings: findings.map(found => ({ ...found, text: findingText(found) })),
    failures
  }
}

export function rehearsalText ({ from, done, findings, failures, outcome }: RehearsalReport, file: string): string {
  const lines = [
    ...findings.map(({ text }) => text),
    ...failures.map(failure => `Not done: ${failure}`),
    ...outcome === 'stopped' ? ['Stopped before everything was restored.'] : [],
    ...done === null ? [] : [`From ${from}: ${numberText(done.rows)} rows of ${numberText(done.days)} days of ${numberText(done.tables)} tables, ${numberText(done.lines)} lines of ${numberText(done.files)} archives.`],
    ...outcome !== 'done' ? [] : [findings.length > 0 ? 'What was restored is NOT what it was.' : 'What was restored is what it was.'],
    `Report: ${file}`
  ]
  return printableLines(lines)
}
