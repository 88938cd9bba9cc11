import { isUtf8 } from 'node:buffer'
import { RecordError } from '../../lib/errors.js'
import type { Capsule } from '../../lib/event/capsule.js'
import { parsed } from '../../lib/event/composition.js'
import { parseJson } from '../../lib/event/json.js'
import type { LineFormat } from '../../lib/event/line-format.js'
import type { LineParser } from '../../lib/event/line-parser.js'
import type { Drop, EventProcessor, Outcome } from '../../lib/event/processor.js'
import type { SchemaRepository } from '../../lib/event/schemas.js'
import type { Registry } from '../../lib/registry/registry.js'
import type { LongStringChoice, LongStrings } from '../../lib/sql/long-strings.js'
import { notUtf8 } from '../../lib/stream/processing.js'
import type { Fate } from '../../lib/stream/ledger.js'
import { keptIn } from '../replay/kept.js'
import { numberText } from '../text.js'
import type { PlugInStep } from './candidates.js'
import { decisionsOf, type Decisions } from './decisions.js'
import { readParts } from './line-parts.js'
import { purgeSection, schemaOfError, secondsOf } from './purge.js'
import { rowSection, storedAs, type Stored } from './row.js'
import { columns, type Section } from './section.js'
import { verdictOf } from './verdict.js'

/** A processor that may have the line: what it makes of it, and how. */
export interface Candidate {
  /** Its argument file, or what stands in for one. */
  readonly label: string
  readonly format: LineFormat
  readonly maxLine: number
  readonly parser: LineParser
  readonly events: EventProcessor
  /** Whether its event errors go anywhere. */
  readonly keepsInvalid: boolean
  readonly steps: readonly PlugInStep[]
}

/** What the ledger calls the end of what came of a record; `logged`: an event error that nobody wanted. */
export type End = Exclude<Fate, 'taken' | 'lost' | 'filtered'> | 'logged'

export interface Explained {
  readonly sections: readonly Section[]
  /** Null if that cannot be told. */
  readonly end: End | null
}

/** Where events go. */
export interface Destination {
  readonly longStrings: LongStringChoice
  readonly refuse: LongStrings
  /** Of each store that is asked, whether it has the row; none if none is asked. */
  find (stored: Extract<Stored, { kind: 'row' }>): Promise<ReadonlyArray<{ readonly text: string, readonly isThere: boolean }>>
}

/** What a record's way depends on. */
export interface Surroundings {
  readonly candidates: readonly Candidate[]
  readonly schemas: SchemaRepository
  readonly registry: Registry
  readonly decisions: Decisions
  readonly destination: Destination
}

/** The whole way of a record: a raw line, also one in an event error or a dead letter; or an event, which has gone half of it. */
export async function explainRecord (bytes: Buffer, surroundings: Surroundings): Promise<Explained> {
  const { candidates, schemas, registry, destination } = surroundings
  const record = bytes.toString()
  const candidate = candidateFor(record, candidates)
  const kept = keptIn(record, candidate.format)
  if (kept.kind === 'valid' || kept.kind === 'event') {
    const event = 'text' in kept ? kept.text : record
    const rest = await rowAndPurge(storedAs(event, schemas, destination.longStrings, destination.refuse), registry, destination)
    const what = kept.kind === 'valid' ? 'an event that a processor has passed on' : 'a dead letter: what becomes of the event in it when it is replayed'
    return { ...rest, sections: [{ title: 'The record', lines: [what] }, verdictOf(parsed(event) as Capsule, schemas, exactly(() => event) ?? undefined), ...rest.sections] }
  }
  if (!('text' in kept)) return { sections: [{ title: 'The record', lines: ['the line in it was not kept as it came, so its way cannot be told'] }], end: null }
  if (kept.kind === 'line' && kept.text === record) return await explainLine(bytes, candidate, surroundings)
  const told = await explainLine(Buffer.from(kept.text), candidateFor(kept.text, candidates), surroundings)
  return { ...told, sections: [{ title: 'The record', lines: [`${kept.kind === 'error' ? 'an EventError' : 'a dead letter'}: what becomes of the line in it when it is replayed`] }, ...told.sections] }
}

/** The one that has a line of this form; the first, when none has. */
function candidateFor (line: string, candidates: readonly Candidate[]): Candidate {
  const [first] = candidates
  if (first === undefined) throw new TypeError('there is no candidate')
  return candidates.find(({ format }) => format.match(line) !== null) ?? first
}

async function explainLine (bytes: Buffer, candidate: Candidate, { candidates, schemas, registry, decisions, destination }: Surroundings): Promise<Explained> {
  const line = bytes.toString()
  const outcome = await outcomeOf(bytes, candidate, schemas)
  const whole = isUtf8(bytes) ? capsuleOf(line, candidate) : null
  const { sections } = readParts(line, candidate.format, whole?.capsule ?? null)
  const sectionsSoFar = [
    { title: 'The line', lines: introduction(line, candidate, candidates) },
    ...sections,
    ...whole === null ? [] : [decisionsOf(whole.capsule, line, registry, decisions), verdictOf(whole.capsule, schemas, whole.exact)]
  ]
  if (outcome.kind === 'dropped') return { sections: [...sectionsSoFar, ended(`${dropText[outcome.why]}: it is counted as ${outcome.why}, and neither published nor kept anywhere`)], end: outcome.why }
  if (outcome.kind === 'unknown-schema') throw new TypeError('a schema that was fetched cannot be unknown')
  if (outcome.kind === 'invalid' && candidate.keepsInvalid === false) {
    return { sections: [...sectionsSoFar, publicationOf(outcome), ended('it is counted and logged, and kept nowhere: the processor has no --invalid')], end: 'logged' }
  }
  const stored = storedAs(outcome.json, schemas, destination.longStrings, destination.refuse)
  const rest = await rowAndPurge(stored, registry, destination)
  return {
    sections: [...sectionsSoFar, publicationOf(outcome), ...rest.sections],
    end: rest.end
  }
}

const dropText: Readonly<Record<Drop, string>> = {
  sampled: 'it is not among the events that its schema keeps',
  opted_out: 'its user has opted out'
}

function introduction (line: string, candidate: Candidate, candidates: readonly Candidate[]): string[] {
  const formats = candidates.map(({ label, format }) => [label, format.format])
  const steps = candidate.steps.map(stepText)
  if (candidate.format.match(line) !== null) return [`${numberText(line.length)} characters, of the format of ${candidate.label}:`, candidate.format.format, ...steps]
  return [`${numberText(line.length)} characters, of none of the formats:`, ...columns(formats), ...formats.length > 1 ? [`what ${candidate.label} makes of it:`] : [], ...steps]
}

/** What a plug-in does is told, and not done: it may do anything. */
function stepText ({ scheme, name, isBefore }: PlugInStep): string {
  const when = isBefore ? 'before it is parsed' : 'before it is published'
  const what = scheme === 'map' ? 'change it, or leave it out' : 'leave it out'
  return `${when}, function "${name}" of a plug-in may ${what} (it is counted as filtered then): what follows is told as if it did not`
}

/** As `processing` does it. */
async function outcomeOf (bytes: Buffer, { events }: Candidate, schemas: SchemaRepository): Promise<Outcome> {
  const line = bytes.toString()
  if (!isUtf8(bytes)) return events.refuse(line, notUtf8(line))
  const outcome = events.process(line, true)
  if (outcome.kind !== 'unknown-schema') return outcome
  await schemas.fetch(outcome.name, outcome.revision)
  return events.process(line, false)
}

/** What validation looks at, and the same with every digit as far as that can be; null if the line does not become one. */
function capsuleOf (line: string, { parser, maxLine }: Candidate): { capsule: Capsule, exact: Capsule } | null {
  if (line.length > maxLine) return null
  try {
    const { capsule, toJson } = parser.parse(line)
    return { capsule, exact: exactly(toJson) ?? capsule }
  } catch (error) {
    if (error instanceof RecordError) return null
    throw error
  }
}

function exactly (toJson: () => string): Capsule | null {
  try {
    return parseJson(toJson()) as Capsule
  } catch (error) {
    // a number that is infinite, or a nesting that is too deep: the processor says so
    if (error instanceof RecordError || error instanceof RangeError) return null
    throw error
  }
}

function publicationOf (outcome: Extract<Outcome, { json: string }>): Section {
  const title = 'What is published'
  if (outcome.kind === 'valid') return { title, lines: [`a valid event of ${outcome.schema}`] }
  const { uuid, event } = JSON.parse(outcome.json) as { uuid: string, event: { code: string, message: string, schema: string, revision: number } }
  return { title, lines: [`an EventError in its place, uuid ${uuid}, code ${event.code}, about ${event.schema}/${event.revision}:`, event.message] }
}

async function rowAndPurge (stored: Stored, registry: Registry, destination: Destination): Promise<Explained> {
  if (stored.kind === 'dead_letter') return { sections: [rowSection(stored), ended('in the dead letters of the consumer')], end: 'dead_letter' }
  const { event, plan } = stored
  const found = await destination.find(stored)
  const isThere = found.some(({ isThere }) => isThere)
  const how = isThere ? 'a row is there with this uuid already: this one is counted as a duplicate and changes nothing' : `a row of ${plan.name}`
  return {
    sections: [
      rowSection(stored),
      ...found.length === 0 ? [] : [{ title: 'Whether it is there', lines: found.map(({ text }) => text) }],
      purgeSection(plan, registry, { seconds: secondsOf(event), about: schemaOfError(event) }),
      ended(how)
    ],
    end: isThere ? 'duplicate' : 'passed'
  }
}

function ended (how: string): Section {
  return { title: 'The end', lines: [how] }
}
