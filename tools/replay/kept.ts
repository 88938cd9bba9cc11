import type { Capsule } from '../../lib/event/capsule.js'
import { isEventError } from '../../lib/event/event-error.js'
import { identifyEvent } from '../../lib/event/identity.js'
import type { LineFormat } from '../../lib/event/line-format.js'
import { parseDateTime } from '../../lib/sql/times.js'
import { secondsOf } from './times.js'

/** What an event error, or a dead letter, says of the line in it, which may not tell itself. */
export interface Told {
  readonly seconds: number | null
  /** Null if it says nothing of schemas. */
  readonly schema: string | null
  readonly revision: number
}

/** What a record of a file is: told by itself, so that files may be mixed. */
export type Kept =
  /** A raw line, to be processed. */
  | { readonly kind: 'line', readonly text: string, readonly told: Told | null }
  /** The line in an event error: if it is still invalid, that is known already where it comes from. */
  | { readonly kind: 'error', readonly text: string, readonly told: Told }
  /** An event that a store refused: it is valid, and goes on as it is. */
  | { readonly kind: 'event', readonly text: string, readonly told: Told | null }
  /** Nothing to replay: a valid event of a log of events, or what was not kept as it came. */
  | { readonly kind: 'valid' | 'not-whole' }

/** Of those that can be sent. */
export type Kind = Extract<Kept, { text: string }>['kind']

/** Which of the kinds a record is. */
export function keptIn (record: string, format: LineFormat): Kept {
  const object = objectOf(record)
  if (object === null) return { kind: 'line', text: record, told: null }
  const refused = refusedRecord(object)
  if (refused !== null) return ofDeadLetter(refused, parseDateTime(String(object['time'])), format)
  const rawEvent = rawEventOf(object)
  if (rawEvent !== null) return isWhole(rawEvent, object) ? { kind: 'error', text: rawEvent, told: toldByError(object) } : { kind: 'not-whole' }
  // with a format that is nothing but a capsule, a line looks like an event
  return identifyEvent(object) === null || format.match(record) !== null ? { kind: 'line', text: record, told: null } : { kind: 'valid' }
}

function ofDeadLetter (record: string, seconds: number | null, format: LineFormat): Kept {
  if (isSeveral(record)) return { kind: 'not-whole' }
  const object = objectOf(record)
  const isEvent = object !== null && identifyEvent(object) !== null && (typeof object['uuid'] === 'string' || format.match(record) === null)
  return { kind: isEvent ? 'event' : 'line', text: record, told: { seconds, schema: null, revision: -1 } }
}

function toldByError (object: Readonly<Capsule>): Told {
  const { schema, revision } = object['event'] as { schema?: unknown, revision?: unknown }
  return {
    seconds: secondsOf(object),
    schema: typeof schema === 'string' ? schema : 'unknown',
    revision: typeof revision === 'number' ? revision : -1
  }
}

export function isSame (a: Told | null, b: Told | null): boolean {
  return a?.seconds === b?.seconds && a?.schema === b?.schema && a?.revision === b?.revision
}

/** The record of a dead letter (lib/stream/dead-letters.ts); null for what is none. */
function refusedRecord (object: Readonly<Capsule>): string | null {
  const isLetter = ['time', 'instance', 'code', 'message', 'record'].every(name => typeof object[name] === 'string')
  return isLetter ? object['record'] as string : null
}

function rawEventOf (object: Readonly<Capsule>): string | null {
  const { event } = object
  if (!isEventError(object) || typeof event !== 'object' || event === null || !('rawEvent' in event)) return null
  return typeof event.rawEvent === 'string' ? event.rawEvent : null
}

/** Bytes that are no UTF-8 were lost when the line was kept as text: what replaced them would come out as somebody's data. */
function isWhole (rawEvent: string, { event }: Readonly<Capsule>): boolean {
  const { code } = event as { code?: unknown }
  return !isSeveral(rawEvent) && rawEvent !== '' && !(code === 'processor' && rawEvent.includes('\uFFFD'))
}

function isSeveral (text: string): boolean {
  return text.includes('\n')
}

function objectOf (text: string): Capsule | null {
  if (!text.startsWith('{')) return null
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Capsule : null
  } catch {
    return null
  }
}
