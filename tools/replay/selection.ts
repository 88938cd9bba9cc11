import { ConfigError, RecordError } from '../../lib/errors.js'
import type { Capsule } from '../../lib/event/capsule.js'
import { schemaOf } from '../../lib/event/event-error.js'
import { identifyEvent } from '../../lib/event/identity.js'
import type { LineFormat } from '../../lib/event/line-format.js'
import { createLineParser, type LineParser } from '../../lib/event/line-parser.js'
import { batchOfRecords, recordsOf } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import type { Kind, Told } from './kept.js'
import type { ReplayTally } from './tally.js'
import { secondsOf } from './times.js'

/** What is replayed of the records; half-open, in seconds since the epoch, null for no limit. No schemas are all. */
export interface Selection {
  readonly from: number | null
  readonly to: number | null
  readonly schemas: readonly WantedSchema[]
}

export interface WantedSchema {
  readonly name: string
  /** Null for all. */
  readonly revision: number | null
}

/** `NAME` or `NAME/REVISION`. Throws `ConfigError`. */
export function parseSchemaOption (text: string): WantedSchema {
  const [, name, revision] = /^([A-Za-z0-9_.-]{1,63})(?:\/(\d{1,15}))?$/.exec(text) ?? []
  if (name === undefined) throw new ConfigError('bad-option', `--schema "${text}": give NAME or NAME/REVISION, for example NavigationTiming/1, or unknown for lines that do not tell`)
  return { name, revision: revision === undefined ? null : Number(revision) }
}

/**
 * Takes out of a batch of one kind what is not wanted. A line that does not tell its time has the one of what it was kept in, or of the
 * line before it. An event error is wanted for its own schema and for the one that the line has now: a `map:` may have corrected it.
 */
export type Select = (kind: Kind, batch: Batch, told: Told | null) => Batch | null

export function createSelect ({ from, to, schemas }: Selection, format: LineFormat, tally: ReplayTally): Select {
  if (from === null && to === null && schemas.length === 0) return (_kind, batch) => batch
  // what is hashed and parsed by the processor is of no concern here
  const parser = createLineParser(format, { hashAddress: address => address, parseUserAgent: userAgent => userAgent })
  let last: number | null = null

  function isWanted (text: string, kind: Kind, told: Told | null): boolean {
    const { schema, revision, seconds } = kind === 'event' ? toldByEvent(text) : toldByLine(text, parser)
    last = seconds ?? told?.seconds ?? last
    if (!isInRange(last, from, to)) tally.leaveOut('other-time', schema)
    else if (!isOneOf(schemas, { schema, revision }) && !(told !== null && isOneOf(schemas, told))) tally.leaveOut('other-schema', schema)
    else return true
    return false
  }

  return (kind, batch, told) => {
    const wanted = batch.lines().map(text => isWanted(text, kind, told))
    return wanted.includes(false) ? batchOfRecords(recordsOf(batch).filter((_, i) => wanted[i] === true)) : batch
  }
}

/** Of a time that nothing tells nobody can say that it is in a range. */
function isInRange (seconds: number | null, from: number | null, to: number | null): boolean {
  if (from === null && to === null) return true
  return seconds !== null && seconds >= (from ?? -Infinity) && seconds < (to ?? Infinity)
}

function isOneOf (schemas: readonly WantedSchema[], { schema, revision }: Pick<Told, 'schema' | 'revision'>): boolean {
  return schemas.length === 0 || schemas.some(wanted => wanted.name === schema && (wanted.revision ?? revision) === revision)
}

function toldByLine (text: string, parser: LineParser): Told {
  const capsule = parsed(text, parser)
  return { ...schemaOf(text, capsule), seconds: capsule === null ? null : secondsOf(capsule) }
}

/** When a line was received, in seconds since the epoch; null if it does not tell. */
export function secondsOfLine (text: string, parser: LineParser): number | null {
  const capsule = parsed(text, parser)
  return capsule === null ? null : secondsOf(capsule)
}

function parsed (text: string, parser: LineParser): Capsule | null {
  try {
    return parser.parse(text).capsule
  } catch (error) {
    if (error instanceof RecordError || error instanceof RangeError) return null
    throw error
  }
}

function toldByEvent (text: string): Told {
  const event = JSON.parse(text) as Capsule
  const identity = identifyEvent(event)
  return { schema: identity?.name ?? 'unknown', revision: identity?.revision ?? -1, seconds: secondsOf(event) }
}
