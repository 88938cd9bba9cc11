import { hostname } from 'node:os'
import { version } from '../../../lib/version.js'
import { bytesText, numberText, printableLines } from '../../text.js'
import { findingText, type Finding } from './finding.js'

/** What was looked at. */
export interface Looked {
  /** Places that could be looked at. */
  places: number
  /** Files at these, and their bytes. */
  files: number
  bytes: number
  /** Logs and archives of this host. */
  archives: number
  /** Tables, and days of them of which there are dumps. */
  tables: number
  days: number
  /** Instances whose books were looked at. */
  books: number
}

/** As it is written to a file, and printed with `--json`. */
export interface VerifyReport {
  readonly version: 1
  readonly host: string
  /** Of vanadium. */
  readonly vanadium: string
  /** ISO 8601. */
  readonly started: string
  readonly ended: string
  /** `done`: everything was looked at, whatever was found. */
  readonly outcome: 'done' | 'failed' | 'stopped'
  readonly looked: Looked
  readonly findings: ReadonlyArray<Finding & { /** For people. */ readonly text: string }>
  /** What could not be looked at. */
  readonly failures: readonly string[]
}

export function reportOf ({ startedMs, isStopped, looked, findings, failures }: { startedMs: number, isStopped: boolean, looked: Looked, findings: readonly Finding[], failures: readonly string[] }): VerifyReport {
  return {
    version: 1,
    host: hostname(),
    vanadium: version(),
    started: new Date(startedMs).toISOString(),
    ended: new Date().toISOString(),
    outcome: isStopped ? 'stopped' : failures.length > 0 ? 'failed' : 'done',
    looked,
    findings: findings.map(found => ({ ...found, text: findingText(found) })),
    failures
  }
}

export function reportText ({ looked, findings, failures, outcome }: VerifyReport, file: string): string {
  const { places, files, bytes, archives, tables, days, books } = looked
  const lines = [
    ...findings.map(({ text }) => text),
    ...failures.map(failure => `Not looked at: ${failure}`),
    ...outcome === 'stopped' ? ['Stopped before everything was looked at.'] : [],
    `${numberText(files)} files (${bytesText(bytes)}) at ${numberText(places)} ${places === 1 ? 'place' : 'places'}, ${numberText(archives)} archives, ${numberText(days)} days of ${numberText(tables)} tables, books of ${numberText(books)} consumers.`,
    findings.length > 0 ? `${numberText(findings.length)} ${findings.length === 1 ? 'thing is' : 'things are'} missing, damaged or too old.` : outcome === 'done' ? 'Nothing is missing, damaged or too old.' : 'Nothing was found to be missing, damaged or too old so far.',
    `Report: ${file}`
  ]
  return printableLines(lines)
}
