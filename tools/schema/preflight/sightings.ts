import { harmlessPointer, harmlessSeen, sampleOf } from '../../../lib/counts/privacy.js'
import type { Shape } from '../../../lib/counts/shape.js'
import type { Capsule } from '../../../lib/event/capsule.js'
import type { Problem } from '../../../lib/event/schemas.js'

/** What is wrong with a record, as far as it counts. */
export type Fault = Pick<Problem, 'pointer' | 'expected'>

/** Events that fail alike. */
export interface FailureGroup {
  readonly pointer: string
  readonly expected: string
  count: number
  /** What came there first, in words where it may be personal. */
  readonly seen: string
  /** The first of the events, without what may be personal; empty for none. */
  readonly sample: string
}

/** What is told apart: what came is its sender's. */
const mostGroups = 100
const mostRevisions = 20
const others = 'others'

/** Groups of failures, the most frequent first. */
export class Failures {
  readonly #groups = new Map<string, FailureGroup>()
  readonly #shape: Shape

  constructor (shape: Shape) {
    this.#shape = shape
  }

  add ({ pointer, expected }: Fault, capsule: Readonly<Capsule> | null): void {
    const field = harmlessPointer(pointer, this.#shape)
    const key = this.#groups.size < mostGroups || this.#groups.has(`${field}\n${expected}`) ? `${field}\n${expected}` : others
    const known = this.#groups.get(key)
    if (known !== undefined) known.count++
    else if (key === others) this.#groups.set(key, { pointer: others, expected: '', count: 1, seen: '', sample: '' })
    else {
      const seen = capsule === null ? '' : harmlessSeen(capsule, pointer, this.#shape)
      this.#groups.set(key, { pointer: field, expected, count: 1, seen, sample: capsule === null ? '' : sampleOf(capsule, pointer, this.#shape) })
    }
  }

  sorted (): FailureGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count)
  }
}

/** What was seen of a schema's events among raw lines, and what becomes of them. Bounded, whatever comes. */
export class Sightings {
  /** Records that were read. */
  read = 0
  /** Dropped by what wraps the input of the live processor. */
  filtered = 0
  outOfRange = 0
  /** Of other schemas. */
  others = 0
  seen = 0
  readonly passes = { today: 0, proposed: 0 }
  /** Valid today and not as proposed, and the other way round. */
  readonly changed = { broken: 0, mended: 0 }
  readonly failures: { readonly today: Failures, readonly proposed: Failures }
  /** What does not say of which schema it is. */
  unnamed = 0
  readonly unnamedBecause: Failures
  /** Of those, what would be a valid event of the schema if it said so. */
  unnamedButAlike = 0
  readonly revisions = new Map<string, number>()
  firstSeconds: number | null = null
  lastSeconds: number | null = null

  constructor (shape: Shape) {
    this.failures = { today: new Failures(shape), proposed: new Failures(shape) }
    this.unnamedBecause = new Failures(shape)
  }

  /** An event of the schema; null for no fault. */
  see (capsule: Readonly<Capsule> | null, revision: number, today: Fault | null, proposed: Fault | null): void {
    this.seen++
    const key = this.revisions.size < mostRevisions || this.revisions.has(String(revision)) ? String(revision) : others
    this.revisions.set(key, (this.revisions.get(key) ?? 0) + 1)
    for (const [when, fault] of [['today', today], ['proposed', proposed]] as const) {
      if (fault === null) this.passes[when]++
      else this.failures[when].add(fault, capsule)
    }
    if (today === null && proposed !== null) this.changed.broken++
    if (today !== null && proposed === null) this.changed.mended++
  }

  /** The time of any record. */
  note (seconds: number | null): void {
    if (seconds === null) return
    this.firstSeconds = Math.min(this.firstSeconds ?? seconds, seconds)
    this.lastSeconds = Math.max(this.lastSeconds ?? seconds, seconds)
  }

  get spanSeconds (): number {
    return this.firstSeconds === null || this.lastSeconds === null ? 0 : this.lastSeconds - this.firstSeconds
  }

  /** Records that were looked at, of whatever schema. */
  get looked (): number {
    return this.others + this.seen + this.unnamed
  }
}
