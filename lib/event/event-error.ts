import type { Capsule } from './capsule.js'
import { uuidOfUrl } from './uuid.js'

export const eventErrorSchema = { name: 'EventError', revision: 14035058 } as const

/** `processor`: the line could not be parsed; `validation`: the event did not validate. */
export type EventErrorCode = 'processor' | 'validation'

export interface Failure {
  readonly code: EventErrorCode
  readonly message: string
  /** The line as it came, without addresses. */
  readonly rawEvent: string
  /** What its uuid follows from: the line without addresses and their hashes. */
  readonly identity: string
  /** What could be parsed of it; null if nothing. */
  readonly capsule: Capsule | null
}

/** Longest message kept, in characters; the path that failed comes first. */
const messageLimit = 1000

/**
 * The event that stands for one that is invalid: it can be counted by schema, and its `rawEvent` replayed after a fix. The same
 * line always has the same uuid, so that replaying it while it is still wrong adds nothing.
 */
export function eventErrorOf ({ code, message, rawEvent, identity, capsule }: Failure, fallback: { recvFrom: string, timestamp: number }): Capsule {
  const { schema, revision } = schemaOf(rawEvent, capsule)
  return {
    event: { rawEvent, message: message.slice(0, messageLimit), code, schema, revision },
    schema: eventErrorSchema.name,
    revision: eventErrorSchema.revision,
    wiki: textOf(capsule?.['wiki']) ?? '',
    ...optional('webHost', textOf(capsule?.['webHost'])),
    recvFrom: textOf(capsule?.['recvFrom']) ?? fallback.recvFrom,
    ...optional('seqId', Number.isSafeInteger(capsule?.['seqId']) ? capsule?.['seqId'] : undefined),
    timestamp: secondsOf(capsule?.['timestamp']) ?? fallback.timestamp,
    uuid: uuidOfUrl(`event-error:${identity}`)
  }
}

/** Whether a parsed event stands for an invalid one. */
export function isEventError (event: Readonly<Capsule>): boolean {
  return event['schema'] === eventErrorSchema.name
}

/** Schema and revision of a line as far as they can be told, `unknown` and -1 otherwise; the capsule is null if it is not parsed. */
export function schemaOf (rawEvent: string, capsule: Capsule | null): Identity {
  return capsule === null ? identityInText(rawEvent) : identityOf(capsule)
}

interface Identity { schema: string, revision: number }

const unknown: Identity = { schema: 'unknown', revision: -1 }
const nameShape = /^[A-Za-z0-9_./-]{1,63}$/

function identityOf (capsule: Capsule): Identity {
  const { schema, revision } = capsule
  const uri = typeof capsule['meta'] === 'object' && capsule['meta'] !== null ? (capsule['meta'] as Capsule)['schema_uri'] : undefined
  const ofUri = typeof uri === 'string' && schema === undefined ? /([A-Za-z0-9_./-]{1,63})\/(\d{1,15})$/.exec(uri) : null
  if (ofUri !== null) return { schema: ofUri[1] ?? '', revision: Number(ofUri[2]) }
  return {
    schema: typeof schema === 'string' && nameShape.test(schema) ? schema : unknown.schema,
    revision: Number.isSafeInteger(revision) ? revision as number : unknown.revision
  }
}

const schemaInText = /"schema"\s*:\s*"([A-Za-z0-9_./-]{1,63})"/g

/** From a line that could not be parsed: looked for in its text, percent-encoded or not. */
function identityInText (text: string): Identity {
  const [schema = unknown.schema] = schemasInText(text)
  return { schema, revision: Number(/"revision"\s*:\s*(\d{1,15})(?![\d.])/.exec(decoded(text))?.[1] ?? unknown.revision) }
}

/** All that may be the name of the schema of a line that could not be parsed: an event, too, may have a field of that name. */
export function schemasInText (text: string): string[] {
  return [...new Set([...decoded(text).matchAll(schemaInText)].map(([, name = '']) => name))]
}

function decoded (text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, escapes => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'))
}

function textOf (value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= 255 ? value : undefined
}

function secondsOf (value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : undefined
}

function optional (name: string, value: unknown): Capsule {
  return value === undefined ? {} : { [name]: value }
}
