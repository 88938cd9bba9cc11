/**
 * What a journaled stream and its replay socket carry (docs/protocol.md): a frame of JSON and, with records, a second frame.
 */
import { Ajv } from 'ajv'
import { batchOfBytes, mostSchemas } from '../stream/batch.js'
import type { JournalEntry } from '../stream/journal.js'
import { sumOf } from '../stream/ledger.js'
import { endpointOf, type Uri } from '../stream/uri.js'

/** Which journal a message is of, and where to ask for what was missed. */
export interface Origin {
  readonly journal: string
  readonly id: string
  /** The id that the journal had before; up to number `next` the records are the same under both. */
  readonly previous?: { readonly id: string, readonly next: number }
  /** The port of the replay socket, on the publishing host; for an `ipc:` stream, its path. */
  readonly replay: number | string
}

/** `state` comes when the stream is quiet, and in answer to a request for records that are not there yet. */
export type JournalMessage =
  | { readonly kind: 'records', readonly origin: Origin, readonly entry: JournalEntry }
  | { readonly kind: 'state', readonly origin: Origin, readonly next: number, readonly status: Status | null }

/** What a publisher tells about its journal when it is asked for the status. */
export interface Status {
  /** Of what is kept, and of what is kept at most. */
  readonly bytes: number
  readonly most: number
  /** When the record that was asked about entered the pipeline, in milliseconds since 1970; null if it is not there. */
  readonly time: number | null
}

/** A commit report that is answered: how does it stand from there on? */
export interface StatusRequest {
  readonly as: string
  readonly id: string
  readonly status: number
}

/** Asks for records from `from` on, at most `bytes` of them but one entry in any case. */
export interface FetchRequest {
  /** The subscriber's name. */
  readonly as: string
  readonly id: string
  readonly from: number
  readonly bytes: number
}

/** Says that a subscriber will not ask for anything before `committed` again. */
export interface CommitReport {
  readonly as: string
  readonly id: string
  readonly committed: number
}

/** Of journals and subscribers. */
export const namePattern = '^[A-Za-z0-9_.-]{1,64}$'

/** Bytes of the frame of JSON of a message, and of a request, at most. */
export const longestHeader = 128 << 10
export const longestRequest = 1024

const id = { type: 'string', pattern: '^[0-9a-f]{16}$' }
const name = { type: 'string', pattern: namePattern }
const number = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
const origin = {
  journal: name,
  id,
  replay: { anyOf: [{ type: 'integer', minimum: 1, maximum: 65_535 }, { type: 'string', minLength: 1, maxLength: 200 }] }
}

interface RecordsHeader {
  readonly first: number
  readonly count: number
  readonly time: number
  readonly schemas: Record<string, number>
}
const previous = { type: 'object', properties: { id, next: number }, required: ['id', 'next'] }

const ajv = new Ajv()
const isRecordsHeader = ajv.compile<Origin & RecordsHeader>(allOf({ ...origin, first: number, count: number, time: number, schemas: { type: 'object', maxProperties: mostSchemas, additionalProperties: number } }))
const isStateHeader = ajv.compile<Origin & { next: number }>(allOf({ ...origin, next: number }))
const isFetchRequest = ajv.compile<FetchRequest>(allOf({ as: name, id, from: number, bytes: number }))
const isStatusRequest = ajv.compile<StatusRequest>(allOf({ as: name, id, status: number }))
const isStatus = ajv.compile<{ status: Status }>(allOf({ status: allOf({ bytes: number, most: number, time: { ...number, nullable: true } }) }))
const isCommitReport = ajv.compile<CommitReport>(allOf({ as: name, id, committed: number }))

/** Other members may be there too: a later version may send them. */
function allOf (properties: Record<string, object>): object {
  return { type: 'object', properties: { ...properties, previous }, required: Object.keys(properties) }
}

export function recordsMessage (origin: Origin, { first, count, payload, timeMs, schemas }: JournalEntry): [string, Buffer] {
  return [JSON.stringify({ ...origin, first, count, time: timeMs, schemas: Object.fromEntries(schemas) }), payload]
}

export function stateMessage (origin: Origin, next: number, status?: Status): [string] {
  return [JSON.stringify({ ...origin, next, ...(status === undefined ? {} : { status }) })]
}

/** Where a stream's publisher answers. */
export function replayEndpointOf (uri: Uri, { replay }: Origin): string {
  return typeof replay === 'string' ? `ipc://${replay}` : endpointOf({ ...uri, port: replay })
}

/** Null for what is no such message. */
export function parseMessage ([frame, payload]: readonly Buffer[]): JournalMessage | null {
  const header = parseHeader(frame)
  if (payload === undefined) return isStateHeader(header) ? { kind: 'state', origin: header, next: header.next, status: isStatus(header) ? header.status : null } : null
  if (!isRecordsHeader(header) || batchOfBytes(payload)?.count !== header.count) return null
  const { first, count, time: timeMs } = header
  const schemas = new Map(Object.entries(header.schemas))
  return sumOf(schemas) === count ? { kind: 'records', origin: header, entry: { first, count, payload, timeMs, schemas } } : null
}

/** Bytes of the path of a socket: unix(7). */
const longestPath = 107

/**
 * Whether what answers is where it can be: behind another port of the host of the stream, or beside its file. A publisher of another
 * host has no say in which local socket is connected to.
 */
export function isAnsweredBeside (uri: Uri, { origin: { replay } }: JournalMessage): boolean {
  return typeof replay === 'string' ? uri.scheme === 'ipc' && Buffer.byteLength(replay) <= longestPath && !replay.includes('\0') : uri.scheme !== 'ipc'
}

/** Null for what is no request. */
export function parseRequest ([frame]: readonly Buffer[]): FetchRequest | CommitReport | StatusRequest | null {
  const request = frame !== undefined && frame.length <= longestRequest ? parseHeader(frame) : null
  return isFetchRequest(request) || isCommitReport(request) || isStatusRequest(request) ? request : null
}

function parseHeader (frame: Buffer | undefined): unknown {
  if (frame === undefined || frame.length > longestHeader) return null
  try {
    return JSON.parse(frame.toString()) as unknown
  } catch {
    return null
  }
}
