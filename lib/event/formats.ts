import { isIPv4, isIPv6 } from 'node:net'
import type { Effort } from './effort.js'

/** A `format` of JSON Schema that is checked. */
interface StringFormat {
  /** What a message says was expected. */
  readonly expected: string
  readonly test: (text: string) => boolean
}

const dateShape = /^(\d{4})-(\d\d)-(\d\d)$/
const timeShape = /^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(z|[+-]([01]\d|2[0-3]):?[0-5]\d)?$/i
const labelShape = /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/i
const uuidShape = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i
/** RFC 3986, and characters beyond ASCII unescaped, as browsers show and send them. */
const uriShape = /^[a-z][a-z\d+.-]*:(%[\da-f]{2}|[^\s\p{Cc}<>"{}|\\^`%])*$/iu
const colorShape = /^(#[\da-f]{3}|#[\da-f]{6}|rgb\( *\d{1,3}%? *, *\d{1,3}%? *, *\d{1,3}%? *\))$/i
/** CSS 2.1, section 4.3.6. */
const colorNames = new Set([
  'aqua', 'black', 'blue', 'fuchsia', 'gray', 'green', 'lime', 'maroon', 'navy', 'olive', 'orange', 'purple', 'red', 'silver',
  'teal', 'white', 'yellow'
])
/** E.123: digits, grouped. */
const phoneShape = /^\+?[\d (][\d ()./-]{2,30}$/

const ipAddress: StringFormat = { expected: 'an IPv4 address', test: isIPv4 }
const hostName: StringFormat = { expected: 'a host name', test: isHostName }
const uri: StringFormat = { expected: 'a URI', test: text => uriShape.test(text) }

/**
 * The formats that are checked, by name: those of draft-03, the same under their later names, and `uuid5-hex`. Every other
 * format (`style`, `markdown` …) is an annotation. Every check takes time that is linear in the length of the text.
 */
const formats: ReadonlyMap<string, StringFormat> = new Map(Object.entries({
  'date-time': { expected: 'a date-time like 2014-05-21T09:30:01Z', test: isDateTime },
  date: { expected: 'a date like 2014-05-21', test: isDate },
  time: { expected: 'a time like 09:30:01', test: text => timeShape.test(text) },
  // a number needs no check: a string is what is wrong with it
  'utc-millisec': { expected: 'a number of milliseconds since 1970', test: () => false },
  'uuid5-hex': { expected: '32 hexadecimal digits', test: isUuidHex },
  uuid: { expected: 'a UUID', test: text => uuidShape.test(text) },
  'ip-address': ipAddress,
  ipv4: ipAddress,
  ipv6: { expected: 'an IPv6 address', test: text => isIPv6(text) && !text.includes('%') },
  'host-name': hostName,
  hostname: hostName,
  uri,
  url: uri,
  email: { expected: 'an e-mail address', test: isEmail },
  color: { expected: 'a CSS colour like #ff0000 or red', test: text => colorShape.test(text) || colorNames.has(text.toLowerCase()) },
  phone: { expected: 'a telephone number', test: text => phoneShape.test(text) },
  regex: { expected: 'a regular expression', test: isRegex }
}))

/** Characters that cost as much as a step. */
const charactersAStep = 8

/** The same, as ajv takes them. */
export function ajvFormats ({ spend }: Pick<Effort, 'spend'>): Record<string, (text: string) => boolean> {
  return Object.fromEntries([...formats].map(([name, { test }]) => [name, (text: string) => {
    spend(1 + text.length / charactersAStep)
    return test(text)
  }]))
}

/** `a date like 2014-05-21`; undefined for a format that is not checked. */
export function describeFormat (name: unknown): string | undefined {
  return typeof name === 'string' ? formats.get(name)?.expected : undefined
}

/** RFC 3339, section 5.6; a blank for the T and a missing zone (UTC) are common enough to be taken. */
function isDateTime (text: string): boolean {
  const separator = text.charAt(10)
  return (separator === 'T' || separator === 't' || separator === ' ') && isDate(text.slice(0, 10)) && timeShape.test(text.slice(11))
}

function isDate (text: string): boolean {
  const [, year, month, day] = dateShape.exec(text) ?? []
  return day !== undefined && Number(day) >= 1 && Number(day) <= daysIn(Number(year), Number(month))
}

function daysIn (year: number, month: number): number {
  if (month < 1 || month > 12) return 0
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Every event has one: several times as fast as a regular expression. */
function isUuidHex (text: string): boolean {
  if (text.length !== 32) return false
  for (let i = 0; i < 32; i++) {
    const code = text.charCodeAt(i)
    const isDigit = code >= 0x30 && code <= 0x39
    const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x66
    if (!isDigit && !isLetter) return false
  }
  return true
}

function isHostName (text: string): boolean {
  return text.length <= 254 && (text.endsWith('.') ? text.slice(0, -1) : text).split('.').every(label => labelShape.test(label))
}

function isEmail (text: string): boolean {
  const at = text.lastIndexOf('@')
  return at > 0 && at <= 64 && !/[\s@]/.test(text.slice(0, at)) && isHostName(text.slice(at + 1))
}

function isRegex (text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch {
    return false
  }
}
