import { hash } from 'node:crypto'
import type { Sampling } from '../registry/entry.js'
import type { Registry } from '../registry/registry.js'
import type { Capsule } from './capsule.js'
import { eventErrorSchema } from './event-error.js'
import { keysOf, valueAt } from './field-path.js'

/** Knows which events the registry wants kept. */
export interface Sampler {
  /** The rate by which this event is kept, 1 where all are; 0 if it is one of those that are not. Costs a look-up where nothing is sampled. */
  rateFor (schema: string, capsule: Capsule): number
}

/** Decides by the registry that is in force at each event; asks for it at once, too. Event errors are never sampled. */
export function createSampler (registry: () => Registry): Sampler {
  let known = registry()
  let deciders = decidersOf(known)

  return {
    rateFor (schema, capsule) {
      const current = registry()
      if (current !== known) {
        deciders = decidersOf(current)
        known = current
      }
      const decide = deciders.get(schema)
      return decide === undefined ? 1 : decide(capsule)
    }
  }
}

/** The rate by which an event is kept; 0 if it is not. */
export type Decider = (capsule: Capsule) => number

export function deciderOf ({ rate, by }: Sampling): Decider {
  const keys = by === null ? null : keysOf(by)
  return capsule => {
    const token = tokenOf(capsule, keys)
    // it has nothing to be decided by, and will not validate
    if (token === null) return 1
    return placeOf(token) < rate ? rate : 0
  }
}

function decidersOf (registry: Registry): Map<string, Decider> {
  const deciders = new Map<string, Decider>()
  for (const name of registry.names) {
    const { sampling } = registry.find(name)
    if (sampling !== null && sampling.rate < 1 && name !== eventErrorSchema.name) deciders.set(name, deciderOf(sampling))
  }
  return deciders
}

/** What an event is decided by, as text: its value at `keys`, or what identifies it where there is none. Null if it has neither. */
export function tokenOf (capsule: Capsule, keys: readonly string[] | null): string | null {
  const own = keys === null ? null : textOf(valueAt(capsule, keys))
  return own ?? textOf(capsule['schema'] === undefined ? valueAt(capsule, metaId) : capsule['uuid'])
}

const metaId = ['meta', 'id']

/** Null for what tells nobody apart: nothing, an empty string, what has parts. */
function textOf (value: unknown): string | null {
  switch (typeof value) {
    case 'string': return value === '' ? null : value
    case 'number': case 'boolean': return String(value)
    // the processor decides by what JSON.parse makes of it
    case 'bigint': return String(Number(value))
    default: return null
  }
}

/** 48 bits of a hash: as many as a double holds with room to spare. */
const digits = 12

/**
 * Where a token is on the line from 0 to 1 (exclusive), evenly spread: it is kept by all rates above. Neither the schema nor the host plays a part in it.
 */
export function placeOf (token: string): number {
  return parseInt(hash('sha1', token, 'hex').slice(0, digits), 16) / 16 ** digits
}

/** Of an event that was sampled before it came, as its capsule says, and was kept at `rate` here. */
export function combinedRate (sent: unknown, rate: number): number {
  return typeof sent === 'number' ? Number((sent * rate).toPrecision(15)) : rate
}

/** The rate that the capsule of a stored event says; 1 where it says none that can be. */
export function rateIn (capsule: Capsule): number {
  const { samplingRate: rate } = capsule
  return typeof rate === 'number' && rate > 0 && rate <= 1 ? rate : 1
}
