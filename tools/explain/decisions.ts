import type { Capsule } from '../../lib/event/capsule.js'
import { keysOf } from '../../lib/event/field-path.js'
import { identifyEvent } from '../../lib/event/identity.js'
import type { OptOut } from '../../lib/event/opt-out.js'
import { createSampler, placeOf, tokenOf, type Sampler } from '../../lib/event/sampling.js'
import type { SchemaEntry } from '../../lib/registry/entry.js'
import type { Registry } from '../../lib/registry/registry.js'
import { shown, type Section } from './section.js'

/** What leaves events out before anybody validates them. */
export interface Decisions {
  readonly sampler: Sampler
  readonly optOut: OptOut
  /** Why nobody can say who has opted out, if so. */
  readonly unreadable: string | null
}

/** Made of a key that only processors have: what is decided by it cannot be told here. */
const hashedField = 'clientIp'

/** As processors decide; of what they decide by the hash of an address, the way is told as if it were kept. */
export function samplerFor (registry: Registry): Sampler {
  const sampler = createSampler(() => registry)
  return {
    rateFor (schema, capsule) {
      const { sampling } = registry.find(schema)
      return sampling?.by === hashedField ? sampling.rate : sampler.rateFor(schema, capsule)
    }
  }
}

/** What the registry says of such an event, and what follows for this one. */
export function decisionsOf (capsule: Capsule, line: string, registry: Registry, { optOut, unreadable }: Decisions): Section {
  const title = 'Opt-out and sampling'
  const identity = identifyEvent(capsule)
  if (identity === null) return { title, lines: ['it does not say which schema it has: it is not sampled, and dropped only if it is about a user who has opted out'] }
  const entry = registry.find(identity.name)
  return { title, lines: [optOutText(entry, optOut.covers(identity.name, capsule, line), unreadable), ...samplingText(entry, capsule)] }
}

function optOutText ({ user }: SchemaEntry, isCovered: boolean, unreadable: string | null): string {
  if (user === null) return 'opt-out: the registry names no field that says whose the event is'
  if (unreadable !== null) return `opt-out: by ${user}; whether that user has opted out cannot be told: ${unreadable}`
  return `opt-out: by ${user}; that user has ${isCovered ? 'opted out: the event is dropped' : 'not opted out'}`
}

function samplingText ({ sampling }: SchemaEntry, capsule: Capsule): string[] {
  if (sampling === null || sampling.rate === 1) return ['sampling: all events of this schema are kept']
  const { rate, by } = sampling
  const start = `sampling: ${Number((rate * 100).toPrecision(6))} % of this schema is kept`
  if (by === hashedField) return [`${start}, by the hash of the address, which only processors can make: what follows is told as if it were kept`]
  const token = tokenOf(capsule, by === null ? null : keysOf(by))
  if (token === null) return [`${start}; there is nothing to decide by, so it is kept`]
  const ofEvent = tokenOf(capsule, null)
  const what = by === null || token === ofEvent ? 'what identifies the event' : by
  const place = placeOf(token)
  return [
    `${start}, by ${what}: ${shown(token)}`,
    `its place is ${place.toFixed(6)} on the line from 0 to 1, ${place < rate ? 'below the rate: it is kept' : 'not below the rate: it is dropped'}`
  ]
}
