import { isUtf8 } from 'node:buffer'
import { isEventError, schemaOf } from '../event/event-error.js'
import { identifyEvent } from '../event/identity.js'
import { parseDateTime, wholeSeconds } from '../sql/times.js'
import type { Anonymise } from './anonymous-json.js'
import { fieldTree, type FieldNode } from './fields.js'
import { editJson } from './json-edit.js'
import { partsOf, type Line } from './lines.js'
import { dayMs, daysOfError, keepsAnything, noSchema } from './rules.js'
import type { Rules } from './store.js'

/** What is to become of a line. `atMs`: when its event was received. */
export type Verdict =
  /** It stays as it is, at least until then. */
  | { readonly action: 'keep', readonly untilMs: number }
  | { readonly action: 'delete', readonly schema: string | null, readonly atMs: number }
  | { readonly action: 'strip', readonly schema: string, readonly atMs: number, readonly bytes: Buffer, readonly fields: ReadonlySet<string> }

/** `fileMs`: no line of the file is younger. */
export type Judge = (line: Line, fileMs: number) => Verdict

/** When it was received, as far as it tells; how long it may stay whole; which policy holds for it, if it is an event. */
interface Seen {
  readonly schema: string | null
  readonly atMs: number | null
  readonly days: number
  readonly policy: string | null
}

/**
 * Judges lines of every kind: events by their schemas; raw lines, event errors and dead letters, in which anything may be, go whole,
 * after the days of their schema or those of all, whichever are fewer.
 */
export function createJudge (rules: Rules, anonymise: Anonymise): Judge {
  const trees = new Map<string, FieldNode>()
  const defaultDays = rules.of(noSchema).days

  function treeOf (schema: string): FieldNode {
    let tree = trees.get(schema)
    if (tree === undefined) trees.set(schema, tree = fieldTree(rules.of(schema)))
    return tree
  }

  function seen ({ bytes, isWhole }: Line): Seen {
    const isText = isWhole && isUtf8(bytes)
    const text = isText ? bytes.toString() : isWhole ? bytes.toString('latin1') : ''
    const object = isText ? objectOf(text) : null
    const identity = identifyEvent(object)
    if (object === null || identity === null || isEventError(object)) return whole(text, object)
    return { schema: identity.name, atMs: timeOf(object), days: rules.of(identity.name).days, policy: keepsAnything(rules.of(identity.name)) ? identity.name : null }
  }

  /** An event error tells when its line was received; a dead letter only when it was refused, which may be long after that. */
  function whole (text: string, object: Record<string, unknown> | null): Seen {
    const isError = object !== null && isEventError(object)
    const inner = innerOf(object) ?? text
    const innerObject = objectOf(inner)
    const times = [isError ? object : innerObject, isError ? innerObject : object].map(one => one === null ? null : timeOf(one))
    const { schema } = schemaOf(inner, innerObject)
    return { schema: isError ? 'EventError' : null, atMs: times[0] ?? times[1] ?? timeInText(inner), days: isError ? daysOfError(rules, schema) : Math.min(defaultDays, rules.of(schema).days), policy: null }
  }

  return (line, fileMs) => {
    const { schema, atMs: toldMs, days, policy } = seen(line)
    const atMs = Math.min(toldMs ?? fileMs, fileMs)
    const untilMs = atMs + days * dayMs
    if (rules.nowMs <= untilMs) return { action: 'keep', untilMs }
    if (policy === null) return { action: 'delete', schema, atMs }
    const { text, end } = partsOf(line.bytes)
    const edited = editJson(text.toString(), treeOf(policy), anonymise)
    if (edited === null) return { action: 'keep', untilMs: Infinity }
    return { action: 'strip', schema: policy, atMs, bytes: Buffer.concat([Buffer.from(edited.text), end]), fields: edited.fields }
  }
}

function objectOf (text: string): Record<string, unknown> | null {
  if (!/^\s*\{/.test(text)) return null
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return null
  }
}

/** What an event error or a dead letter (lib/stream/dead-letters.ts) has kept, as it came. */
function innerOf (object: Record<string, unknown> | null): string | null {
  if (object === null) return null
  const { event, record } = object
  if (typeof record === 'string') return record
  const rawEvent = isEventError(object) && typeof event === 'object' && event !== null && 'rawEvent' in event ? event.rawEvent : null
  return typeof rawEvent === 'string' ? rawEvent : null
}

/** Of an event its own; of a dead letter when it was refused. */
function timeOf ({ timestamp, dt, meta, time }: Record<string, unknown>): number | null {
  const metaDt = typeof meta === 'object' && meta !== null && 'dt' in meta ? meta.dt : null
  const dateTime = [dt, metaDt, time].find(value => typeof value === 'string')
  const seconds = typeof timestamp === 'number' ? wholeSeconds(timestamp) : typeof dateTime === 'string' ? parseDateTime(dateTime) : null
  return seconds === null ? null : seconds * 1000
}

/** As the line formats write it (%t, %D), and of a capsule that is not encoded, or is in a query. */
const dateTimes = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g
const timestamps = /(?:"|%22)timestamp(?:"|%22)(?::|%3A)\s*(\d{10,13})/gi

/** The latest of the times in a raw line: it holds others that its sender chose, so none is too early. */
function timeInText (text: string): number | null {
  const seconds = [
    ...[...text.matchAll(dateTimes)].map(([found]) => parseDateTime(found)),
    ...[...text.matchAll(timestamps)].map(([, found]) => wholeSeconds(Number(found)))
  ].filter(found => found !== null)
  return seconds.length === 0 ? null : Math.max(...seconds) * 1000
}
