import { addLine } from '../../../lib/backup/hours.js'
import { HourSums } from '../../../lib/backup/sums.js'
import { parsed } from '../../../lib/event/composition.js'
import { isEventError } from '../../../lib/event/event-error.js'
import { identifyEvent } from '../../../lib/event/identity.js'
import { compileFormat } from '../../../lib/event/line-format.js'
import { createOptOut } from '../../../lib/event/opt-out.js'
import { createEventProcessor } from '../../../lib/event/processor.js'
import type { SchemaRepository } from '../../../lib/event/schemas.js'
import { partsOf, type Line } from '../../../lib/purge/lines.js'
import type { Claims } from '../verify/policy.js'

/** What is wrong with a line, or null. */
export type ReadLine = (line: Line) => string | null

/** Decoded. Longer ones are read as they are in the archive: a processor has let them in. */
const maxLine = 64 << 20

/**
 * Reads lines of a JSON log as a processor reads what a browser sends: each must be a valid event, and the same one, by its uuid. An event error has been one
 * since it came; what was purged in part may not be valid any more; what names no schema is a raw line, of which nothing can be said.
 */
export function lineReader (schemas: SchemaRepository, claims: Claims): ReadLine {
  const nobody = createOptOut({ users: { isEmpty: true, has: () => false }, fields: () => new Map(), isKnown: () => true })
  const events = createEventProcessor({ format: compileFormat('%q'), schemas, optOut: nobody, maxLine, hostname: '', hashAddress: address => address, parseUserAgent: userAgent => userAgent })
  return line => {
    const text = partsOf(line.bytes).text.toString()
    if (!text.startsWith('{')) return null
    const event = parsed(text) as Record<string, unknown>
    if (Object.keys(event).length === 0) return 'it is no JSON'
    if (isEventError(event) || identifyEvent(event) === null || !isWhole(line, claims)) return null
    const outcome = events.process(`?${encodeURIComponent(text)}`, false)
    if (outcome.kind === 'invalid') return `it is not valid: ${messageIn(outcome.json)}`
    if (outcome.kind !== 'valid' || event['uuid'] === undefined) return null
    const { uuid } = parsed(outcome.json) as { uuid?: unknown }
    return uuid === event['uuid'] ? null : `its uuid is ${String(event['uuid'])}, and should be ${String(uuid)}`
  }
}

function isWhole (line: Line, claims: Claims): boolean {
  const sums = new HourSums()
  addLine(sums, line)
  return sums.hours.every(hour => claims(hour) === 'all')
}

function messageIn (eventError: string): string {
  return String((parsed(eventError) as { event?: { message?: unknown } }).event?.message)
}
