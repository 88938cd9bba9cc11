import { RecordError } from '../../../lib/errors.js'
import { parseCapsule, tidy, type Capsule } from '../../../lib/event/capsule.js'
import { schemaOf } from '../../../lib/event/event-error.js'
import { identifyEvent, whyUnidentified, type Identity } from '../../../lib/event/identity.js'
import { createLineParser } from '../../../lib/event/line-parser.js'
import type { LineFormat } from '../../../lib/event/line-format.js'
import { isRefused, type RefusedSchema, type Schema, type SchemaRepository } from '../../../lib/event/schemas.js'
import { capsuleName } from '../../../lib/event/schema-repository.js'
import { createUserAgentParser } from '../../../lib/event/user-agent.js'
import { secondsOf } from '../../replay/times.js'
import type { Fault, Sightings } from './sightings.js'

/** What is proposed, and what it is compared with. */
export interface Question {
  readonly proposed: Schema
  /** As things are. */
  readonly today: SchemaRepository
  /** As they would be. */
  readonly then: SchemaRepository
  /** Only events that name the proposed revision, and not all of the schema's. */
  readonly onlyRevision: boolean
  /** Half-open, in seconds since the epoch; null for no limit. */
  readonly range: { readonly from: number | null, readonly to: number | null }
  readonly sightings: Sightings
  /** Each event that would be valid. */
  readonly onValid: (event: Readonly<Capsule>) => void
}

/** Looks at records one by one. */
export interface Look {
  /** A line as the live processor gets it. */
  line (text: string): Promise<void>
  /** A whole event, as logs of events and dead letters have it. */
  event (text: string): Promise<void>
}

/** The same steps as the processor's, each with what is published and with what is proposed. */
export function createLook (question: Question, { format, maxLine }: { readonly format: LineFormat, readonly maxLine: number }): Look {
  const { proposed, range, sightings, onlyRevision, onValid } = question
  const userAgents = createUserAgentParser()
  // no address is kept, so that no key is needed
  const parser = createLineParser(format, { hashAddress: () => hashOfNobody, parseUserAgent: text => userAgents.parse(text) })
  const isOfAll = proposed.name === capsuleName
  // a capsule by itself is what a client sends: the rest comes with the line that it will be in, and what is written by hand has spaces
  const isBare = format.fields.length === 0 && format.encoding === 'json'

  function isMeant (name: string, revision: number): boolean {
    return isOfAll || (name === proposed.name && (!onlyRevision || revision === proposed.revision))
  }

  async function look (capsule: Capsule): Promise<void> {
    const seconds = secondsOf(capsule)
    if (isOutside(seconds, range)) {
      sightings.outOfRange++
      return
    }
    sightings.note(seconds)
    const identity = identifyEvent(capsule)
    if (identity === null) return unnamed(capsule)
    if (!isMeant(identity.name, identity.revision)) {
      sightings.others++
      return
    }
    const today = faultOf(capsule, await todaysOf(identity, question.today), identity)
    const then = isOfAll ? faultOf(capsule, question.then.find(identity.name, identity.revision), identity) : validate(capsule, proposed, identity)
    sightings.see(capsule, identity.revision, today, then)
    if (then === null) onValid(capsule)
  }

  function unnamed (capsule: Capsule): void {
    sightings.unnamed++
    sightings.unnamedBecause.add(whyUnidentified(capsule), capsule)
    if (proposed.style === 'capsule' && !isOfAll && proposed.validate({ ...capsule, schema: proposed.name, revision: proposed.revision }) === null) sightings.unnamedButAlike++
  }

  /** What cannot be parsed may say of which schema it is, all the same. */
  function unreadable (text: string, code: string): void {
    const fault: Fault = { pointer: '', expected: `a line that can be read (${code})` }
    const { schema, revision } = schemaOf(text, null)
    if (schema === 'unknown') {
      sightings.unnamed++
      sightings.unnamedBecause.add(fault, null)
    } else if (isMeant(schema, revision)) sightings.see(null, revision, fault, fault)
    else sightings.others++
  }

  async function guarded (text: string, read: () => Capsule): Promise<void> {
    try {
      await look(read())
    } catch (error) {
      if (error instanceof RecordError) unreadable(text, error.code)
      // the stack ran out: of a schema that contains itself, or a number that JSON cannot write
      else if (error instanceof RangeError) unreadable(text, 'nested too deeply')
      else throw error
    }
  }

  return {
    async line (text) {
      if (text.length > maxLine) unreadable(text.slice(0, maxLine), 'too-long')
      else await guarded(text, () => isBare ? bareCapsule(text) : parser.parse(text).capsule)
    },
    async event (text) { await guarded(text, () => JSON.parse(text) as Capsule) }
  }
}

/** What every capsule must have, and no client sends. */
const ofLine: Capsule = { recvFrom: 'preflight', uuid: '0'.repeat(32) }

function bareCapsule (text: string): Capsule {
  const capsule = parseCapsule(text)
  tidy(capsule)
  return capsule['meta'] !== undefined && capsule['schema'] === undefined ? capsule : { ...ofLine, ...capsule }
}

/** As long as a hash of an address. */
const hashOfNobody = '0'.repeat(40)

function isOutside (seconds: number | null, { from, to }: Question['range']): boolean {
  return seconds !== null && (seconds < (from ?? -Infinity) || seconds >= (to ?? Infinity))
}

async function todaysOf ({ name, revision }: Identity, schemas: SchemaRepository): Promise<Schema | RefusedSchema | undefined> {
  return schemas.find(name, revision) ?? (schemas.canFetch(name, revision) ? await schemas.fetch(name, revision) : undefined)
}

function faultOf (capsule: Capsule, schema: Schema | RefusedSchema | undefined, identity: Identity): Fault | null {
  if (schema !== undefined && !isRefused(schema)) return validate(capsule, schema, identity)
  const pointer = identity.style === 'meta' ? '/meta/schema_uri' : '/revision'
  return { pointer, expected: schema === undefined ? 'a revision that is published' : 'a revision that can be used' }
}

/** As if it named this revision. */
function validate (capsule: Capsule, schema: Schema, { style }: Identity): Fault | null {
  return schema.validate(style === 'capsule' ? { ...capsule, revision: schema.revision } : capsule)
}
