import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandContext } from '../../lib/cli/command.js'
import { messageOf, StreamError, VanadiumError } from '../../lib/errors.js'
import { isThere, type Lease } from '../../lib/sql/mysql/lease-tables.js'
import type { CheckedDatabase } from '../check/database.js'
import type { Front } from '../check/canary/front.js'
import { shortName } from '../lease/report.js'
import { isUp } from '../status/daemons.js'
import { canariesPerSecond, startCanaries, type Canaries } from './canaries.js'
import { hold, type Hold } from './hold.js'
import type { Pair } from './pair.js'
import { mostDisturbedSeconds, patienceSeconds } from './patience.js'
import { countCanaries, lateness, newReport, type Change, type DrillReport } from './report.js'
import { fileOf } from './reports.js'
import { Watch, type Look } from './watch.js'
import type { How, Way } from './ways.js'

export interface DrillSettings {
  readonly lease: string
  readonly database: string
  readonly how: How
  readonly way: Way
  readonly fronts: readonly Front[]
  readonly withinSeconds: number
  /** That a member may be behind. */
  readonly lagSeconds: number
  /** At the end, what is missing has so long to come. */
  readonly settleSeconds: number
  readonly stays: boolean
  readonly reports: string
  /** Directory of the states of this host's daemons. */
  readonly state: string
  /** Tells whoever watches what is done now. */
  step (text: string): void
}

/** Canaries that have come before anything is disturbed: of two seconds. */
const firstCanaries = 2 * canariesPerSecond
/** Two writers would have shown by then; and the writer is well again if it is so for that long. */
const [doubleMs, wellMs] = [3000, 3000]

/** Does it. What is disturbed is put back, whatever happens; what went wrong is in the report. Throws only what is a bug. */
export async function rehearse (db: CheckedDatabase, pair: Pair, settings: DrillSettings, ctx: CommandContext): Promise<DrillReport> {
  const startedMs = Date.now()
  const { lease, database, how, withinSeconds, stays, fronts } = settings
  const report = newReport({ lease, database, how, withinSeconds, stays, writer: shortName(pair.writer), standby: shortName(pair.standby), members: pair.lease.members, fronts: fronts.map(({ name }) => name) }, startedMs)
  const watch = new Watch(db, { lease, front: report.id, sinceMs: startedMs })
  const canaries = startCanaries(fronts, { host: report.host, name: report.id }, ctx)
  const session = new Session(pair, settings, watch, canaries, report, ctx)
  try {
    await session.run()
    report.outcome = report.failures.length === 0 ? 'passed' : 'failed'
  } catch (error) {
    if (!(error instanceof VanadiumError)) throw error
    report.failures.push(messageOf(error))
  } finally {
    await session.end()
  }
  if (!report.isRestored) report.outcome = 'failed'
  report.ended = new Date().toISOString()
  return report
}

class Session {
  readonly #pair: Pair
  readonly #settings: DrillSettings
  readonly #watch: Watch
  readonly #canaries: Canaries
  readonly #report: DrillReport
  readonly #ctx: CommandContext
  #hold: Hold | null = null
  /** In whose name the lease is asked for. */
  #asker: string | null = null

  constructor (pair: Pair, settings: DrillSettings, watch: Watch, canaries: Canaries, report: DrillReport, ctx: CommandContext) {
    this.#pair = pair
    this.#settings = settings
    this.#watch = watch
    this.#canaries = canaries
    this.#report = report
    this.#ctx = ctx
  }

  async run (): Promise<void> {
    const { stays, step } = this.#settings
    step('canaries are sent; waiting for their rows')
    await this.#requireRows()
    step('the writer is disturbed; waiting for the standby')
    const holder = await this.#takeOver()
    step('the writer is put back; waiting until it stands by')
    const isWell = await this.#putBack()
    if (isWell && holder !== null && !stays) {
      step('the lease is asked back')
      await this.#switchBack(holder)
    }
    step('counting')
    await this.#count()
  }

  /** What must be done, whatever has happened. */
  async end (): Promise<void> {
    const report = this.#report
    if (this.#hold !== null) await this.#release().catch((error: unknown) => { report.failures.push(messageOf(error)) })
    try {
      await this.#canaries.stop()
    } finally {
      if (this.#asker !== null) await this.#watch.forget(this.#asker).catch((error: unknown) => { this.#ctx.log.warn('a wish for the lease could not be taken back', { reason: messageOf(error) }) })
      await this.#watch.close()
    }
    const { gap, takes } = this.#watch
    report.longestGap = gap === null ? null : { seconds: gap.seconds, from: new Date(gap.fromMs).toISOString() }
    report.holders = takes.map(({ atMs, token, holder }) => ({ at: new Date(atMs).toISOString(), token, holder: this.#nameOf(holder) }))
    report.canaries.refused = Object.fromEntries(this.#canaries.refused)
    if (report.canaries.sent === 0) report.canaries.sent = this.#canaries.sent.size
  }

  /** Before anything is disturbed, it must work. */
  async #requireRows (): Promise<void> {
    const { withinSeconds } = this.#settings
    const { lease, writer, standby } = this.#pair
    const { sent, refused } = this.#canaries
    const look = await this.#until(({ rows }) => rows >= firstCanaries || refused.size > 0, patienceSeconds(withinSeconds))
    const reasons = [...refused].map(([front, { reason }]) => `${front}: ${reason}`)
    if (reasons.length > 0) throw new StreamError('cannot-write', `a front does not take canaries, so nothing was disturbed: ${reasons.join('; ')}`)
    if (look === null) throw new StreamError('cannot-read', `canaries do not arrive, so nothing was disturbed: ${sent.size} were sent, and their rows are not there`)
    const now = look.lease
    const isSame = now?.holder === writer.member && now.token === lease.token && now.members.some(one => one.member === standby.member && isThere(now, one))
    if (!isSame) throw new StreamError('stopped', 'the lease has changed hands, or the standby is gone, before anything was disturbed')
  }

  /** Resolves with the member that has the lease then; null if none has taken it. */
  async #takeOver (): Promise<string | null> {
    const { writer, lease } = this.#pair
    const { way, withinSeconds, reports } = this.#settings
    const begunMs = await this.#watch.now()
    const held = this.#hold = hold(way, mostDisturbedSeconds(withinSeconds), `${fileOf(reports, this.#report)}.log`)
    this.#report.isRestored = false
    const failed = held.disturbed.then(async () => await new Promise<never>(() => {}))
    const { change, member } = await Promise.race([this.#change(writer.member, begunMs, ({ holder, token }) => !['', writer.member].includes(holder) && token > lease.token), failed])
    this.#report.takeOver = change
    this.#judge('take-over', change)
    if (member !== null) this.#report.standby = this.#nameOf(member)
    return member
  }

  /** Resolves with whether the writer stands by, and is well. */
  async #putBack (): Promise<boolean> {
    const { writer } = this.#pair
    const { withinSeconds, lagSeconds, state } = this.#settings
    await this.#release()
    const restoredMs = await this.#watch.now()
    let sinceMs: number | null = null
    const look = await this.#until(look => {
      const own = this.#own(look.lease)
      const isWell = look.lease !== null && look.lease.holder !== '' && own !== undefined && look.atMs - own.seenSecondsAgo * 1000 > restoredMs &&
        own.lagSeconds <= lagSeconds && isUp(state, { daemon: 'consumer', instance: writer.instance })
      sinceMs = isWell ? sinceMs ?? look.atMs : null
      return sinceMs !== null && look.atMs - sinceMs >= wellMs
    }, patienceSeconds(withinSeconds))
    if (look === null) this.#report.failures.push(`${shortName(writer)} was put back, and does not stand by, or lags`)
    return look !== null
  }

  async #switchBack (holder: string): Promise<void> {
    const look = await this.#until(() => true, 1)
    const own = this.#own(look?.lease ?? null)
    // it may have taken the lease for an event that the other one never got
    if (own === undefined || look?.lease?.holder === own.member) return
    const begunMs = await this.#watch.now()
    this.#asker = own.member
    this.#watch.want(own.member)
    const { change } = await this.#change(holder, begunMs, lease => lease.holder === own.member)
    if (change.leaseSeconds !== null) {
      this.#watch.want(null)
      this.#asker = null
    }
    this.#report.switchBack = change
    this.#judge('switch back', change)
  }

  async #count (): Promise<void> {
    const { report, canaries } = { report: this.#report, canaries: this.#canaries }
    await canaries.stop()
    await this.#watch.endGap()
    await this.#until(({ rows }) => rows >= canaries.sent.size, this.#settings.settleSeconds)
    await sleep(doubleMs, undefined, { signal: this.#ctx.stop }).catch(() => {})
    if (this.#ctx.stop.aborted) throw new StreamError('stopped', 'stopped before the end')
    Object.assign(report.canaries, countCanaries(canaries.sent, await this.#watch.stored()))
    const { missing, doubled } = report.canaries
    if (missing.length > 0) report.failures.push(`${missing.length} of ${canaries.sent.size} canaries are missing`)
    if (doubled.length > 0) report.failures.push(`${doubled.length} canaries are doubled`)
  }

  /** Waits until `is` holds of the lease, and then for a row of who has it: all that comes after the moment in which that was seen is of the new one. */
  async #change (from: string, begunMs: number, is: (lease: Lease) => boolean): Promise<{ change: Change, member: string | null }> {
    const seconds = patienceSeconds(this.#settings.withinSeconds)
    const taken = await this.#until(({ lease }) => lease !== null && is(lease), seconds)
    const change = { from: this.#nameOf(from), to: '', begun: new Date(begunMs).toISOString(), leaseSeconds: null, firstRowSeconds: null }
    if (taken?.lease == null) return { change, member: null }
    const { holder, since } = taken.lease
    const first = await this.#until(({ rows }) => rows > taken.rows, seconds)
    return {
      member: holder,
      change: {
        ...change,
        to: this.#nameOf(holder),
        leaseSeconds: Math.max(0, Date.parse(since) - begunMs) / 1000,
        firstRowSeconds: first === null ? null : (first.atMs - begunMs) / 1000
      }
    }
  }

  async #release (): Promise<void> {
    const held = this.#hold
    if (held === null) return
    try {
      this.#hold = null
      await held.release()
      this.#report.isRestored = true
    } catch (error) {
      this.#ctx.log.error('what the drill has disturbed could not be put back', { command: this.#settings.way.restore, reason: messageOf(error) })
      throw error
    }
  }

  #judge (what: string, change: Change): void {
    const late = lateness(what, change, this.#settings.withinSeconds)
    if (late !== null) this.#report.failures.push(late)
  }

  async #until (is: (look: Look) => boolean, seconds: number): Promise<Look | null> {
    return await this.#watch.until(is, seconds, this.#ctx.stop)
  }

  /** The member that was disturbed, as it is now: it may have a new state. */
  #own (lease: Lease | null): Lease['members'][number] | undefined {
    const { host, instance } = this.#pair.writer
    return lease?.members.filter(one => one.host === host && one.instance === instance).sort((a, b) => a.seenSecondsAgo - b.seenSecondsAgo)[0]
  }

  #nameOf (member: string): string {
    const found = this.#pair.lease.members.find(one => one.member === member)
    return found === undefined ? member : shortName(found)
  }
}
