import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import { Bell } from './bell.js'
import { askForLease, enterMember, forgetWish, letGoOfLease, lookAtLease, renewLease, type Claimant, type Seen } from './lease-statements.js'
import { Loads } from './lease-loads.js'
import { prepareTakeOver, takeOver } from './lease-take-over.js'
import type { Link, Session } from './session.js'

/** What a work resolves with that found, within its transaction, that another member has the lease. */
export const fenced = Symbol('fenced')

/** Gauge: 1 while this instance writes. */
export const holdsLease = 'holds_lease'

/** Of a stop: for the last word to the server. */
const goodbyeMs = 2000
/** Lease seconds for which whoever got it because it asked keeps it. */
export const restFactor = 5

export interface LeaseOptions extends Claimant {
  /** What the member has and the holder does not store for so long is a reason to ask for the lease. */
  readonly askSeconds: number
}

/**
 * Keeps a lease, or waits for it, on a connection of its own (docs/decisions/0022). Whoever has it is known to the server alone: `writes` is what this
 * member believes, and each transaction of rows asks again.
 */
export class LeaseKeeper {
  readonly claimant: LeaseOptions
  readonly #ctx: Context
  readonly #session: Session
  /** Of the lease, while this member has it. */
  #token: number | null = null
  #seen: Seen | null = null
  #prepared: Link | null = null
  readonly #loads = new Loads(() => { this.#bell.ring() })
  #closing = false
  #failure: unknown
  /** Who wants the lease, each for a reason of its own; and whether the server knows. */
  readonly #wishes = new Map<object, Record<string, unknown>>()
  #hasAsked = false
  readonly #bell = new Bell()
  readonly #taken: Array<() => void> = []
  readonly #running: Promise<void>

  constructor (ctx: Context, session: Session, options: LeaseOptions) {
    this.#ctx = ctx
    this.#session = session
    this.claimant = options
    ctx.stop.addEventListener('abort', () => { this.#bell.ring() }, { once: true })
    this.#running = this.#run()
  }

  /** Whether rows are to be stored, as far as this member knows. */
  get writes (): boolean {
    return this.#token !== null && !this.#loads.yields
  }

  /** Whether it has the lease, as far as it knows, be it that it is about to let go. */
  get holds (): boolean {
    return this.#token !== null
  }

  /** Who writes, in a word; for people. */
  get holder (): string {
    const { host = '', holder = '' } = this.#seen ?? {}
    return host === '' ? holder : host
  }

  /** How far the holder is behind, in seconds, as it says. */
  get holderLag (): number {
    return this.#seen?.holderLag ?? 0
  }

  /** Resolves after `ms`, or as soon as something has changed. Throws when the lease cannot be kept any more. */
  async change (ms: number): Promise<void> {
    if (this.#failure === undefined) await this.#bell.wait(ms)
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Does what only the holder may; null if this member is not. `work` resolves with `fenced` if the server says so; then it has changed nothing. */
  async use<T> (work: (token: number) => Promise<T | typeof fenced>): Promise<T | null> {
    const token = this.#token
    if (token === null || this.#loads.yields) return null
    const result = await this.#loads.run(async () => await work(token))
    if (result !== fenced) return result
    if (this.#token === token) this.#lose()
    return null
  }

  /** Calls back each time that this member has got the lease. */
  onTaken (callback: () => void): void {
    this.#taken.push(callback)
  }

  /** Asks the holder to let go; `why` is for the log. In force until `who` is content. */
  ask (who: object, why: Record<string, unknown>): void {
    if (this.#wishes.has(who)) return
    this.#wishes.set(who, why)
    this.#bell.ring()
  }

  content (who: object): void {
    if (this.#wishes.delete(who)) this.#bell.ring()
  }

  /** Lets go, so that somebody else need not wait until it has expired. */
  async close (): Promise<void> {
    this.#closing = true
    this.#bell.ring()
    // a take-over that is under way
    await Promise.race([this.#running, sleep(goodbyeMs, undefined, { ref: false })])
    await Promise.race([this.#sayGoodbye(), sleep(goodbyeMs, undefined, { ref: false })])
    this.#session.close()
    this.#ctx.metrics.gauge(holdsLease, 0)
    this.#tell(null)
  }

  async #sayGoodbye (): Promise<void> {
    const token = this.#token
    const { name, member } = this.claimant
    this.#token = null
    if (this.#failure !== undefined || (token === null && !this.#hasAsked)) return
    try {
      await this.#session.run(async link => {
        if (token === null) await forgetWish(link, this.claimant, member)
        else await letGoOfLease(link, this.claimant, token)
      })
      if (token !== null) this.#ctx.log.info('lets go of the lease', { lease: name, token })
    } catch (error) {
      this.#ctx.log.warn('the lease could not be let go; it expires', { lease: name, reason: messageOf(error) })
    }
  }

  async #run (): Promise<void> {
    try {
      while (!this.#closing) {
        await this.#session.run(async link => { await this.#turn(link) })
        if (!this.#closing) await this.change(this.#pauseMs())
      }
    } catch (error) {
      this.#failure = error
      this.#bell.ring()
    }
  }

  /** A standby looks again when the lease may have expired. */
  #pauseMs (): number {
    const quarter = this.claimant.seconds * 250
    // the last load has ended while nobody listened
    if (this.#loads.yields && !this.#loads.isRunning) return 0
    if (this.#token !== null || this.#seen === null) return quarter
    if (this.#hasAsked) return quarter / 4
    const { secondsLeft } = this.#seen
    return secondsLeft > 0 ? Math.min(quarter, secondsLeft * 1000 + 20) : quarter / 4
  }

  async #turn (link: Link): Promise<void> {
    if (this.#closing) return
    await link.requireWritable()
    if (this.#prepared !== link) await prepareTakeOver(link)
    this.#prepared = link
    // while a load hangs the lease may expire: who takes it then ends the transaction
    if (this.#token !== null && !this.#loads.hangs(this.claimant.seconds) && !await renewLease(link, this.claimant, this.#token)) this.#lose()
    const found = await lookAtLease(link, this.claimant)
    if (this.#token !== null && (found.holder !== this.claimant.member || found.token !== this.#token)) this.#lose()
    const seen = this.#noticed(found)
    if (this.#token !== null) await this.#heed(link, seen)
    else if (seen.isFree && !this.#ctx.stop.aborted && !this.#closing) await this.#take(link, seen)
    else await this.#wish(link, seen)
    await enterMember(link, this.claimant, this.#ctx.lags.summary().seconds)
    this.#ctx.metrics.gauge(holdsLease, this.#token === null ? 0 : 1)
  }

  #noticed (seen: Seen): Seen {
    const before = this.#seen
    this.#seen = seen
    if (this.#token === null && !seen.isFree && !['', this.claimant.member].includes(seen.holder) && before?.holder !== seen.holder) {
      this.#ctx.log.info('stands by; another instance writes', { lease: this.claimant.name, holder: seen.holder, token: seen.token })
      this.#tell(seen)
    }
    return seen
  }

  /** Lets go when somebody else wants the lease, between two loads. */
  async #heed (link: Link, { wantedBy, isWanted }: Seen): Promise<void> {
    const { name, member } = this.claimant
    const token = this.#token
    if (token === null) return
    const isAsked = wantedBy !== '' && wantedBy !== member
    if (!isAsked || !isWanted) {
      if (isAsked) await forgetWish(link, this.claimant, wantedBy)
      if (this.#loads.goOn()) this.#bell.ring()
      return
    }
    this.#loads.yield()
    if (this.#loads.isRunning) return
    await letGoOfLease(link, this.claimant, token)
    this.#ctx.log.info('lets go of the lease: another instance has events that this one never got', { lease: name, token, wanted_by: wantedBy })
    this.#forget()
  }

  async #take (link: Link, before: Seen): Promise<void> {
    const { name, member } = this.claimant
    const token = await takeOver(link, this.claimant, before.holder, this.#ctx.log)
    if (token === null) return
    this.#token = token
    this.#hasAsked = false
    this.#seen = { ...before, holder: member, host: '', token, isFree: false, wantedBy: '' }
    this.#ctx.log.info('has the lease: this instance writes', { lease: name, token, before: before.holder })
    this.#tell(null)
    this.#bell.ring()
    for (const callback of this.#taken) callback()
  }

  async #wish (link: Link, { wantedBy, holder }: Seen): Promise<void> {
    const { name, member, askSeconds } = this.claimant
    const [why] = this.#wishes.values()
    if (why === undefined) {
      if (wantedBy === member) await forgetWish(link, this.claimant, member)
      this.#hasAsked = false
    } else if (wantedBy === '' && await askForLease(link, this.claimant, askSeconds * restFactor)) {
      this.#hasAsked = true
      this.#ctx.log.warn('asks for the lease: the holder does not store what this instance has', { lease: name, holder, ...why })
    }
  }

  #lose (): void {
    this.#ctx.log.warn('the lease is lost; another instance writes', { lease: this.claimant.name, token: this.#token })
    this.#forget()
  }

  #forget (): void {
    this.#token = null
    this.#loads.goOn()
    this.#seen = null
    this.#tell(null)
    this.#bell.ring()
  }

  /** `seen`: whom this member stands by for; null if it does not. */
  #tell (seen: Seen | null): void {
    this.#ctx.waiting(`the lease ${this.claimant.name}`, seen === null ? null : `stands by; ${this.holder} writes`)
  }
}
