import { RecordError } from '../errors.js'
import type { Capsule } from './capsule.js'
import { errorsOf, schemaAtFault, unknownSchema } from './composition.js'
import { eventErrorOf, type EventErrorCode } from './event-error.js'
import { identifyEvent, whyUnidentified } from './identity.js'
import { KnownNames } from './known-names.js'
import type { LineFormat } from './line-format.js'
import { createLineParser, type Converters } from './line-parser.js'
import type { OptOut } from './opt-out.js'
import type { Sampler } from './sampling.js'
import { createAddressScrubber } from './scrub.js'
import { isRefused, type SchemaRepository } from './schemas.js'

export interface ProcessorOptions extends Converters {
  readonly format: LineFormat
  readonly schemas: SchemaRepository
  /** Without one every event is kept. */
  readonly sampler?: Sampler
  /** Longest line that is parsed, in characters; a longer one becomes an event error with its beginning. */
  readonly maxLine: number
  /** `recvFrom` of event errors whose line does not tell. */
  readonly hostname: string
  /** Whose events are dropped, the invalid ones too. */
  readonly optOut: OptOut
}

/**
 * What became of a line: one record of the valid stream, or an `EventError` for the other, both as JSON, and what it is counted as
 * in a `Composition`; or nothing but a count.
 */
export type Outcome =
  | { readonly kind: 'valid', readonly json: string, readonly schema: string }
  | { readonly kind: 'invalid', readonly json: string, readonly schema: string }
  | { readonly kind: 'dropped', readonly why: Drop, readonly schema: string }
  | UnknownSchema

/** By the registry: the event is not among those that its schema keeps, or is of somebody who does not want to be counted. */
export const drops = ['sampled', 'opted_out'] as const
export type Drop = typeof drops[number]

/** The schema is not here, but a remote repository may have it: fetch it, then process the line again. */
export interface UnknownSchema {
  readonly kind: 'unknown-schema'
  readonly name: string
  readonly revision: number
}

/** Turns raw lines into validated events. Never throws for what a line holds. */
export interface EventProcessor {
  /** `unknown-schema` comes back only if `mayFetch`. */
  process (line: string, mayFetch?: boolean): Outcome
  /** The event error for a line that is refused before it is parsed. */
  refuse (line: string, reason: RecordError): Outcome
}

/** A record that cannot become an event, and how far it got. */
class Refusal extends Error {
  readonly code: EventErrorCode
  readonly capsule: Capsule

  constructor (message: string, code: EventErrorCode, capsule: Capsule) {
    super(message)
    this.code = code
    this.capsule = capsule
  }
}

export function createEventProcessor (options: ProcessorOptions): EventProcessor {
  const { schemas, sampler, maxLine, optOut } = options
  const parser = createLineParser(options.format, options)
  const scrub = createAddressScrubber(options.format, options.hashAddress)
  const known = new KnownNames(schemas)

  function processUnguarded (line: string, mayFetch: boolean): Outcome {
    if (line.length > maxLine) throw new RecordError('too-long', `the line has ${line.length} characters, more than ${maxLine}; send less, or raise --max-line`)
    const parsed = parser.parse(line)
    const { capsule } = parsed
    const identity = identifyEvent(capsule)
    if (identity === null) throw new Refusal(whyUnidentified(capsule).message, 'validation', capsule)
    const { name, revision } = identity
    if (optOut.covers(name, capsule, line)) return optedOut(name)
    const rate = sampler === undefined ? 1 : sampler.rateFor(name, capsule)
    if (rate === 0) return { kind: 'dropped', why: 'sampled', schema: name }
    const schema = schemas.find(name, revision)
    if (schema === undefined) {
      if (mayFetch && schemas.canFetch(name, revision)) return { kind: 'unknown-schema', name, revision }
      throw new Refusal(`there is no schema ${name}/${revision}; publish it, or correct schema and revision`, 'validation', capsule)
    }
    if (isRefused(schema)) throw new Refusal(`schema ${name}/${revision} cannot be used: ${schema.reason}`, 'validation', capsule)
    const problem = schema.validate(capsule)
    if (problem !== null) throw new Refusal(problem.message, 'validation', capsule)
    return { kind: 'valid', json: parsed.toJson(rate), schema: name }
  }

  function optedOut (schema: string): Outcome {
    return { kind: 'dropped', why: 'opted_out', schema: known.has(schema) ? schema : unknownSchema }
  }

  function invalid (line: string, code: EventErrorCode, message: string, capsule: Capsule | null = null): Outcome {
    const refusedBy = optOut.inText(line, capsule)
    if (refusedBy !== null) return optedOut(refusedBy)
    const { text: rawEvent, identity } = scrub(line.length > maxLine ? line.slice(0, maxLine) : line)
    const fallback = { recvFrom: options.hostname, timestamp: Math.floor(Date.now() / 1000) }
    const event = eventErrorOf({ code, message, rawEvent, identity, capsule }, fallback)
    const schema = schemaAtFault(event)
    return { kind: 'invalid', json: JSON.stringify(event), schema: errorsOf(known.has(schema) ? schema : unknownSchema) }
  }

  return {
    process (line, mayFetch = true) {
      try {
        return processUnguarded(line, mayFetch)
      } catch (error) {
        if (error instanceof Refusal) return invalid(line, error.code, error.message, error.capsule)
        if (error instanceof RecordError) return invalid(line, 'processor', error.message)
        // the stack ran out: JSON.stringify and validators recurse, JSON.parse does not
        if (error instanceof RangeError) return invalid(line, 'processor', 'the event is nested too deeply; flatten it')
        throw error
      }
    },
    refuse: (line, reason) => invalid(line, 'processor', reason.message)
  }
}
