import { ConfigError } from '../../lib/errors.js'
import type { Instance } from '../check/instances.js'
import { jobOf, usualRanges, usualRestarts, type Job } from '../check/jobs.js'
import { parseRange } from '../check/range.js'
import { problemText } from '../config/problem.js'
import { problemsOfFiles } from '../config/problems.js'
import { statusOf, type DaemonStatus } from '../status/daemons.js'
import { isMistake } from './checked.js'
import type { Host } from './host.js'
import { parseJournalLine } from './journal-line.js'
import { journal, type UnitState } from './systemd.js'
import type { Unit } from './units.js'
import { isRefused, stateWords } from './words.js'

/** An instance, as systemd and its state have it. */
export interface Row {
  /** `consumer/mysql` */
  readonly name: string
  readonly unit: string
  /** In words. */
  readonly state: string
  /** Whether all is as it should be. */
  readonly isWell: boolean
  readonly sinceMs: number | null
  readonly rate: number | null
  readonly lag: DaemonStatus['lag']
  readonly memoryBytes: number | null
  readonly restarts: number
  readonly lastError: DaemonStatus['lastError']
  /** What is wrong, a line each: with file and line where it is the configuration. */
  readonly why: readonly string[]
}

export async function rowsOf (units: readonly Unit[], host: Host, stateDirectory: string): Promise<Row[]> {
  // each look opens every state of its directory
  const looked = new Map<string, readonly DaemonStatus[]>()
  const daemonsIn = (directory: string): readonly DaemonStatus[] => {
    const daemons = looked.get(directory) ?? readable(directory)
    looked.set(directory, daemons)
    return daemons
  }
  const rows = units.map(async unit => {
    const defined = host.defined.find(one => one.unit === unit.unit)
    const directory = defined?.stateDirectory ?? stateDirectory
    const state = host.states.get(unit.unit)
    return await rowOf(unit, state, { host, isDefined: defined !== undefined, job: judge({ ...unit, ...defined }, directory), daemon: daemonsIn(directory).find(one => one.daemon === unit.daemon && one.instance === unit.instance) ?? null })
  })
  return await Promise.all(rows)
}

/** As `vanadium check jobs` has it, so that the two never say different things. */
function judge (instance: Instance, stateDirectory: string): Job {
  try {
    return jobOf(instance, { stateDirectory, warning: parseRange('--warning', usualRanges.warning), critical: parseRange('--critical', usualRanges.critical) }, { warning: parseRange('--warning-restarts', usualRestarts), critical: undefined })
  } catch (error) {
    // no daemon has run here yet
    if (error instanceof ConfigError) return { name: '', state: 'unknown', is: 'cannot be looked at', more: [error.message], up: false, pulseSeconds: null, restarts: 0, startedMs: null }
    throw error
  }
}

/** None where there is no state, or none that this user may read. */
function readable (directory: string): readonly DaemonStatus[] {
  try {
    return statusOf(directory)
  } catch (error) {
    if (error instanceof ConfigError) return []
    throw error
  }
}

interface Parts {
  readonly host: Host
  readonly isDefined: boolean
  readonly job: Job
  readonly daemon: DaemonStatus | null
}

async function rowOf (unit: Unit, state: UnitState | undefined, { host, isDefined, job, daemon }: Parts): Promise<Row> {
  const words = state === undefined ? 'systemd does not know it' : stateWords(state)
  const isUp = state?.active === 'active' || state?.active === 'reloading'
  const file = host.fileOf(unit)
  const why = [
    ...!isDefined ? [`${file} is gone; vanadiumctl start stops and disables it`] : [],
    ...isDefined && !host.enabled.has(unit.unit) ? [`it does not start with the host; vanadiumctl start ${unit.name}`] : [],
    ...isUp && job.state !== 'ok' && isDefined ? [`${job.is}${job.state === 'unknown' ? `: ${job.more.join('; ')}` : ''}`] : [],
    ...!isUp && job.up ? ['it runs, and systemd did not start it'] : [],
    ...isUp ? [] : await whyDown(unit, state, file, isDefined)
  ]
  return {
    name: unit.name,
    unit: unit.unit,
    state: isUp && daemon?.stuckMs !== null && daemon !== null ? 'hangs' : words,
    // who may not look into states still knows what systemd says
    isWell: isUp && isDefined && (job.state === 'ok' || job.state === 'unknown'),
    sinceMs: state?.sinceMs ?? null,
    rate: daemon?.rate ?? null,
    lag: daemon?.lag ?? null,
    memoryBytes: state?.memoryBytes ?? daemon?.memoryBytes ?? null,
    restarts: state?.restarts ?? 0,
    lastError: daemon?.lastError ?? null,
    why
  }
}

async function whyDown (unit: Unit, state: UnitState | undefined, file: string, isDefined: boolean): Promise<string[]> {
  if (state === undefined || state.active === 'deactivating') return []
  const isStopped = state.active === 'inactive'
  // of one that was not even started, because of what is in its file
  const problems = isDefined && (isStopped || isRefused(state)) ? (await problemsOfFiles([file], { all: !isStopped, isWhole: false })).filter(isMistake).map(problemText) : []
  if (problems.length > 0 || isStopped) return problems
  return [await lastWordsOf(unit) ?? state.text].filter(text => text !== '')
}

/** What it logged at error last. */
async function lastWordsOf ({ unit }: Unit): Promise<string | null> {
  const text = await journal('--output=json', '--lines=50', `--unit=${unit}`)
  const errors = text.split('\n').flatMap(line => parseJournalLine(line) ?? []).filter(({ level, written }) => level === 'error' && written !== null)
  return errors.at(-1)?.message ?? null
}
