import { hash } from 'node:crypto'
import { undated, type Hour } from './manifest.js'

/** What is added up of one schema in one hour. */
export interface Sum {
  count: number
  /** ISO 8601 to the second; empty without a time. */
  first: string
  last: string
  uuids: bigint
  content: bigint
}

const [uuidBits, contentBits] = [128, 256]

/** Adds up events by hour and schema, in whatever order. Memory: one sum for each of both. */
export class HourSums {
  readonly #sums = new Map<string, Map<string, Sum>>()

  /** `time`: ISO 8601 to the second, null if there is none. */
  add (schema: string, time: string | null, uuid: bigint, content: bigint): void {
    this.merge(schema, hourOf(time), { count: 1, first: time ?? '', last: time ?? '', uuids: uuid, content })
  }

  merge (schema: string, hour: string, { count, first, last, uuids, content }: Sum): void {
    let hours = this.#sums.get(schema)
    if (hours === undefined) this.#sums.set(schema, hours = new Map())
    const sum = hours.get(hour)
    if (sum === undefined) {
      hours.set(hour, { count, first, last, uuids, content })
      return
    }
    sum.count += count
    if (first < sum.first) sum.first = first
    if (last > sum.last) sum.last = last
    sum.uuids += uuids
    sum.content += content
  }

  addAll (hours: readonly Hour[]): void {
    for (const { schema, hour, uuids, content, ...sum } of hours) this.merge(schema, hour, { ...sum, uuids: BigInt(`0x${uuids}`), content: BigInt(`0x${content}`) })
  }

  /** By hour, then schema. */
  get hours (): Hour[] {
    const all = [...this.#sums].flatMap(([schema, hours]) => [...hours].map(([hour, { count, first, last, uuids, content }]): Hour => ({
      hour, schema, count, first, last, uuids: hex(uuids, uuidBits), content: hex(content, contentBits)
    })))
    return all.sort((one, other) => compare(one.hour, other.hour) || compare(one.schema, other.schema))
  }
}

function hourOf (time: string | null): string {
  return time === null ? undated : time.slice(0, 13)
}

function hex (sum: bigint, bits: number): string {
  return BigInt.asUintN(bits, sum).toString(16).padStart(bits / 4, '0')
}

function compare (one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}

const plainUuid = /^[0-9a-f]{32}$/i
const dashedUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What tells an event from all others, as a number of 128 bits: a uuid is one, of anything else it is the first half of its SHA-256. */
export function numberOfKey (key: string): bigint {
  if (plainUuid.test(key)) return BigInt(`0x${key}`)
  return BigInt(`0x${dashedUuid.test(key) ? key.replaceAll('-', '') : hash('sha256', key).slice(0, 32)}`)
}

export function numberOfContent (bytes: Buffer): bigint {
  return BigInt(`0x${hash('sha256', bytes)}`)
}

/** Whether both have the same events, and each as the other has it. */
export function sameHours (one: readonly Hour[], other: readonly Hour[]): boolean {
  return one.length === other.length && one.every((hour, at) => sameHour(hour, other[at]))
}

export function sameHour (one: Hour, other: Hour | undefined): boolean {
  return other !== undefined && (['hour', 'schema', 'count', 'first', 'last', 'uuids', 'content'] as const).every(name => one[name] === other[name])
}

/** What is left of sums when some of what they count is taken out; without times, as nobody knows whose they were. */
export function withoutKept (hours: readonly Hour[], kept: readonly Hour[]): Array<Pick<Hour, 'hour' | 'schema' | 'count' | 'uuids' | 'content'>> {
  return hours.flatMap(({ hour, schema, count, uuids, content }) => {
    const out = kept.find(one => one.hour === hour && one.schema === schema)
    const left = count - (out?.count ?? 0)
    const difference = (name: 'uuids' | 'content', bits: number): bigint => BigInt(`0x${name === 'uuids' ? uuids : content}`) - BigInt(`0x${out?.[name] ?? '0'}`) + (1n << BigInt(bits))
    return left === 0 ? [] : [{ hour, schema, count: left, uuids: hex(difference('uuids', uuidBits), uuidBits), content: hex(difference('content', contentBits), contentBits) }]
  })
}

export function countOf (hours: ReadonlyArray<Pick<Hour, 'count'>>): number {
  return hours.reduce((sum, { count }) => sum + count, 0)
}
