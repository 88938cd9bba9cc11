import fc from 'fast-check'
import type { Rules } from '../../../lib/purge/store.js'
import type { Anonymisation, Retention } from '../../../lib/registry/entry.js'
import type { JsonSchema, Schema } from '../../../lib/event/schemas.js'
import { schemaOf } from '../../sql/fixtures.js'

const dayMs = 86_400_000

export type Value = string | number | null
export type Values = Readonly<Record<string, Value>>

const fields = {
  action: { type: 'string' },
  page: { type: 'object', properties: { id: { type: 'integer' }, title: { type: 'string' } } },
  ms: { type: 'number' },
  token: { type: 'string', maxLength: 5000 },
  flag: { type: 'boolean' },
  seen: { type: 'string', format: 'date-time' },
  client_ip: { type: 'string' },
  list: { type: 'array', items: { type: 'object' } }
} as const satisfies Record<string, JsonSchema>

const meta = { type: 'object', properties: { id: { type: 'string' }, dt: { type: 'string', format: 'date-time' }, domain: { type: 'string' } } } as const

/** A table of the test: its schema makes it, and `isKnown` schemas are in the repository. */
export interface ModelTable {
  readonly schema: Schema
  readonly isKnown: boolean
  readonly key: string
  readonly time: string
  /** Of each column what the registry calls it. */
  readonly fields: Readonly<Record<string, string>>
}

const capsuleFields = {
  webHost: 'webHost',
  wiki: 'wiki',
  userAgent: 'userAgent',
  clientIp: 'clientIp',
  samplingRate: 'samplingRate',
  event_action: 'event.action',
  event_page_id: 'event.page.id',
  event_page_title: 'event.page.title',
  event_ms: 'event.ms',
  event_token: 'event.token',
  event_flag: 'event.flag',
  event_seen: 'event.seen',
  event_client_ip: 'event.client_ip',
  event_list: 'event.list'
}

const capsule = { key: 'uuid', time: 'timestamp', fields: capsuleFields }

export const modelTables: readonly ModelTable[] = [
  { ...capsule, schema: schemaOf(fields, { name: 'Alpha', revision: 1 }), isKnown: true },
  { ...capsule, schema: schemaOf({ ...fields, extra: { type: 'string' } }, { name: 'Alpha', revision: 22 }), isKnown: true, fields: { ...capsuleFields, event_extra: 'event.extra' } },
  {
    schema: schemaOf({ ...fields, meta }, { name: 'Beta', revision: 3, style: 'meta' }),
    isKnown: true,
    key: 'meta_id',
    time: 'meta_dt',
    fields: { meta_domain: 'meta.domain', action: 'action', page_id: 'page.id', page_title: 'page.title', ms: 'ms', token: 'token', flag: 'flag', seen: 'seen', client_ip: 'client_ip', list: 'list' }
  },
  { ...capsule, schema: schemaOf(fields, { name: 'Gamma', revision: 4 }), isKnown: false }
]

const startMs = Date.UTC(2015, 5, 1, 12, 0, 0, 400)

export interface NewRow {
  readonly table: number
  /** In seconds before now; null: without a time, `garbage`: with none that is one. */
  readonly age: number | null | 'garbage'
  readonly values: Values
}

export type Step =
  | { readonly kind: 'rows', readonly rows: readonly NewRow[] }
  | { readonly kind: 'purge', readonly nowMs: number, readonly policies: Readonly<Record<string, Retention>>, readonly interruptions: readonly number[] }

/** Lists with addresses, and what may stay of them. */
export const withAddresses: Readonly<Record<string, string>> = {
  '[{"ip":"192.0.2.1","n":1}]': '[{"n":1}]',
  '[{"n":[{"remote_addr":{}}]},2]': '[{"n":[{}]},2]'
}

const value: Record<string, fc.Arbitrary<Value>> = {
  text: fc.option(fc.constantFrom('', 'a', 'view', 'Überlänge 😀!', "it's \\ here", 'x'.repeat(60)), { freq: 5 }),
  integer: fc.option(fc.integer({ min: -5000, max: 5000 }), { freq: 5 }),
  number: fc.option(fc.integer({ min: -4000, max: 4000 }).map(n => n / 4), { freq: 5 }),
  flag: fc.option(fc.constantFrom(0, 1), { freq: 5 }),
  seen: fc.option(fc.constantFrom('2015-01-02 03:04:05', '2014-12-31 23:59:59'), { freq: 5 }),
  rate: fc.constantFrom(null, 1, 0.5, 0.25),
  list: fc.constantFrom(null, '[]', '[{"n": 1}]', ...Object.keys(withAddresses))
}

function valueFor (column: string): fc.Arbitrary<Value> {
  const kind = /page_id$/.test(column) ? 'integer' : /ms$/.test(column) ? 'number' : /flag$/.test(column) ? 'flag' : /seen$/.test(column) ? 'seen' : /list$/.test(column) ? 'list' : column === 'samplingRate' ? 'rate' : 'text'
  return value[kind] ?? fc.constant(null)
}

const newRow: fc.Arbitrary<NewRow> = fc.nat(modelTables.length - 1).chain(table => fc.record({
  table: fc.constant(table),
  age: fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constantFrom(0, 1, 30, 31, 60, 90), fc.constantFrom(-1, 0, 1)).map(([days, second]) => days * 86_400 + second) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 100 * 86_400 }) },
    { weight: 1, arbitrary: fc.constantFrom(null, 'garbage' as const) }
  ),
  values: fc.record(Object.fromEntries(Object.keys(modelTables[table]?.fields ?? {}).map(column => [column, valueFor(column)])))
}))

const anonymisation: fc.Arbitrary<Anonymisation> = fc.oneof(
  fc.constant({ method: 'hash' as const }),
  fc.integer({ min: 1, max: 12 }).map(length => ({ method: 'truncate' as const, length })),
  fc.constantFrom(1, 7, 10, 0.25).map(size => ({ method: 'bucket' as const, size }))
)

function retention (names: readonly string[]): fc.Arbitrary<Retention> {
  const some = fc.subarray([...names], { maxLength: 4 })
  const own = fc.record({
    days: fc.constantFrom(1, 30, 31, 60, 90),
    keep: some,
    anonymise: fc.uniqueArray(fc.tuple(fc.constantFrom(...names), anonymisation), { selector: ([name]) => name, maxLength: 3 }).map(entries => new Map(entries)),
    aggregate: fc.option(fc.record({ by: fc.oneof({ weight: 3, arbitrary: fc.subarray(names.filter(name => /wiki|domain|action|flag/.test(name))) }, { weight: 1, arbitrary: fc.constant(names.filter(name => /^(?:event|page|list)$/.test(name))) }), of: fc.subarray(names.filter(name => /ms$|page.id$/.test(name))) })),
    longer: fc.constant(null)
  })
  return fc.oneof({ weight: 3, arbitrary: own }, { weight: 1, arbitrary: own.map(policy => ({ ...policy, keep: [], anonymise: new Map() })) })
}

const ofCapsule = ['wiki', 'webHost', 'userAgent', 'event', 'event.action', 'event.page', 'event.page.id', 'event.ms', 'event.token', 'event.flag', 'event.seen', 'event.extra', 'event.list']
const ofMeta = ['meta.domain', 'action', 'page', 'page.id', 'ms', 'token', 'flag', 'seen', 'list']

const policies = fc.record({ Alpha: retention(ofCapsule), Beta: retention(ofMeta), Gamma: retention(ofCapsule) })

/** What happens to a database: rows come, time passes, policies change, and purges are interrupted. */
export const history: fc.Arbitrary<Step[]> = fc.array(fc.tuple(
  fc.array(newRow, { maxLength: 25 }),
  fc.oneof(fc.constant(0), fc.integer({ min: -2 * dayMs, max: 40 * dayMs }), fc.constantFrom(1, 7, 29, 30).map(days => days * dayMs)),
  fc.option(policies, { freq: 2 }),
  fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 })
), { minLength: 1, maxLength: 4 }).chain(rounds => policies.map(first => {
  let nowMs = startMs
  let last = first
  return rounds.flatMap(([rows, passedMs, next, interruptions]): Step[] => {
    nowMs += passedMs
    last = next ?? last
    return [{ kind: 'rows', rows: rows.map(row => ({ ...row, ...typeof row.age === 'number' ? { age: Math.floor(nowMs / 1000) - row.age } : {} })) }, { kind: 'purge', nowMs, policies: last, interruptions }]
  })
}))

export function rulesOf ({ nowMs, policies }: Extract<Step, { kind: 'purge' }>): Rules {
  return {
    nowMs,
    mostDays: 90,
    names: Object.keys(policies),
    of (schema) {
      const policy = policies[schema]
      if (policy === undefined) throw new Error(`no policy for ${schema}`)
      return policy
    }
  }
}
