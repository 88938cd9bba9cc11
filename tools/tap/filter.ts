import { hash } from 'node:crypto'
import { isEventError } from '../../lib/event/event-error.js'
import { schemaAtFault } from '../../lib/event/composition.js'
import type { Capsule } from '../../lib/event/capsule.js'
import { identifyEvent } from '../../lib/event/identity.js'
import type { Condition } from './expression.js'

/** Which records of a stream are meant; an empty list means any. */
export interface Wanted {
  readonly schemas: readonly string[]
  readonly wikis: readonly string[]
  readonly validity: 'valid' | 'invalid' | null
  readonly where: Condition | null
  /** Share of what is meant, from 0 to 1. */
  readonly sample: number
}

/** Whether a record is meant. What is no event, a raw line, is meant when all are. */
export function createFilter (wanted: Wanted): (record: string) => boolean {
  const { schemas, wikis, validity, where, sample } = wanted
  const isAny = schemas.length + wikis.length === 0 && validity === null && where === null
  return record => {
    if (sample < 1 && !isSampled(record, sample)) return false
    if (isAny) return true
    const event = eventIn(record)
    if (event === null) return false
    const isError = isEventError(event)
    if (validity !== null && isError !== (validity === 'invalid')) return false
    if (schemas.length > 0 && !schemas.includes(schemaOf(event, isError))) return false
    if (wikis.length > 0 && !wikis.includes(String(event['wiki']))) return false
    return where === null || where(event)
  }
}

/** Of an event error, that of the event it stands for. */
function schemaOf (event: Capsule, isError: boolean): string {
  return isError ? schemaAtFault(event) : identifyEvent(event)?.name ?? ''
}

function eventIn (record: string): Capsule | null {
  if (!record.startsWith('{')) return null
  try {
    return JSON.parse(record) as Capsule
  } catch {
    return null
  }
}

/** By the record alone: two who look at a stream see the same. */
function isSampled (record: string, share: number): boolean {
  return Number.parseInt(hash('sha1', record).slice(0, 8), 16) / 0x1_0000_0000 < share
}
