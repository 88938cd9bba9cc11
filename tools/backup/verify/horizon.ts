import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Hour } from '../../../lib/backup/manifest.js'
import { codeOf } from '../../../lib/errors.js'
import { rulesInForce } from '../../../lib/purge/rules.js'
import type { Registry } from '../../../lib/registry/registry.js'
import { reportsIn, type PurgeReport } from '../../purge/report.js'
import { newestReports } from '../newest-report.js'
import { hourMs, msOfHour } from './finding.js'
import { claimsAt, type Claims } from './policy.js'

/** What time has made of what is kept: which hours must be there, and which must not. */
export interface Horizon {
  readonly claims: Claims
  /** Whether an hour was over when everything was purged last, and there was a backup after that. */
  readonly isOverdue: (hour: Hour) => boolean
  /** Whether backups keep an hour. */
  readonly isKept: (hour: Pick<Hour, 'hour'>) => boolean
  /** What is older may have been deleted from this host. */
  readonly keptSinceMs: number
  /** When the last backup began that did everything; -Infinity if none did. */
  readonly runMs: number
  /** There was none for too long: what has come since should be in one. */
  readonly isLate: boolean
}

export interface HorizonOptions {
  readonly registry: Pick<Registry, 'names' | 'find'>
  readonly nowMs: number
  /** The staging area; the directory of the states. */
  readonly to: string
  readonly state: string
  readonly maxAgeHours: number
  readonly keptDays: number
  readonly oldestDays: number | null
}

const dayMs = 86_400_000
/** Reports that are looked through for one of a run, or a purge, that did everything. */
const mostReports = 100

export function horizonOf ({ registry, nowMs, to, state, maxAgeHours, keptDays, oldestDays }: HorizonOptions): Horizon {
  const runMs = lastRunMs(to)
  const purge = lastPurge(state)
  const claims = claimsAt(rulesInForce(registry, nowMs), nowMs)
  // an hour of grace: one that was over only in part has both
  const overdue = purge === null || purge.endedMs >= runMs ? null : claimsAt(rulesInForce(registry, purge.startedMs), purge.startedMs - hourMs)
  return {
    claims,
    isOverdue: hour => overdue !== null && overdue(hour) !== 'all' && !Number.isNaN(msOfHour(hour.hour)),
    isKept: ({ hour }) => oldestDays === null || !(msOfHour(hour) < nowMs - oldestDays * dayMs),
    keptSinceMs: nowMs - keptDays * dayMs,
    runMs,
    isLate: nowMs - runMs > maxAgeHours * hourMs
  }
}

function lastRunMs (to: string): number {
  for (const { report } of newestReports(to, 'run', mostReports)) if (report?.outcome === 'done') return Date.parse(report.started)
  return -Infinity
}

/** Whoever changed it has changed nothing that a backup is good for: its signature is the business of vanadium check purge. */
function lastPurge (state: string): { startedMs: number, endedMs: number } | null {
  const directory = reportsIn(state)
  try {
    for (const name of readdirSync(directory).filter(name => name.endsWith('.json')).sort().reverse().slice(0, mostReports)) {
      const { report } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as { report?: Partial<PurgeReport> }
      if (report?.outcome === 'done') return { startedMs: Date.parse(String(report.started)), endedMs: Date.parse(String(report.ended)) }
    }
    return null
  } catch (error) {
    // who may not read them is told of what is missing all the same
    if (error instanceof SyntaxError || ['ENOENT', 'EACCES'].includes(codeOf(error) ?? '')) return null
    throw error
  }
}
