import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import type { Subscriber } from 'zeromq'
import { codeOf } from '../errors.js'
import { withoutRecords } from '../event/composition.js'
import { batchOfBytes, emptyBatch, recordsOf, unclassified } from '../stream/batch.js'
import type { Batch, Context, Position, Provenance } from '../stream/contracts.js'
import type { JournalEntry } from '../stream/journal.js'
import type { Uri } from '../stream/uri.js'
import { isAnsweredBeside, parseMessage, type JournalMessage, type Origin } from '../zmq/journal-messages.js'
import type { Whereabouts } from '../zmq/lag-probe.js'
import type { ReplayClient } from '../zmq/replay-client.js'

export interface SubscriptionOptions {
  /** The subscriber's name: the publisher and the state know it by that. */
  readonly as: string
  /** Where a subscriber begins that was never there before. */
  readonly from: 'oldest' | 'newest'
}

/** How long a message is waited for before `ctx.stop` is looked at, in milliseconds. */
const idleMs = 200

/** Metric: records that came from the journal of the publisher and not live. */
const replayed = 'replayed'
/** Metric: records that no journal has any more. */
const lost = 'lost'

/** A named subscriber of a journaled stream: where it is in the journal, and what it does with the publisher's messages. */
export class Subscription {
  readonly #socket: Subscriber
  readonly #uri: Uri
  readonly #options: SubscriptionOptions
  readonly #ctx: Context
  readonly #replay: ReplayClient
  #origin: Origin | null = null
  /** The record that is handed over next, and the first that is not safe. */
  #next = 0
  #committed = 0
  /** Up to where the publisher has shown its journal to go: it only ever grows. */
  #reached = 0
  /** Nothing was handed over yet of what the journal has: where that begins is not known, and nothing before it is lost. */
  #isFresh = false

  constructor (socket: Subscriber, replay: ReplayClient, uri: Uri, options: SubscriptionOptions, ctx: Context) {
    this.#socket = socket
    this.#replay = replay
    this.#uri = uri
    this.#options = options
    this.#ctx = ctx
  }

  get whereabouts (): ReturnType<Whereabouts> {
    return this.#origin === null ? null : { origin: this.#origin, committed: this.#committed }
  }

  async * batches (): AsyncGenerator<Batch> {
    while (!this.#ctx.stop.aborted && !this.#socket.closed) {
      const message = await this.#receive()
      if (message !== null) yield * this.#take(message)
      // messages that are there resolve without leaving the microtask queue; signals and timers must get their turn
      await turnOfTheLoop()
    }
  }

  /** Remembered with the next save; then the publisher is told. */
  commit (position: Position): void {
    const origin = this.#origin
    const [, id, next] = positionSyntax.exec(position) ?? []
    if (origin === null) return
    this.#ctx.state.remember(sourceOf(this.#options.as, origin.journal), position, () => {
      if (id !== origin.id || this.#socket.closed) return
      this.#committed = Number(next)
      this.#replay.report(origin, this.#committed)
    })
  }

  close (): void {
    this.#socket.close()
    this.#replay.close()
  }

  /** Null if none came in time, or one that cannot be understood. */
  async #receive (): Promise<JournalMessage | null> {
    try {
      this.#socket.receiveTimeout = idleMs
      const frames = await this.#socket.receive()
      const message = parseMessage(frames)
      if (message !== null && isAnsweredBeside(this.#uri, message)) return message
      this.#ctx.log.warn('a message of the stream cannot be understood; is it journaled?', { uri: this.#uri.text, bytes: frames[0]?.length })
      return null
    } catch (error) {
      if (!this.#socket.closed && codeOf(error) !== 'EAGAIN') throw error
      return null
    }
  }

  async * #take (message: JournalMessage): AsyncGenerator<Batch> {
    this.#follow(message)
    this.#noticeOldCopy(message)
    if (message.kind === 'state') {
      yield * this.#fetch(message.next)
      return
    }
    const { first } = message.entry
    if (first > this.#next) yield * this.#fetch(first)
    // if what was missed could not be fetched, this comes too early, and will be missed too
    if (first <= this.#next) yield * this.#give(message.entry)
  }

  /** Until all before `end` is handed over, the publisher is gone, or `ctx.stop`. */
  async * #fetch (end: number): AsyncGenerator<Batch> {
    const origin = this.#origin
    while (origin !== null && this.#next < end && !this.#ctx.stop.aborted) {
      const message = await this.#replay.fetch(origin, this.#next)
      if (message === null) return
      // made anew in this very moment: the stream will say
      if (message.origin.id !== origin.id) return
      if (message.kind === 'state') {
        if (message.next > this.#next) yield * this.#miss(message.next)
        return
      }
      const { first, count } = message.entry
      if (first > this.#next) yield * this.#miss(first)
      this.#ctx.metrics.increment(replayed, Math.max(0, first + count - this.#next))
      yield * this.#give(message.entry)
    }
  }

  /** What of an entry was not handed over yet. */
  async * #give ({ first, count, payload, timeMs, schemas }: JournalEntry): AsyncGenerator<Batch> {
    const known = this.#next - first
    if (known >= count) return
    if (this.#isFresh) this.#begin(timeMs)
    this.#next = first + count
    const rest = known === 0 ? schemas : withoutRecords(schemas, recordsIn(payload).slice(0, known).map(String))
    const batch = batchOfBytes(known === 0 ? payload : withoutFirst(payload, known), { ...this.#provenance(timeMs), taken: rest, schemas: rest })
    if (batch !== null) yield batch
  }

  /** Noted for the ledger: what came before the first record was never for this subscriber. */
  #begin (timeMs: number): void {
    this.#isFresh = false
    if (this.#next > 0) this.#ctx.state.note(`began:${sourceOf(this.#options.as, this.#origin?.journal ?? '')}`, String(timeMs))
  }

  /** The journal does not have what is before `next`. */
  async * #miss (next: number): AsyncGenerator<Batch> {
    const records = next - this.#next
    const now = Date.now()
    if (this.#isFresh) this.#ctx.log.info('the journal begins later: its first records were pruned before this subscriber was known', { uri: this.#uri.text, first: next })
    else {
      this.#ctx.metrics.increment(lost, records)
      this.#ctx.ledger.enter('input', this.#origin?.journal ?? '', 'lost', now, unclassified(records))
      this.#ctx.log.error('records are lost: the publisher\'s journal does not have them any more', { uri: this.#uri.text, records, first: this.#next, last: next - 1 })
    }
    if (this.#isFresh) this.#ctx.state.note(`began:${sourceOf(this.#options.as, this.#origin?.journal ?? '')}`, String(now))
    this.#next = next
    yield emptyBatch(this.#provenance(now))
  }

  #provenance (timeMs: number): Provenance {
    const journal = this.#origin?.journal ?? ''
    return { stream: journal, source: sourceOf(this.#options.as, journal), position: this.#position(), timeMs, taken: new Map(), schemas: new Map() }
  }

  /** Goes on where the last run ended, when the stream shows which journal it is of; also when that is made anew. */
  #follow (message: JournalMessage): void {
    const { origin } = message
    const before = this.#origin
    this.#origin = origin
    if (before?.id === origin.id && before.journal === origin.journal) return
    const { as, from } = this.#options
    const stored = before === null ? this.#ctx.state.position(sourceOf(as, origin.journal)) : this.#position(before)
    const [, id, next] = positionSyntax.exec(stored ?? '') ?? []
    const fields = { uri: this.#uri.text, journal: origin.journal, id: origin.id }
    this.#isFresh = id === undefined
    if (id === origin.id) {
      this.#next = Number(next)
      this.#ctx.log.info('going on with the journal', { ...fields, next: this.#next })
    } else if (id !== undefined && id === origin.previous?.id) {
      const same = origin.previous.next
      this.#next = Math.min(Number(next), same)
      if (Number(next) <= same) this.#ctx.log.info('going on with the journal, which has a new id', { ...fields, next: this.#next })
      else this.#ctx.log.error('the publisher has lost records that this subscriber got: its machine went down; what it can read again comes twice', { ...fields, records: Number(next) - same, first: same })
    } else if (id !== undefined) {
      this.#next = 0
      this.#ctx.log.error('the publisher\'s journal was made anew; what was not read of the old one is lost', { ...fields, old_id: id, old_next: Number(next) })
    } else {
      this.#next = from === 'oldest' ? 0 : startOf(message)
      this.#ctx.log.info('reading the journal for the first time', { ...fields, from })
    }
    this.#reached = this.#committed = this.#next
    // also one that never has to fetch must be known, or what it has not committed is pruned
    this.#replay.report(origin, this.#next)
  }

  /**
   * A journal that is shorter than it was under the same id is one of a backup: it gives numbers again, to other records. Live
   * messages come in order, so one that goes less far than those before it says so.
   */
  #noticeOldCopy (message: JournalMessage): void {
    const reach = message.kind === 'state' ? message.next : message.entry.first + message.entry.count
    const isOld = reach < this.#reached
    this.#reached = reach
    if (!isOld) return
    const { origin } = message
    this.#ctx.log.error('the publisher\'s journal is an older copy of what it was; it is read again, from its oldest record on', { uri: this.#uri.text, journal: origin.journal, id: origin.id, old_next: this.#next, next: reach })
    this.#next = this.#committed = 0
    this.#isFresh = true
    this.#replay.report(origin, 0)
  }

  #position (origin = this.#origin): Position {
    return `${origin?.id ?? ''}:${this.#next}`
  }
}

const positionSyntax = /^([0-9a-f]{16}):(\d{1,16})$/

function sourceOf (as: string, journal: string): string {
  return `journal:${journal}?as=${as}`
}

function startOf (message: JournalMessage): number {
  return message.kind === 'state' ? message.next : message.entry.first
}

function withoutFirst (payload: Buffer, records: number): Buffer {
  const rest = recordsIn(payload)[records]
  return payload.subarray((rest?.byteOffset ?? 0) - payload.byteOffset)
}

function recordsIn (payload: Buffer): Buffer[] {
  const batch = batchOfBytes(payload)
  return batch === null ? [] : recordsOf(batch)
}
