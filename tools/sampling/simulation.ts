import type { Capsule } from '../../lib/event/capsule.js'
import { keysOf } from '../../lib/event/field-path.js'
import { placeOf, rateIn, tokenOf } from '../../lib/event/sampling.js'
import type { FieldPath } from '../../lib/registry/entry.js'
import { secondsOf } from '../replay/times.js'
import { Clusters } from './clusters.js'
import { Values, type FieldValue } from './values.js'

export interface Proposal {
  /** Above 0. */
  readonly rate: number
  readonly by: FieldPath | null
  /** The rate by which the registry has the schema's events sampled now; 1 if it has not. */
  readonly inForce: number
}

/** How much comes, or is kept. Fractions are of events that are not in the files, for which others stand. */
export interface Volume {
  events: number
  bytes: number
  /** Events by hour since 1970. */
  readonly hours: Map<number, number>
}

/** What is estimated of a value: both errors are standard errors. */
export interface ValueError extends FieldValue {
  readonly share: number
  readonly countError: number
  readonly shareError: number
}

/** Four years: times come from the network. */
const mostHours = 4 * 8784

/**
 * What a proposed rate does to events. Each stands for `arrivals` that came to the processor, of which the rate in force dropped the
 * others, and each of those for `amount` events, of which the sender dropped the others.
 */
export class Simulation {
  readonly #proposal: Proposal
  readonly #keys: readonly string[] | null
  readonly #clusters = new Clusters()
  readonly #values: Values
  readonly all: Volume = { events: 0, bytes: 0, hours: new Map() }
  readonly kept: Volume = { events: 0, bytes: 0, hours: new Map() }
  /** Events that the files have. */
  read = 0
  /** Events that all that came stand for. */
  total = 0
  /** Sum of the squares of what they stand for: the error, were each event sampled by itself. */
  #squares = 0

  constructor (proposal: Proposal) {
    this.#proposal = proposal
    this.#keys = proposal.by === null ? null : keysOf(proposal.by)
    this.#values = new Values(proposal.by)
  }

  add (capsule: Capsule, bytes: number): void {
    const { rate, inForce } = this.#proposal
    const place = placeOf(tokenOf(capsule, this.#keys) ?? '')
    const own = rateIn(capsule)
    const arrivals = own < 1 && own <= inForce * (1 + 1e-9) ? 1 / inForce : 1
    const amount = 1 / own / arrivals
    const hour = Math.floor((secondsOf(capsule) ?? 0) / 3600)
    this.read++
    this.total += arrivals * amount
    this.#squares += arrivals * amount * amount
    addTo(this.all, arrivals, bytes, hour)
    // what is in the files by another decision says nothing of this one but its share
    addTo(this.kept, arrivals === 1 ? Number(place < rate) : arrivals * rate, bytes, hour)
    this.#clusters.add(place, arrivals, amount, this.#values.add(capsule, arrivals * amount))
  }

  /** Different values of what decides: those that came, and those that are kept. */
  get tokens (): { all: number, kept: number } {
    return this.#clusters.count(this.#proposal.rate)
  }

  /** Standard error of the estimate of `total`. */
  get error (): number {
    return Math.sqrt(this.#ofRate * this.#clusters.sum(({ total }) => total * total))
  }

  /** By how much the variance is larger than if each event were sampled by itself. */
  get designEffect (): number {
    return this.#clusters.sum(({ total }) => total * total) / this.#squares
  }

  /** Standard error of a share: of events that have nothing to do with each other, and of whole clusters. */
  shareErrors (share: number): { apart: number, whole: number } {
    const apart = Math.sqrt(this.#ofRate * this.#squares * share * (1 - share)) / this.total
    return { apart, whole: apart * Math.sqrt(this.designEffect) }
  }

  /** Of the most frequent values of each field; linearised, as a share is the ratio of two estimates. */
  values (ofEach: number): ValueError[] {
    return this.#values.list(ofEach).map(found => {
      const share = found.total / this.total
      const count = this.#clusters.sum(({ values }) => (values.get(found.number) ?? 0) ** 2)
      const ratio = this.#clusters.sum(({ total, values }) => ((values.get(found.number) ?? 0) - share * total) ** 2)
      return { ...found, share, countError: Math.sqrt(this.#ofRate * count), shareError: Math.sqrt(this.#ofRate * ratio) / this.total }
    })
  }

  /** Variance of the weight of one that is kept with that probability (Horvitz and Thompson, 1952). */
  get #ofRate (): number {
    return (1 - this.#proposal.rate) / this.#proposal.rate
  }
}

function addTo (volume: Volume, events: number, bytes: number, hour: number): void {
  if (events === 0) return
  volume.events += events
  volume.bytes += events * bytes
  if (volume.hours.has(hour) || volume.hours.size < mostHours) volume.hours.set(hour, (volume.hours.get(hour) ?? 0) + events)
}
