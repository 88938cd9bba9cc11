import { createHash, hash } from 'node:crypto'
import { parseDateTime } from '../../lib/sql/times.js'
import { fields, Skimmer, types, type Field } from './skim.js'

/** What a line is sorted and recognised by. */
export interface LineKey {
  /** Of the event, in milliseconds since the epoch; `noTime` if it tells none. */
  timeMs: number
  /** What identifies the line, 128 bits of it, in three numbers that sort as it does; `a` also says of which kind it is. */
  a: number
  b: number
  c: number
  isJson: boolean
}

/** After all times. */
export const noTime = Number.MAX_SAFE_INTEGER

const digitsOfA = 11
const digitsOfB = 22
/** Above what eleven digits can be. */
const kindUnit = 2 ** 44
const kinds = { uuid: 0, hyphened: kindUnit, otherId: 2 * kindUnit, bytes: 3 * kindUnit } as const

/** Whether it is an event with a uuid, or else is recognised by its bytes. */
export function hasUuid (a: number): boolean {
  return a < kinds.bytes
}

/** A longer line is not parsed: made of brackets, it would take fifty times the memory that it has bytes. */
const mostParsedBytes = 1 << 20

/**
 * Finds out what lines are. An event is known by its `uuid`, or by `meta.id`; all else, and what is no JSON object, by its bytes. Lines are looked through to their ends: what a crash has torn
 * may have a uuid, and must not take the place of the event. Long ones in which names are written with escapes, as no daemon of ours does, are taken for JSON without a uuid.
 */
export class Identifier {
  readonly #skimmer = new Skimmer()

  /** Of the line in those bytes, into `key`. */
  identify (bytes: Buffer, start: number, end: number, key: LineKey): void {
    const skimmed = this.#skimmer.skim(bytes, start, end)
    if (skimmed === 'odd' && end - start > mostParsedBytes) {
      identifyBytes(hash('sha256', bytes.subarray(start, end), 'hex'), key)
      key.isJson = true
      return
    }
    if (skimmed === 'odd') {
      identifyObject(JSON.parse(bytes.toString('utf8', start, end)) as Record<string, unknown>, bytes.subarray(start, end), key)
      return
    }
    key.isJson = skimmed === 'object'
    key.timeMs = key.isJson ? this.#timeIn(bytes) : noTime
    const { types: typeOf, starts, ends } = this.#skimmer
    const id = typeOf[fields.uuid] === types.nothing ? fields.metaId : fields.uuid
    const [from, to] = [starts[id] as number, ends[id] as number]
    if (!key.isJson || typeOf[id] !== types.string || from === to) takeDigest(hash('sha256', bytes.subarray(start, end), 'hex'), kinds.bytes, key)
    else if (!takeUuid(bytes, from, to, key)) takeOtherId(bytes.toString('utf8', from, to), key)
  }

  /** As `timeOf` of the object. */
  #timeIn (bytes: Buffer): number {
    const { types: typeOf } = this.#skimmer
    if (typeOf[fields.timestamp] === types.number) return millisecondsOf(Number(this.#text(bytes, fields.timestamp)))
    for (const field of [fields.dt, fields.metaDt, fields.time]) if (typeOf[field] === types.string) return millisecondsIn(this.#text(bytes, field))
    return noTime
  }

  #text (bytes: Buffer, field: Field): string {
    return bytes.toString('latin1', this.#skimmer.starts[field], this.#skimmer.ends[field])
  }
}

/** What is recognised by its bytes, and tells no time: `digest` is their SHA-256 in hexadecimal digits. */
export function identifyBytes (digest: string, key: LineKey): void {
  takeDigest(digest, kinds.bytes, key)
  key.isJson = false
  key.timeMs = noTime
}

/** For lines that come in pieces. */
export function createDigest (): { update (piece: Buffer): void, digest (): string } {
  const sha256 = createHash('sha256')
  return { update: piece => { sha256.update(piece) }, digest: () => sha256.digest('hex') }
}

/** The same of a line that was parsed. */
export function identifyObject (object: Record<string, unknown>, bytes: Buffer, key: LineKey): void {
  const { uuid, meta } = object
  const id = uuid !== undefined ? uuid : typeof meta === 'object' && meta !== null && 'id' in meta ? meta.id : undefined
  key.isJson = true
  key.timeMs = timeOf(object)
  if (typeof id !== 'string' || id === '') takeDigest(hash('sha256', bytes, 'hex'), kinds.bytes, key)
  else if (!takeUuid(Buffer.from(id), 0, Buffer.byteLength(id), key)) takeOtherId(id, key)
}

/** Of an event its own; of a dead letter when it was refused. */
function timeOf ({ timestamp, dt, meta, time }: Record<string, unknown>): number {
  if (typeof timestamp === 'number') return millisecondsOf(timestamp)
  const metaDt = typeof meta === 'object' && meta !== null && 'dt' in meta ? meta.dt : null
  const text = [dt, metaDt, time].find(value => typeof value === 'string')
  return typeof text === 'string' ? millisecondsIn(text) : noTime
}

/** Of a time in seconds, or in smaller units: the seconds are its first ten digits, as in the event's uuid. */
function millisecondsOf (timestamp: number): number {
  if (!Number.isFinite(timestamp)) return noTime
  if (timestamp < 1e10) return Math.floor(timestamp * 1000)
  let milliseconds = timestamp
  while (milliseconds < 1e12) milliseconds *= 10
  while (milliseconds >= 1e13) milliseconds /= 10
  return Math.floor(milliseconds)
}

function millisecondsIn (text: string): number {
  const seconds = parseDateTime(text)
  if (seconds === null) return noTime
  const [, fraction = ''] = /\.(\d{1,3})/.exec(text) ?? []
  return seconds * 1000 + Number(fraction.padEnd(3, '0'))
}

/** Of lower-case hexadecimal digits their values: what is written in another way is another id. */
const values = Int8Array.from({ length: 256 }, (_, code) => '0123456789abcdef'.indexOf(String.fromCharCode(code)))
const hyphen = 0x2d

/** 32 digits, with the hyphens of a uuid or without. False if it is something else. */
function takeUuid (bytes: Buffer, start: number, end: number, key: LineKey): boolean {
  if (end - start === 32) return take(bytes, start, end, kinds.uuid, key)
  if (end - start !== 36) return false
  for (const at of [8, 13, 18, 23]) if (bytes[start + at] !== hyphen) return false
  return take(bytes, start, end, kinds.hyphened, key)
}

function takeOtherId (id: string, key: LineKey): void {
  // halves of surrogate pairs would be all the same in UTF-8
  takeDigest(hash('sha256', Buffer.from(id, 'utf16le'), 'hex'), kinds.otherId, key)
}

function takeDigest (digest: string, kind: number, key: LineKey): void {
  take(Buffer.from(digest, 'latin1'), 0, 32, kind, key)
}

/** 32 digits, between which there may be hyphens at their places. */
function take (bytes: Buffer, start: number, end: number, kind: number, key: LineKey): boolean {
  let [a, b, c, digits] = [0, 0, 0, 0]
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number
    if (byte === hyphen && kind === kinds.hyphened) continue
    const value = values[byte] as number
    if (value < 0) return false
    if (digits < digitsOfA) a = a * 16 + value
    else if (digits < digitsOfB) b = b * 16 + value
    else c = c * 16 + value
    digits++
  }
  if (digits !== 32) return false
  key.a = kind + a
  key.b = b
  key.c = c
  return true
}
