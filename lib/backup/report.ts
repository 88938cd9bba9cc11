import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, messageOf, StreamError } from '../errors.js'
import { writeOwned } from './directories.js'
import { folders } from './layout.js'

/** What the commands of backups leave behind, one a run. */
export type ReportKind = 'run' | 'verify' | 'rehearse'

/** What `vanadium backup run` has done. */
export interface RunReport {
  readonly host: string
  readonly version: string
  /** ISO 8601. */
  readonly started: string
  readonly ended: string
  /** `failed`: something is not backed up as it should be, or not everywhere. */
  readonly outcome: 'done' | 'stopped' | 'failed'
  readonly tables: Counts
  readonly files: Counts
  /** What the backup has and its table or archive has no more, although it may stay: it was kept. */
  readonly kept: readonly Kept[]
  readonly destinations: readonly Delivery[]
  readonly failures: readonly string[]
  /** `kept` in words, as the other reports say what they have found. */
  readonly findings: ReadonlyArray<{ readonly text: string }>
}

/** Of dumps, or of files. */
export interface Counts {
  /** There were made, or made anew. */
  readonly made: number
  readonly unchanged: number
  /** Went, as their time is over. */
  readonly removed: number
  /** Rows or lines in those that were made. */
  readonly rows: number
  /** Of those that were made, as they are in the backup. */
  readonly bytes: number
}

export interface Kept {
  /** Below the staging area. */
  readonly path: string
  readonly rows: number
}

export interface Delivery {
  /** As it is configured. */
  readonly name: string
  /** Null if it has all now. */
  readonly failure: string | null
  /** Files that were sent. */
  readonly files: number
  readonly seconds: number
}

/** Reports of one kind that stay. */
const mostReports = 500

/** Writes a report: there whole or not at all. Returns its path. Throws `StreamError`. */
export function writeReport (to: string, kind: ReportKind, report: { readonly started: string }): string {
  const path = join(to, folders.reports, `${report.started.replace(/:/g, '').replace(/\.\d+/, '')}-${kind}.json`)
  try {
    writeOwned(path, `${JSON.stringify(report, null, 1)}\n`, 0o644)
    for (const old of reportsOf(to, kind).slice(0, -mostReports)) rmSync(old, { force: true })
  } catch (cause) {
    throw new StreamError('cannot-write', `${path} cannot be written: ${messageOf(cause)}`, { cause })
  }
  return path
}

/** Paths of the reports of a kind, the newest last. Throws what the system throws; no directory is none. */
export function reportsOf (to: string, kind: ReportKind): string[] {
  try {
    return readdirSync(join(to, folders.reports)).filter(name => name.endsWith(`-${kind}.json`) && !name.startsWith('.')).sort().map(name => join(to, folders.reports, name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

export function readReport (path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
