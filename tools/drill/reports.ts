import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { codeOf, ConfigError, messageOf } from '../../lib/errors.js'
import { replaceFile } from '../../lib/file/replace.js'
import { reportPage } from './html.js'
import { outcomes, type DrillReport } from './report.js'
import { reportText } from './text.js'

export const usualReports = '/var/lib/vanadium/drills'

const shape = /^\d{8}T\d{6}Z-failover\.json$/
/** That are looked at: whoever stops one drill after the other has none. */
const mostReports = 100

/** Without its extension: `20150521T093001Z-failover`. */
export function fileOf (directory: string, { started }: Pick<DrillReport, 'started'>): string {
  return join(directory, `${started.replace(/[-:]|\.\d+/g, '')}-failover`)
}

/** The JSON last: who sees that sees the others. Returns the path without extension. */
export function writeReport (directory: string, report: DrillReport): string {
  const file = fileOf(directory, report)
  replaceFile(`${file}.txt`, reportText(report), undefined)
  replaceFile(`${file}.html`, reportPage(report), undefined)
  replaceFile(`${file}.json`, `${JSON.stringify(report, null, 2)}\n`, undefined)
  return file
}

/** Newest first. Throws `ConfigError` for a directory, or a report, that cannot be read. */
export function reportsIn (directory: string): DrillReport[] {
  return namesIn(directory).filter(name => shape.test(name)).sort().reverse().slice(0, mostReports).map(name => readReport(join(directory, name)))
}

/** Those of drills that came to their end. */
export function finishedReports (directory: string): DrillReport[] {
  return reportsIn(directory).filter(({ outcome }) => outcome !== 'stopped')
}

function namesIn (directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return []
    throw new ConfigError('bad-option', `--reports ${directory}: ${messageOf(cause)}; name the directory of the reports, as a user who may read it`, { cause })
  }
}

function readReport (file: string): DrillReport {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as DrillReport
    if (!outcomes.includes(report.outcome) || Number.isNaN(Date.parse(report.started))) throw new Error('it has no outcome or no start')
    return report
  } catch (cause) {
    throw new ConfigError('bad-option', `--reports: ${file} is no report of a drill: ${messageOf(cause)}; remove it`, { cause })
  }
}

/** Makes the directory if need be, and keeps other drills out until what it returns is called. Throws `ConfigError`. */
export function lockReports (directory: string): () => void {
  let lock: Database.Database | undefined
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    lock = new Database(join(directory, 'failover.lock'), { timeout: 0 })
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock?.close()
    if (codeOf(cause)?.startsWith('SQLITE_BUSY') === true) throw new ConfigError('state-in-use', `--reports ${directory}: another drill runs; wait for its end`, { cause })
    throw new ConfigError('bad-option', `--reports ${directory}: ${messageOf(cause)}; name a directory that this user may write to`, { cause })
  }
  const held = lock
  return () => { held.close() }
}
