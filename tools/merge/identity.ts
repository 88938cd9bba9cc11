import { isUtf8 } from 'node:buffer'
import { createHash, hash } from 'node:crypto'
import { parseDateTime } from '../../lib/sql/times.js'

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

/**
 * Finds out what a line is, into `key`. An event is known by its `uuid`, or by `meta.id`; all else, and what is no JSON object, by its bytes. Whole
 * lines are parsed: what a crash has torn may have a uuid, and must not take the place of the event.
 */
export function identify (text: string, bytes: () => Buffer, key: LineKey): void {
  const object = objectOf(text, bytes)
  const id = object === null ? undefined : idOf(object)
  if (typeof id !== 'string' || id === '') identifyBytes(hash('sha256', bytes(), 'hex'), key)
  else if (!(id.length === 32 && take(id, kinds.uuid, key)) && !(id.length === 36 && takeHyphened(id, key))) take(hash('sha256', Buffer.from(id, 'utf16le'), 'hex'), kinds.otherId, key)
  key.isJson = object !== null
  key.timeMs = object === null ? noTime : timeOf(object)
}

/** What is recognised by its bytes, and tells no time: `digest` is their SHA-256 in hexadecimal digits. */
export function identifyBytes (digest: string, key: LineKey): void {
  take(digest, kinds.bytes, key)
  key.isJson = false
  key.timeMs = noTime
}

/** For lines that come in pieces. */
export function createDigest (): { update (piece: Buffer): void, digest (): string } {
  const sha256 = createHash('sha256')
  return { update: piece => { sha256.update(piece) }, digest: () => sha256.digest('hex') }
}

function objectOf (text: string, bytes: () => Buffer): Record<string, unknown> | null {
  if (!/^\s*\{/.test(text)) return null
  // broken UTF-8 would make different ids the same
  if (text.includes('\uFFFD') && !isUtf8(bytes())) return null
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return null
  }
}

function idOf ({ uuid, meta }: Record<string, unknown>): unknown {
  if (uuid !== undefined) return uuid
  return typeof meta === 'object' && meta !== null && 'id' in meta ? meta.id : undefined
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
const values = Int8Array.from({ length: 128 }, (_, code) => '0123456789abcdef'.indexOf(String.fromCharCode(code)))
const hyphen = 0x2d

/** The first 32 digits. False if one of them is none. */
function take (digits: string, kind: number, key: LineKey): boolean {
  let [a, b, c] = [0, 0, 0]
  for (let i = 0; i < 32; i++) {
    const value = values[digits.charCodeAt(i)] ?? -1
    if (value < 0) return false
    if (i < digitsOfA) a = a * 16 + value
    else if (i < digitsOfB) b = b * 16 + value
    else c = c * 16 + value
  }
  key.a = kind + a
  key.b = b
  key.c = c
  return true
}

function takeHyphened (id: string, key: LineKey): boolean {
  for (const at of [8, 13, 18, 23]) if (id.charCodeAt(at) !== hyphen) return false
  return take(id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24), kinds.hyphened, key)
}
