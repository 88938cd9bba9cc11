import { randomInt } from 'node:crypto'
import { uuidOfCapsule } from '../../../lib/event/uuid.js'
import { StreamError } from '../../../lib/errors.js'

/** What is told of one canary, by which its row is found. */
export interface Canary {
  readonly uuid: string
  readonly host: string
  /** Where it is sent, without options. */
  readonly front: string
  /** When, in milliseconds since 1970. */
  readonly sent: number
}

/** `randomInt` gives less than that. */
const mostNumbers = 2 ** 48 - 1

/**
 * The capsule of a new canary, with a uuid that no other one has. It brings its own number and time, which win over those of the line, so
 * that the uuid is the same wherever it passes and however often it is sent.
 */
export function newCanary (host: string, front: string, sent = Date.now()): { canary: Canary, capsule: object } {
  const received = { recvFrom: host, seqId: randomInt(mostNumbers), timestamp: Math.floor(sent / 1000) }
  const uuid = uuidOfCapsule(received)
  if (uuid === null) throw new StreamError('cannot-write', 'the canary has no uuid')
  const canary = { uuid, host, front, sent }
  return { canary, capsule: { schema: 'Canary', revision: 1, wiki: 'vanadium', ...received, uuid, event: canary } }
}
