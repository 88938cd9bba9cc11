import { decodeQuery, tidy, type Capsule } from '../event/capsule.js'
import { identifyEvent, whyUnidentified } from '../event/identity.js'
import { isRefused, type Problem, type SchemaRepository } from '../event/schemas.js'
import { harmlessPointer, harmlessSeen, sampleOf } from './privacy.js'
import type { Failure } from './read.js'
import { capsuleOf, noShape, shapeOf, type Shape } from './shape.js'

/** What is known of one invalid event. */
export type Diagnosis = Pick<Failure, 'code' | 'pointer' | 'expected' | 'seen' | 'sample'>

/**
 * Finds out again why an event did not validate, from the line in its event error: what is wrong where, in parts that can be counted. Where
 * that cannot be told any more, because the line cannot be parsed without its format, or the schema has changed, there is the code alone.
 */
export function diagnose (error: Readonly<Capsule>, schemas: SchemaRepository): Diagnosis {
  const { code, rawEvent } = isRecord(error['event']) ? error['event'] : {}
  const unparsed = { code: code === 'processor' ? 'processor' : 'validation', pointer: '', expected: '', seen: '', sample: '' }
  if (code === 'processor' || typeof rawEvent !== 'string') return unparsed
  const sent = capsuleIn(rawEvent)
  if (sent === null) return unparsed
  tidy(sent)
  const capsule = completed(sent, error)
  const shape = shapeIn(capsule, schemas)
  const problem = problemWith(capsule, schemas)
  const sample = sampleOf(sent, problem?.pointer ?? '', shape)
  if (problem === null) return { ...unparsed, sample }
  const { pointer, expected, revision } = problem
  const seen = revision === undefined ? harmlessSeen(capsule, pointer, shape) : String(revision)
  return { ...unparsed, pointer: harmlessPointer(pointer, shape), expected, seen, sample }
}

/** What is known of an event as a whole. */
function shapeIn (capsule: Capsule, schemas: SchemaRepository): Shape {
  const identity = identifyEvent(capsule)
  const schema = identity === null ? undefined : schemas.find(identity.name, identity.revision)
  if (schema === undefined || isRefused(schema)) return capsuleOf(noShape)
  return schema.style === 'meta' ? shapeOf(schema.modern) : capsuleOf(shapeOf(schema.modern))
}

/** Where a revision is at fault, it is what came. */
interface Fault extends Pick<Problem, 'pointer' | 'expected'> {
  readonly revision?: number
}

/** Null if the event is valid now. */
function problemWith (capsule: Capsule, schemas: SchemaRepository): Fault | null {
  const identity = identifyEvent(capsule)
  if (identity === null) return whyUnidentified(capsule)
  const { name, revision, style } = identity
  const schema = schemas.find(name, revision)
  const pointer = style === 'meta' ? '/meta/schema_uri' : '/revision'
  if (schema !== undefined && !isRefused(schema)) return schema.validate(capsule)
  if (schema !== undefined) return { pointer, expected: 'a schema that can be used', revision }
  const revisions = schemas.list().filter(known => known.name === name).map(known => known.revision)
  if (revisions.length === 0) return { pointer: style === 'meta' ? pointer : '/schema', expected: 'a schema that there is' }
  return { pointer, expected: `a revision that there is: ${revisions.slice(-mostRevisions).join(', ')}`, revision }
}

/** That are listed. */
const mostRevisions = 10

/** The fields that a line adds to its capsule are in the event error, as far as it has them. */
const ofLine = ['wiki', 'webHost', 'recvFrom', 'seqId', 'timestamp', 'uuid']

function completed (capsule: Capsule, error: Readonly<Capsule>): Capsule {
  if (isRecord(capsule['meta']) && capsule['schema'] === undefined) return capsule
  const added = ofLine.filter(name => capsule[name] === undefined && error[name] !== undefined && error[name] !== '' && !(name === 'timestamp' && capsule['dt'] !== undefined))
  return { ...capsule, ...Object.fromEntries(added.map(name => [name, error[name]])) }
}

/** Characters behind the capsule that may end an object too. */
const mostAttempts = 4

/** The capsule in a line of whatever format: the JSON in it, or a percent-encoded query. Null if there is none. */
function capsuleIn (line: string): Capsule | null {
  const start = line.indexOf('{')
  if (start !== -1) {
    let end = line.lastIndexOf('}')
    for (let attempt = 0; end > start && attempt < mostAttempts; attempt++) {
      const capsule = objectIn(line.slice(start, end + 1))
      if (capsule !== null) return capsule
      end = line.lastIndexOf('}', end - 1)
    }
  }
  const [query] = /\??%7B\S*/i.exec(line) ?? []
  if (query === undefined) return null
  try {
    return objectIn(decodeQuery(query))
  } catch {
    return null
  }
}

function objectIn (json: string): Capsule | null {
  try {
    const value: unknown = JSON.parse(json)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
