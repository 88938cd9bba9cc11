import { RecordError } from '../../lib/errors.js'
import type { Capsule } from '../../lib/event/capsule.js'
import { isEventError } from '../../lib/event/event-error.js'
import { createLineParser, type LineParser } from '../../lib/event/line-parser.js'
import { parsed } from '../../lib/event/composition.js'
import { createAddressScrubber } from '../../lib/event/scrub.js'
import type { ProcessorPlan } from './candidates.js'
import { shown, withoutAddresses } from './section.js'

/** What a record has to do with an event, in words; null for nothing. */
export type Matcher = (record: string) => string[] | null

const shape = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

export function isUuid (text: string): boolean {
  return shape.test(text)
}

/** As capsules have it, without hyphens, and as `meta` may have it; each in lower and in upper case. */
export function formsOf (uuid: string): string[] {
  const plain = plainOf(uuid)
  const forms = [plain, plain.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')]
  return [...forms, ...forms.map(form => form.toUpperCase())]
}

function plainOf (uuid: string): string {
  return uuid.replaceAll('-', '').toLowerCase()
}

/**
 * Recognises an event by its uuid in whatever is kept of it: the event, the line that it comes from, an event error or a dead letter
 * around one of these. No address is in what it says.
 */
export function createMatcher (uuid: string, plans: readonly ProcessorPlan[]): Matcher {
  const plain = plainOf(uuid)
  const anyForm = new RegExp(plain.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-?$2-?$3-?$4-?'), 'i')
  const addresses = new Set<string>()
  const hashAddress = (address: string): string => {
    addresses.add(address)
    return '-'
  }
  const readers = plans.map(({ format }) => ({
    // neither goes into the uuid, and both take long
    parser: createLineParser(format, { hashAddress, parseUserAgent: () => '-' }),
    scrub: createAddressScrubber(format, () => '(an address)')
  }))

  /** The line as it may be shown, if it becomes the event. */
  function lineOf (text: string): string | null {
    for (const { parser, scrub } of readers) {
      addresses.clear()
      // the capsule may have one of its own
      if (isSame(uuidOfLine(text, parser), plain)) return withoutAddresses(scrub(text).text, addresses)
    }
    return null
  }

  function within (record: string, depth: number): string[] | null {
    const object = parsed(record) as Capsule
    if (depth < deepest && isLetter(object)) {
      const found = within(object['record'], depth + 1)
      return found === null ? null : [`a dead letter of ${object['instance']}, ${object['time']}, ${object['code']}:`, object['message'], ...found]
    }
    const { rawEvent, message } = (object['event'] ?? {}) as { rawEvent?: unknown, message?: unknown }
    if (isEventError(object) && typeof rawEvent === 'string') {
      const isMeant = isSame(idOf(object), plain) || lineOf(rawEvent) !== null
      return isMeant ? [`an EventError, uuid ${String(object['uuid'])}:`, String(message), `its line: ${shown(rawEvent, 300)}`] : null
    }
    if (isSame(idOf(object), plain)) return ['the event:', shown(object, 300)]
    const line = lineOf(record)
    return line === null ? null : ['the line it came as:', shown(line, 300)]
  }

  const isCapsuleAlone = plans.some(({ format }) => format.format.startsWith('%j'))
  return record => {
    // to parse what cannot be it takes long
    const mayBe = !record.startsWith('{') || isCapsuleAlone || record.includes('"rawEvent"') || record.includes('"record"') || anyForm.test(record)
    return mayBe ? within(record, 0) : null
  }
}

/** Of dead letters in dead letters: who replays them may get such. */
const deepest = 5

function isLetter (object: Capsule): object is Record<'time' | 'instance' | 'code' | 'message' | 'record', string> {
  return ['time', 'instance', 'code', 'message', 'record'].every(name => typeof object[name] === 'string')
}

function isSame (id: unknown, plain: string): boolean {
  return typeof id === 'string' && id.length <= longestUuid && plainOf(id) === plain
}

const longestUuid = 36

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
