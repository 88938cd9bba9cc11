import { hostname } from 'node:os'
import type { Member } from '../../lib/sql/mysql/lease-tables.js'
import { version } from '../../lib/version.js'
import type { How } from './ways.js'

export const outcomes = ['passed', 'failed', 'stopped'] as const

/** The lease in other hands. Seconds are by the database server's clock, from when it was asked for or its writer was disturbed. */
export interface Change {
  /** Of whom, `db1/mysql`. */
  readonly from: string
  readonly to: string
  readonly begun: string
  /** Until another one had the lease; null if nobody had. */
  readonly leaseSeconds: number | null
  /** Until it was seen that it had stored a row. */
  readonly firstRowSeconds: number | null
}

/** What a drill has found. Times are ISO 8601. */
export interface DrillReport {
  readonly drill: 'failover'
  /** Also what its canaries have as `event_front`; without a blank, which would end a line of an application server. */
  readonly id: string
  readonly version: string
  readonly host: string
  readonly lease: string
  readonly database: string
  readonly how: How
  readonly started: string
  ended: string
  /** `stopped`: it was not done to its end. */
  outcome: typeof outcomes[number]
  /** Why it has not passed. */
  readonly failures: string[]
  readonly withinSeconds: number
  readonly writer: string
  standby: string
  takeOver: Change | null
  /** Null with --stay, too. */
  switchBack: Change | null
  readonly stays: boolean
  /** Longest time without a row, from the first canary to the last. */
  longestGap: { readonly seconds: number, readonly from: string } | null
  readonly canaries: {
    readonly fronts: readonly string[]
    sent: number
    stored: number
    /** When each was sent. */
    missing: readonly string[]
    doubled: readonly string[]
    /** By front: how often it took none, and why. */
    refused: Readonly<Record<string, { readonly times: number, readonly reason: string }>>
  }
  /** Everybody who was seen to have the lease; nobody: empty. */
  holders: ReadonlyArray<{ readonly at: string, readonly token: number, readonly holder: string }>
  /** Whether what was disturbed was put back. */
  isRestored: boolean
  /** Everybody who shares the lease, as before the drill. */
  readonly members: readonly Member[]
}

export function newReport (parts: Pick<DrillReport, 'lease' | 'database' | 'how' | 'withinSeconds' | 'writer' | 'standby' | 'stays' | 'members'> & { fronts: readonly string[] }, startedMs: number): DrillReport {
  const { fronts, ...rest } = parts
  const started = new Date(startedMs).toISOString()
  return {
    drill: 'failover',
    id: `drill-${started}`,
    version: version(),
    host: hostname(),
    ...rest,
    started,
    ended: started,
    outcome: 'stopped',
    failures: [],
    takeOver: null,
    switchBack: null,
    longestGap: null,
    canaries: { fronts, sent: 0, stored: 0, missing: [], doubled: [], refused: {} },
    holders: [],
    isRestored: true
  }
}

/** Whether a change took longer than it may, in words; null if not. */
export function lateness (what: string, { leaseSeconds, firstRowSeconds }: Change, withinSeconds: number): string | null {
  if (leaseSeconds === null) return `${what}: nobody had the lease`
  if (firstRowSeconds === null) return `${what}: no row was stored`
  return firstRowSeconds > withinSeconds ? `${what}: the first row came after ${firstRowSeconds.toFixed(1)} s, more than ${withinSeconds} s` : null
}

/** Compares what was sent with the rows: each canary has a time of its own. */
export function countCanaries (sent: ReadonlySet<number>, stored: readonly number[]): Pick<DrillReport['canaries'], 'sent' | 'stored' | 'missing' | 'doubled'> {
  const once = new Set<number>()
  const doubled = stored.filter(at => once.size === once.add(at).size)
  const text = (at: number): string => new Date(at).toISOString()
  return {
    sent: sent.size,
    stored: [...once].filter(at => sent.has(at)).length,
    missing: [...sent].filter(at => !once.has(at)).map(text),
    doubled: doubled.map(text)
  }
}
