import { RecordError } from '../errors.js'
import { countKeys, decodeCapsule, parseCapsule, splice, tidy, type Capsule } from './capsule.js'
import { jsonOf, parseJson, stringifyJson } from './json.js'
import type { Conversion, Field, LineFormat } from './line-format.js'
import { combinedRate } from './sampling.js'
import { uuidOfCapsule } from './uuid.js'

/** What `%h` and `%u` need. */
export interface Converters {
  /** Address to hash: an address never leaves the parser. */
  readonly hashAddress: (address: string) => string
  /** Throws `RecordError` for one that is too long. */
  readonly parseUserAgent: (userAgent: string) => unknown
}

export interface ParsedLine {
  /** The capsule with what the line added: to be validated. Integers beyond 2^53 are not exact in it. */
  readonly capsule: Capsule
  /**
   * The whole as JSON, every number as it was sent, and with the rate by which it was kept, if that is below 1 and it is a capsule. Throws
   * `RecordError` for a number that is infinite.
   */
  toJson (rate?: number): string
}

/** Parses lines of one format into capsules. */
export interface LineParser {
  /** Throws `RecordError` that tells the sender what to change. */
  parse (line: string): ParsedLine
}

export function createLineParser (format: LineFormat, converters: Converters): LineParser {
  const { fields, encoding } = format
  const convert = fields.map(field => conversions(field, converters))

  /** Adds the line's fields to a capsule; returns those added, as the end of a JSON object, and whether all else is as it was. */
  function complete (capsule: Capsule, texts: readonly string[]): { added: string, count: number, intact: boolean } {
    let added = ''
    let count = 0
    let intact = true
    // an event that carries its own metadata is whole: it gets nothing from the line
    if (isMeta(capsule)) return { added, count, intact }
    for (let i = 0; i < fields.length; i++) {
      const { name } = fields[i] as Field
      const { key, ofLine, ofCapsule } = convert[i] as FieldConversion
      if (!Object.hasOwn(capsule, name)) {
        const value = capsule[name] = ofLine(texts[i] as string)
        added += key + jsonOf(value)
        count++
      } else if (ofCapsule !== null) {
        const before = capsule[name]
        capsule[name] = ofCapsule(before)
        intact &&= capsule[name] === before
      }
    }
    const uuid = uuidOfCapsule(capsule)
    if (uuid === null) return { added, count, intact }
    intact &&= capsule['uuid'] === undefined
    capsule['uuid'] = uuid
    return { added: `${added},"uuid":"${uuid}"`, count: count + 1, intact }
  }

  return {
    parse (line) {
      const match = format.match(line)
      if (match === null) throw new RecordError('bad-line', `the line does not match the format "${format.format}"`)
      const json = decodeCapsule(match.capsule, encoding)
      const capsule = parseCapsule(json)
      const tidied = tidy(capsule)
      const { added, count, intact } = complete(capsule, match.fields)
      return {
        capsule,
        toJson (rate = 1) {
          const isSampled = rate < 1 && !isMeta(capsule)
          const keys = countKeys(capsule) - count
          const isWhole = intact && !tidied && !(isSampled && Object.hasOwn(capsule, 'samplingRate'))
          const spliced = isWhole ? splice(json, keys, isSampled ? `${added},"samplingRate":${rate}` : added) : null
          if (spliced !== null) return spliced
          const exact = parseJson(json) as Capsule
          tidy(exact)
          complete(exact, match.fields)
          if (isSampled) exact['samplingRate'] = combinedRate(exact['samplingRate'], rate)
          return stringifyJson(exact)
        }
      }
    }
  }
}

function isMeta (capsule: Capsule): boolean {
  return typeof capsule['meta'] === 'object' && capsule['meta'] !== null && capsule['schema'] === undefined
}

interface FieldConversion {
  /** `,"name":`, as it stands in the JSON text. */
  readonly key: string
  readonly ofLine: (text: string) => unknown
  /** For the capsule's own value, which the sender wrote and which may be of any type; null leaves it. */
  readonly ofCapsule: ((value: unknown) => unknown) | null
}

function conversions ({ name, conversion }: Field, converters: Converters): FieldConversion {
  const key = `,"${name}":`
  const ofLine = ofLineBy(name, converters)[conversion]
  const shape = shapes[conversion]
  return { key, ofLine, ofCapsule: shape === null ? null : value => typeof value === 'string' && shape.test(value) ? ofLine(value) : value }
}

const secondsShape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/

/** The strings of a capsule that are converted as the line's text is; null for none. */
const shapes: Readonly<Record<Conversion, RegExp | null>> = {
  text: null,
  integer: /^\d+$/,
  seconds: secondsShape,
  'iso-8601': secondsShape,
  address: /^/,
  'user-agent': /^/
}

function ofLineBy (name: string, { hashAddress, parseUserAgent }: Converters): Record<Conversion, (text: string) => unknown> {
  const toSeconds = lastRemembered(text => secondsOf(text, name))
  return {
    text: text => text,
    integer: text => integerOf(text, name),
    seconds: toSeconds,
    'iso-8601': text => { toSeconds(text); return `${text}Z` },
    address: hashAddress,
    'user-agent': parseUserAgent
  }
}

function secondsOf (text: string, name: string): number {
  const ms = Date.parse(`${text}Z`)
  // 2014-02-30 is parsed as the second of March
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== text) throw new RecordError('bad-line', `${name}: there is no time "${text}"`)
  return ms / 1000
}

function integerOf (text: string, name: string): number {
  const value = Number(text)
  if (value > Number.MAX_SAFE_INTEGER) throw new RecordError('bad-line', `${name}: ${text.slice(0, 40)} is beyond 2^53`)
  return value
}

/** Lines of the same second come together. */
function lastRemembered<T> (compute: (text: string) => T): (text: string) => T {
  let last: string | undefined
  let value: T
  return text => {
    if (text !== last) {
      value = compute(text)
      last = text
    }
    return value
  }
}
