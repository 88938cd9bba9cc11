import { messageOf } from '../../lib/errors.js'
import { classify } from '../../lib/sql/errors.js'
import { isThere, readLease, type Lease, type Member } from '../../lib/sql/mysql/lease-tables.js'
import type { CheckedDatabase } from '../check/database.js'
import { definedIn } from '../check/instances.js'
import { jobOf, usualRanges, usualRestarts } from '../check/jobs.js'
import { parseRange } from '../check/range.js'
import { shortName } from '../lease/report.js'
import { durationText } from '../text.js'
import { finishedReports } from './reports.js'

export interface PairOptions {
  readonly lease: string
  /** This one. */
  readonly host: string
  /** Seconds that a member may be behind. */
  readonly lag: number
  /** The drill asks for the lease at its end. */
  readonly asksBack: boolean
  readonly config: string
  readonly state: string
  readonly reports: string
  readonly again: boolean
}

/** The two that a drill is about. */
export interface Pair {
  readonly lease: Lease
  readonly writer: Member
  readonly standby: Member
}

/** A drill within that time would be one too many. */
const restMs = 3_600_000

/** What the pair is, and all that speaks against a drill now. Changes nothing. The pair is there if nothing speaks against it. */
export async function lookAtPair (db: CheckedDatabase, options: PairOptions): Promise<{ pair: Pair | null, problems: string[] }> {
  const lease = await readLease(async sql => await db.query(sql), options.lease)
  const writer = lease?.members.find(({ member }) => member === lease.holder)
  const standby = lease === null ? undefined : standbysOf(lease, writer)[0]
  const problems = [
    ...problemsOfLease(lease, writer, standby, options),
    ...await problemsOfServer(db, options),
    ...problemsOfHost(options),
    ...problemsOfTime(options)
  ]
  return { pair: lease === null || writer === undefined || standby === undefined ? null : { lease, writer, standby }, problems }
}

/** Those that could take over, the best first. A consumer with a new state was another member before. */
function standbysOf (lease: Lease, writer: Member | undefined): Member[] {
  const isWriter = ({ host, instance }: Member): boolean => host === writer?.host && instance === writer.instance
  return lease.members.filter(member => member.member !== lease.holder && !isWriter(member) && isThere(lease, member)).sort((a, b) => a.lagSeconds - b.lagSeconds)
}

function problemsOfLease (lease: Lease | null, writer: Member | undefined, standby: Member | undefined, { host, lag, lease: name }: PairOptions): string[] {
  if (lease === null) return [`nobody ever had the lease ${name} in this database: no consumer names it, or in another one`]
  const others = lease.members.filter(({ member }) => member !== lease.holder)
  return [
    ...lease.holder === '' ? [`nobody writes: the lease ${name} is free`] : [],
    ...writer !== undefined && writer.host !== host ? [`the lease is held by ${shortName(writer)}, and this host is ${host}: run the drill on ${writer.host}`] : [],
    ...standby === undefined ? [others.length === 0 ? 'nobody stands by' : `nobody stands by: ${others.map(one => `${shortName(one)} was last heard of ${durationText(one.seenSecondsAgo * 1000)} ago`).join(', ')}`] : [],
    ...[writer, standby].flatMap(one => one !== undefined && one.lagSeconds > lag ? [`${shortName(one)} is ${durationText(one.lagSeconds * 1000)} behind; at most ${lag} s (--lag)`] : []),
    ...lease.wantedBy === '' ? [] : [`${lease.wantedBy} asks for the lease: it has events that the writer never got`]
  ]
}

async function problemsOfServer (db: CheckedDatabase, { asksBack }: PairOptions): Promise<string[]> {
  const [row] = await db.query('SELECT @@GLOBAL.read_only AS is_read_only')
  if (!['0', 'OFF', 'NO_LOCK'].includes(String(row?.['is_read_only']))) return ['the database is read-only']
  if (!asksBack) return []
  try {
    await db.query('UPDATE vanadium_leases SET wanted_by = wanted_by WHERE FALSE')
    return []
  } catch (error) {
    if (classify(error) !== 'operator') return []
    return [`the account cannot ask for the lease back: ${messageOf(error)}; GRANT UPDATE (wanted_by) ON vanadium_leases, or --stay`]
  }
}

/** As `vanadium check jobs` sees it. */
function problemsOfHost ({ config, state }: PairOptions): string[] {
  const ranges = { warning: parseRange('--warning', usualRanges.warning), critical: parseRange('--critical', usualRanges.critical) }
  return definedIn(config).map(instance => jobOf(instance, { stateDirectory: state, ...ranges }, { warning: parseRange('--warning-restarts', usualRestarts), critical: undefined }))
    .filter(job => job.state !== 'ok').map(({ name, is }) => `${name} ${is}`)
}

function problemsOfTime ({ reports, again }: PairOptions): string[] {
  const [last] = finishedReports(reports)
  const agoMs = last === undefined ? Infinity : Date.now() - Date.parse(last.started)
  return again || agoMs > restMs ? [] : [`the last drill was ${durationText(agoMs)} ago; --again, if it is to be`]
}
