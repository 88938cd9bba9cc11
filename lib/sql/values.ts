import { RecordError } from '../errors.js'
import { stringifyJson } from '../event/json.js'
import type { Column } from './columns.js'
import { mediawikiTime, parseDateTime, sqlTime, wholeSeconds } from './times.js'

/** A value as it goes to a database. A number is never NaN or infinite. */
export type SqlValue = string | number | bigint | null

/** Converts one value of an event, neither null nor undefined. Throws `RecordError` when the column cannot hold it. */
export type Converter = (value: unknown) => SqlValue

/**
 * The converter of a column. `onLong` is called with the number of characters of each string that is longer than the column and
 * is to be cut; it may throw `RecordError` instead.
 */
export function converterOf (column: Column, onLong: (characters: number) => void): Converter {
  switch (column.kind) {
    case 'key': return keyConverter(column)
    case 'timestamp': return timestampConverter(column)
    case 'boolean': return value => typeof value === 'boolean' ? Number(value) : misfit(column, 'true or false', value)
    case 'integer': return integerConverter(column)
    case 'number': return numberConverter(column)
    case 'string': return stringConverter(column, onLong)
    case 'text': return asText
    case 'date-time': return dateTimeConverter(column)
  }
}

const smallestBigint = -(2n ** 63n)
const largestBigint = 2n ** 63n - 1n

function integerConverter (column: Column): Converter {
  return value => {
    if (Number.isSafeInteger(value)) return value as number
    if (typeof value === 'boolean') return Number(value)
    if (typeof value !== 'bigint' && !Number.isInteger(value)) return misfit(column, 'an integer', value)
    const exact = BigInt(value as bigint | number)
    return exact < smallestBigint || exact > largestBigint ? misfit(column, 'an integer from -2^63 to 2^63 - 1', value) : exact
  }
}

/** A double has about 17 digits: an integer with more is rounded, as the schema's `number` says it may be. */
function numberConverter (column: Column): Converter {
  return value => {
    const number = typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : value
    if (typeof number !== 'number') return misfit(column, 'a number', value)
    return Number.isFinite(number) ? number : misfit(column, 'a number within ±1.8e308', value)
  }
}

function stringConverter ({ length }: Column, onLong: (characters: number) => void): Converter {
  return value => {
    const text = asText(value)
    if (text.length <= length) return text
    const end = endOf(text, length)
    if (end === text.length) return text
    onLong(charactersOf(text))
    return text.slice(0, end)
  }
}

/** Databases count characters, JavaScript counts an emoji as two. */
function endOf (text: string, characters: number): number {
  let end = 0
  for (let count = 0; count < characters && end < text.length; count++) end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1
  return end
}

function charactersOf (text: string): number {
  let count = 0
  for (let at = 0; at < text.length; count++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
  return count
}

/** Two that are cut could be the same, and the second event would be taken for the first. */
function keyConverter (column: Column): Converter {
  const { length } = column
  return value => {
    if (typeof value === 'string' && (value.length <= length || endOf(value, length) === value.length)) return wellFormed(value)
    const came = typeof value === 'string' ? ` (${charactersOf(value)} came)` : ''
    return misfit(column, `a string of at most ${length} characters${came}`, value)
  }
}

function dateTimeConverter (column: Column): Converter {
  return value => {
    const seconds = typeof value === 'string' ? parseDateTime(value) : null
    return (seconds === null ? null : sqlTime(seconds)) ?? misfit(column, 'a date-time such as 2014-05-21T09:30:01Z, of the years 1 to 9999', value)
  }
}

/** Takes a capsule's `timestamp` (seconds, or milliseconds) and its `dt`. Events of one second come together. */
function timestampConverter (column: Column): Converter {
  let lastSeconds = NaN
  let lastText = ''
  return value => {
    const seconds = typeof value === 'number' ? wholeSeconds(value) : typeof value === 'string' ? parseDateTime(value) : null
    if (seconds === lastSeconds) return lastText
    const text = seconds === null ? null : mediawikiTime(seconds)
    if (seconds === null || text === null) return misfit(column, 'seconds since 1970, or a date-time', value)
    lastSeconds = seconds
    lastText = text
    return text
  }
}

function asText (value: unknown): string {
  return typeof value === 'string' ? wellFormed(value) : toJson(value)
}

// with the flag `u` only halves of pairs match
const halfPair = /[\ud800-\udfff]/u
const halfPairs = /[\ud800-\udfff]/gu

/** Text has no UTF-8 while half of a surrogate pair is in it; the drivers do different things then. */
function wellFormed (text: string): string {
  return halfPair.test(text) ? text.replace(halfPairs, '\ufffd') : text
}

function toJson (value: unknown): string {
  try {
    return stringifyJson(value)
  } catch (cause) {
    // what JSON.parse gave can fail only by its depth
    throw new RecordError('refused-by-store', 'the event is nested too deeply; flatten it', { cause })
  }
}

function misfit (column: Column, expected: string, value: unknown): never {
  const came = toJson(value).slice(0, 100)
  throw new RecordError('refused-by-store', `column ${column.name} takes ${expected}; got ${came}. A field that changes its type needs a new revision of its schema`, { column: column.name })
}
