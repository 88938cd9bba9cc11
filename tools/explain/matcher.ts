import { RecordError } from '../../lib/errors.js'
import type { Capsule } from '../../lib/event/capsule.js'
import { isEventError } from '../../lib/event/event-error.js'
import { createLineParser, type LineParser } from '../../lib/event/line-parser.js'
import { parsed } from '../../lib/event/composition.js'
import type { ProcessorPlan } from './candidates.js'
import { shown } from './section.js'

/** What a record has to do with an event, in words; null for nothing. */
export type Matcher = (record: string) => string[] | null

const shape = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

export function isUuid (text: string): boolean {
  return shape.test(text)
}

/** As capsules have it, without hyphens, and as `meta` may have it. */
export function formsOf (uuid: string): [plain: string, hyphenated: string] {
  const plain = uuid.replaceAll('-', '').toLowerCase()
  return [plain, plain.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')]
}

/**
 * Recognises an event by its uuid in whatever is kept of it: the event, the line that it comes from, an event error or a dead letter
 * around one of these.
 */
export function createMatcher (uuid: string, plans: readonly ProcessorPlan[]): Matcher {
  const forms = formsOf(uuid)
  // neither goes into the uuid, and both take long
  const parsers = plans.map(({ format }) => createLineParser(format, { hashAddress: () => '-', parseUserAgent: () => '-' }))

  function isMeant (text: string): boolean {
    if (!text.startsWith('{')) return parsers.some(parser => uuidOfLine(text, parser) === forms[0])
    const event = parsed(text) as Capsule
    return forms.some(form => form === idOf(event)) || parsers.some(parser => uuidOfLine(text, parser) === forms[0])
  }

  return record => {
    if (!record.startsWith('{')) return isMeant(record) ? ['the line it came as:', shown(record, 300)] : null
    const mayBe = forms.some(form => record.includes(form)) || record.includes('"rawEvent"') || record.includes('"record"')
    if (!mayBe) return null
    const object = parsed(record) as Capsule
    const letter = object['record']
    if (typeof letter === 'string' && typeof object['code'] === 'string') {
      return isMeant(letter) ? [`a dead letter of ${String(object['instance'])}, ${String(object['time'])}, ${object['code']}:`, String(object['message'])] : null
    }
    const { rawEvent, message } = (object['event'] ?? {}) as { rawEvent?: unknown, message?: unknown }
    if (isEventError(object) && typeof rawEvent === 'string') {
      return forms.some(form => form === idOf(object)) || isMeant(rawEvent) ? [`an EventError, uuid ${String(object['uuid'])}:`, String(message), `its line: ${shown(rawEvent, 300)}`] : null
    }
    return isMeant(record) ? ['the event:', shown(object, 300)] : null
  }
}

function idOf (event: Capsule): unknown {
  const { uuid, meta } = event
  if (uuid !== undefined) return uuid
  return typeof meta === 'object' && meta !== null && 'id' in meta ? meta.id : undefined
}

function uuidOfLine (line: string, parser: LineParser): unknown {
  try {
    return parser.parse(line).capsule['uuid']
  } catch (error) {
    if (error instanceof RecordError) return undefined
    throw error
  }
}
