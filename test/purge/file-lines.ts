import fc from 'fast-check'
import { dayMs } from './fixtures.js'

export const nowMs = Date.UTC(2015, 5, 15, 12)

/** Days of all; of Short fewer, of Long more; of Strip some fields stay. */
export const registry = {
  retention: { days: 90 },
  schemas: {
    Short: { retention: { days: 7 } },
    Long: { retention: { days: 200, reason: 'a study', until: '2999-12-31' } },
    EventError: { retention: { days: 60 } },
    Strip: { retention: { keep: ['wiki', 'event.duration'], anonymise: { 'event.user': { truncate: 1 }, 'event.bytes': { bucket: 100 } } } }
  }
} as const

const days: Readonly<Record<string, number>> = { Short: 7, Long: 200 }

/** A line and what has to become of it: itself, nothing, or another. */
export interface Expected {
  readonly line: string
  readonly after: string
}

const schema = fc.constantFrom('Short', 'Long', 'Strip', 'Other')
/** Not at the very limit, which is a question of milliseconds. */
const age = fc.integer({ min: 0, max: 300 }).map(days => days + 0.5)
const word = fc.string({ minLength: 1, maxLength: 8 })

/** A capsule: times in seconds, milliseconds or as text; members in any order; digits that no double has. */
const event = fc.record({ schema, age, word, bytes: fc.bigInt({ min: 0n, max: 10n ** 25n }), time: fc.constantFrom('seconds', 'milliseconds', 'dt'), spaces: fc.constantFrom('', ' ') }).map(({ schema, age, word, bytes, time, spaces }): Expected => {
  const atMs = nowMs - age * dayMs
  const when = time === 'dt' ? `"dt":${spaces}"${new Date(atMs).toISOString()}"` : `"timestamp":${spaces}${time === 'seconds' ? atMs / 1000 : atMs}`
  const user = JSON.stringify(word)
  const line = `{"event":{"duration":${spaces}1.50,"user":${user},"bytes":${bytes},"page":${user}},"schema":"${schema}","revision":${spaces}1,${when},"wiki":"w","userAgent":"x","clientIp":"y"}`
  if (age < (days[schema] ?? 90)) return { line, after: line }
  if (schema !== 'Strip') return { line, after: '' }
  const kept = `{"event":{"duration":${spaces}1.50,"user":${JSON.stringify([...word][0])},"bytes":${bytes / 100n * 100n}},"schema":"${schema}","revision":${spaces}1,${when},"wiki":"w"}`
  return { line, after: kept }
})

/** Kept by the time in it; without one it would be by that of its file. */
const raw = fc.record({ schema, age, name: fc.stringMatching(/^[a-z]{1,8}$/) }).map(({ schema, age, name }): Expected => {
  const line = `?%7B%22schema%22%3A%22${schema}%22%2C%22event%22%3A%7B%22a%22%3A%22${name}%22%7D%7D; cp1 17 ${iso(age)} 192.0.2.1 Mozilla/5.0`
  return { line, after: age < Math.min(90, days[schema] ?? 90) ? line : '' }
})

const error = fc.record({ raw, age }).map(({ raw: { line: rawEvent }, age }): Expected => {
  const line = JSON.stringify({ event: { rawEvent, message: 'm', code: 'validation', schema: 'Other', revision: 1 }, schema: 'EventError', revision: 14035058, wiki: '', recvFrom: 'cp1', timestamp: seconds(age), uuid: 'u' })
  return { line, after: age < Math.min(60, days[/schema%22%3A%22(\w+)/.exec(rawEvent)?.[1] ?? ''] ?? 60) ? line : '' }
})

const letter = fc.record({ event, age }).map(({ event: { line: record }, age }): Expected => {
  const line = JSON.stringify({ time: new Date(nowMs - age * dayMs).toISOString(), instance: 'i', code: 'refused-by-store', message: 'm', record })
  const { schema, timestamp, dt } = JSON.parse(record) as { schema: string, timestamp?: number, dt?: string }
  const atMs = dt === undefined ? Number(timestamp) * (Number(timestamp) > 1e10 ? 1 : 1000) : Date.parse(dt)
  return { line, after: nowMs - atMs < Math.min(90, days[schema] ?? 90) * dayMs ? line : '' }
})

export const lines = fc.array(fc.tuple(fc.oneof({ weight: 4, arbitrary: event }, raw, error, letter), fc.constantFrom('\n', '\n', '\r\n')), { minLength: 1, maxLength: 30 })
  .map(all => all.map(([{ line, after }, end]): Expected => ({ line: line + end, after: after === '' ? '' : after + end })))

function seconds (age: number): number {
  return Math.floor((nowMs - age * dayMs) / 1000)
}

function iso (age: number): string {
  return new Date(nowMs - age * dayMs).toISOString().slice(0, 19)
}
