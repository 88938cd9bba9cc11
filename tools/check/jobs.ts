import { statSync } from 'node:fs'
import { ConfigError, messageOf } from '../../lib/errors.js'
import { lastErrorKey, pulseKey, startsKey, type LastError, type Pulse, type Start } from '../../lib/cli/pulse.js'
import { stateFile } from '../../lib/stream/state.js'
import { openForReading } from '../journal/databases.js'
import { isUp, parsed } from '../status/daemons.js'
import { durationText } from '../text.js'
import { definedIn, type Instance } from './instances.js'
import { configOption } from './leftovers.js'
import { defineCheck, type CheckContext } from './plug-in.js'
import { parseRange, type Range } from './range.js'
import { stateOf, worst, type Figure, type Result, type State } from './result.js'

/** Restarts are counted for so long, in milliseconds. */
const countedMs = 24 * 3_600_000
/** One that has started so short a time ago is mentioned. */
const freshMs = 10 * 60_000

/** Seconds since the last pulse, and restarts, that are worth a warning or an alarm unless somebody says otherwise. */
export const usualRanges = { warning: '30', critical: '120' } as const
export const usualRestarts = '2'

export const jobs = defineCheck({
  name: 'jobs',
  summary: 'Whether every defined instance runs: critical for each that does not, is stuck, or dies again and again.',
  examples: [
    ['vanadium check jobs', 'every argument file under /etc/vanadium.d'],
    ['vanadium check jobs --config /srv/vanadium.d --state /srv/state -w 60 -c 300', 'elsewhere; stuck after a minute'],
    ['vanadium check jobs --critical-restarts 10 -v', 'a line for each instance']
  ],
  notes: 'An instance runs if its process holds the lock of its state. Every 5 s it notes a pulse there, unless it is stuck, or the disk is\n' +
    'full: -w and -c are for the seconds since the last. --warning-restarts and --critical-restarts are for restarts within a day that\n' +
    'nobody had asked for: after a crash, a kill, or a failure. As another user: membership in the group of the daemons.\n\n',
  options: {
    config: configOption,
    'warning-restarts': { type: 'string', default: usualRestarts, requiresArg: true, description: 'Range of unasked restarts in a day that is worth a warning' },
    'critical-restarts': { type: 'string', requiresArg: true, description: 'The same for an alarm [default: none: a daemon that is up again is no cause of what follows]' }
  },
  ranges: usualRanges,
  prepare ({ config, 'warning-restarts': warning, 'critical-restarts': critical }) {
    const restarts = { warning: parseRange('--warning-restarts', warning), critical: critical === undefined ? undefined : parseRange('--critical-restarts', critical) }

    return async ctx => {
      const found = definedIn(config).map(instance => jobOf(instance, ctx, restarts))
      return await Promise.resolve(resultOf(found, ctx, restarts))
    }
  }
})

/** What of a check of instances is a warning, or an alarm. */
export interface Limits {
  readonly warning: Range
  readonly critical: Range | undefined
}

/** An instance as it is found. */
export interface Job {
  /** `consumer mysql` */
  readonly name: string
  readonly state: State
  /** After the name: `is down`. */
  readonly is: string
  readonly more: readonly string[]
  readonly up: boolean
  readonly pulseSeconds: number | null
  readonly restarts: number
  readonly startedMs: number | null
}

/** What an instance has noted about itself; why that cannot be known. */
interface Notes {
  readonly pulse: Pulse | null
  readonly starts: readonly Start[]
  readonly lastError: LastError | null
  readonly unreadable: string | null
}

const noNotes: Notes = { pulse: null, starts: [], lastError: null, unreadable: null }

/** Whether an instance runs, and well. Throws `ConfigError` where there is no directory of states. */
export function jobOf (instance: Instance, ctx: Pick<CheckContext, 'stateDirectory' | 'warning' | 'critical'>, limits: Limits): Job {
  const name = `${instance.daemon} ${instance.instance}`
  const directory = instance.stateDirectory ?? ctx.stateDirectory
  const unknown = (reason: string): Job => ({ name, state: 'unknown', is: 'cannot be looked at', more: [reason], up: false, pulseSeconds: null, restarts: 0, startedMs: null })
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new ConfigError('bad-option', `--state ${directory}: there is no such directory; name the one that the daemons have`)
  }
  try {
    const up = isUp(directory, instance)
    return judged(name, up, notesOf(directory, instance), ctx, limits)
  } catch (error) {
    return unknown(messageOf(error))
  }
}

function notesOf (directory: string, { daemon, instance }: Instance): Notes {
  const file = stateFile(directory, `${daemon}-${instance}`)
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return noNotes
  let db
  try {
    db = openForReading(directory, file.slice(directory.length).replace(/^\/+|\.sqlite$/g, ''))?.db
    const remarks = new Map(db?.prepare<[], { key: string, value: string }>('SELECT key, value FROM remark').all().map(({ key, value }) => [key, value]))
    return { pulse: parsed(remarks.get(pulseKey)), starts: parsed<Start[]>(remarks.get(startsKey)) ?? [], lastError: parsed(remarks.get(lastErrorKey)), unreadable: null }
  } catch (error) {
    return { ...noNotes, unreadable: messageOf(error) }
  } finally {
    db?.close()
  }
}

function judged (name: string, up: boolean, { pulse, starts, lastError, unreadable }: Notes, ctx: Pick<CheckContext, 'warning' | 'critical'>, limits: Limits): Job {
  const now = Date.now()
  const restarts = starts.filter(({ atMs, asked }) => asked === false && atMs > now - countedMs).length
  const pulseSeconds = up && pulse !== null ? Math.max(0, Math.round((now - pulse.atMs) / 1000)) : null
  const startedMs = up ? pulse?.startedMs ?? null : null
  const more = [
    ...(startedMs === null ? [] : [`started ${durationText(now - startedMs)} ago`]),
    ...(!up && pulse !== null ? [`last seen ${durationText(now - pulse.atMs)} ago`] : []),
    ...(!up && pulse === null && unreadable === null ? ['it never ran here'] : []),
    ...(restarts === 0 ? [] : [`${times(restarts)} restarted unasked within a day`]),
    ...(lastError === null ? [] : [`${durationText(now - lastError.atMs)} ago: ${lastError.message}`]),
    ...(unreadable === null ? [] : [`its state cannot be read: ${unreadable}`])
  ]
  const common = { name, more, up, pulseSeconds, restarts, startedMs }
  if (!up) return { ...common, state: 'critical', is: 'is down' }
  const stuck = pulseSeconds === null ? 'ok' : stateOf(pulseSeconds, ctx.warning, ctx.critical)
  if (stuck !== 'ok') return { ...common, state: stuck, is: `is stuck, or its disk is full: no pulse for ${durationText((pulseSeconds ?? 0) * 1000)}` }
  const dying = stateOf(restarts, limits.warning, limits.critical)
  if (dying !== 'ok') return { ...common, state: dying, is: `died ${times(restarts)} within a day` }
  if (unreadable !== null) return { ...common, state: 'unknown', is: 'runs, and cannot be looked at' }
  return { ...common, state: 'ok', is: 'runs' }
}

function times (count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function resultOf (found: readonly Job[], ctx: CheckContext, limits: Limits): Result {
  const state = worst(found.map(job => job.state))
  const shown = ctx.verbose ? found : found.filter(job => job.state !== 'ok')
  return {
    state,
    summary: summaryOf(found, state),
    details: shown.map(({ name, is, more }) => `${name} ${[is, ...more].join('; ')}`),
    figures: [
      { label: 'running', value: found.filter(({ up }) => up).length, min: 0, max: found.length },
      { label: 'restarts', value: found.reduce((sum, { restarts }) => sum + restarts, 0), min: 0 },
      ...found.flatMap(job => figuresOf(job, ctx, limits))
    ]
  }
}

function figuresOf ({ name, pulseSeconds, restarts }: Job, { warning, critical }: CheckContext, limits: Limits): Figure[] {
  const label = name.replace(' ', '-')
  return [
    ...(pulseSeconds === null ? [] : [{ label: `${label}.pulse`, value: pulseSeconds, unit: 's' as const, warning, critical, min: 0 }]),
    { label: `${label}.restarts`, value: restarts, ...limits, min: 0 }
  ]
}

/** What is worst, by kind, so that it fits a line also when several are. */
function summaryOf (found: readonly Job[], state: State): string {
  if (state === 'ok') {
    const fresh = found.filter(({ startedMs }) => startedMs !== null && Date.now() - startedMs < freshMs)
    const mention = fresh.length === 0 ? '' : `; started within ${durationText(freshMs)}: ${names(fresh)}`
    return `${found.length === 1 ? 'the one instance runs' : `all ${found.length} instances run`}${mention}`
  }
  const worstOnes = found.filter(job => job.state === state)
  const down = worstOnes.filter(({ up }) => !up)
  const [one] = worstOnes
  if (one !== undefined && worstOnes.length === 1) return `${one.name} ${one.is}`
  if (state === 'critical' && down.length > 0) return `${down.length} of ${found.length} down: ${names(down)}${worstOnes.length > down.length ? `; not well: ${names(worstOnes.filter(({ up }) => up))}` : ''}`
  return `${worstOnes.length} of ${found.length} ${state === 'unknown' ? 'cannot be looked at' : 'not well'}: ${names(worstOnes)}`
}

function names (jobs: readonly Job[]): string {
  return jobs.map(({ name }) => name).join(', ')
}
