import { createHmac } from 'node:crypto'
import type { Anonymisation } from '../../registry/entry.js'
import type { SqlValue } from '../../sql/values.js'
import { withoutAddresses } from '../json-edit.js'
import type { TableColumn } from './database.js'
import type { EventColumn } from './event-tables.js'

/** `clean`: it stays, without addresses and user agents that are in it. */
export type Treatment = Anonymisation | { readonly method: 'clean' }

/** Of a value of a column, never null, what may stay of it. What is anonymous already comes out as it is: it may be done again and again. */
export type Anonymise = (value: unknown, column: EventColumn, how: Treatment) => SqlValue

/** With a salt that is forgotten with the process; null when nothing is to be hashed, only looked at. */
export function createAnonymise (salt: Buffer | null): Anonymise {
  return (value, column, how) => {
    switch (how.method) {
      case 'hash': return hashed(value, column, text => salt === null ? null : createHmac('sha256', salt).update(text).digest())
      case 'truncate': return column.mayBeJson ? clean(truncated(clean(value), column, how.length)) : truncated(value, column, how.length)
      case 'bucket': return bucketed(value, column, how.size)
      case 'clean': return clean(value)
    }
  }
}

function clean (value: unknown): SqlValue {
  return value === null ? null : withoutAddresses(textOf(value))
}

export type ColumnClass = 'integer' | 'number' | 'text' | 'time' | 'other'

/** `other`: too small for a hash, or not known. */
export function classOf ({ type, length }: Pick<TableColumn, 'type' | 'length'>): ColumnClass {
  if (/^(?:(?:small|medium)?int|integer|bigint)$/.test(type)) return 'integer'
  if (/^(?:float|double|real|decimal|numeric)$/.test(type)) return 'number'
  if (/^(?:char|varchar|(?:tiny|medium|long)?text)$/.test(type)) return length === null || length >= shortestHash ? 'text' : 'other'
  return /^(?:datetime|timestamp)$/.test(type) ? 'time' : 'other'
}

const hashShape = /^hash:[0-9a-f]{11,32}$/
const longestHash = 37
/** With fewer digits two values would be one. */
const shortestHash = 16

/** Integers that are hashes are below this; those of events hardly ever are. */
const hashesBelow = -(2n ** 62n)

/** `hash:` and up to 32 digits of a hash, as many as the column has room for; of an integer one below -2^62. Null where there is no room. */
function hashed (value: unknown, { type, length }: TableColumn, hash: (text: string) => Buffer | null): SqlValue {
  const kind = classOf({ type, length })
  if (kind === 'text') {
    const text = textOf(value)
    if (hashShape.test(text) && text.length === Math.min(longestHash, length ?? longestHash)) return text
    return `hash:${hash(text)?.toString('hex') ?? ''}`.slice(0, Math.min(longestHash, length ?? longestHash))
  }
  if (type !== 'bigint') return null
  const integer = BigInt(textOf(value))
  if (integer < hashesBelow) return integer
  return hashesBelow - 1n - (hash(String(integer))?.readBigUInt64BE() ?? 0n) % 2n ** 62n
}

function truncated (value: unknown, column: TableColumn, length: number): SqlValue {
  switch (classOf(column)) {
    case 'integer': return BigInt(firstDigits(textOf(value), length))
    case 'number': return firstOfNumber(Number(value), length)
    case 'time': return firstOfTime(textOf(value), length)
    default: return column.type === 'tinyint' ? null : [...textOf(value)].slice(0, length).join('')
  }
}

function firstDigits (integer: string, length: number): string {
  return integer.slice(0, length + (integer.startsWith('-') ? 1 : 0)).padEnd(integer.length, '0')
}

function firstOfNumber (number: number, length: number): SqlValue {
  const integer = Math.trunc(number)
  return Number.isSafeInteger(integer) ? Number(firstDigits(String(integer), length)) : null
}

const earliest = '0001-01-01 00:00:00'
const units = [4, 7, 10, 13, 16, 19]

/** Whole units of it. */
function firstOfTime (time: string, length: number): SqlValue {
  const kept = units.findLast(unit => unit <= length)
  return kept === undefined ? null : time.slice(0, kept) + earliest.slice(kept)
}

/** Null of what is no number. In a column of integers the size counts as the next integer. */
function bucketed (value: unknown, column: TableColumn, size: number): SqlValue {
  const kind = classOf(column)
  if (kind === 'integer') {
    const lower = lowerInteger(BigInt(textOf(value)), BigInt(Math.ceil(size)))
    return lower < -(2n ** BigInt(bitsOf[column.type] ?? 31)) ? null : lower
  }
  const text = textOf(value)
  if (kind === 'time' || column.type === 'tinyint' || !/^-?\d/.test(text)) return null
  if (kind !== 'number' && /^-?\d{1,100}$/.test(text) && Number.isInteger(size)) return String(lowerInteger(BigInt(text), BigInt(size)))
  const lower = lowerEnd(Number(text), size)
  if (!Number.isFinite(lower)) return null
  return kind === 'number' ? lower : String(lower)
}

const bitsOf: Readonly<Record<string, number>> = { smallint: 15, mediumint: 23, bigint: 63 }

function lowerInteger (value: bigint, size: bigint): bigint {
  const rest = value % size
  return value - rest - (rest < 0n ? size : 0n)
}

/** Of a multiple itself that multiple, though a quotient of doubles may be a little less than the number that it should be. */
function lowerEnd (value: number, size: number): number {
  const n = Math.floor(value / size)
  if ((n + 1) * size <= value) return (n + 1) * size
  return n * size <= value ? n * size : (n - 1) * size
}

export function textOf (value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value)
}
