import t from 'tap'
import fc from 'fast-check'
import { RecordError } from '../../lib/errors.js'
import type { JsonSchema } from '../../lib/event/schemas.js'
import { planTable } from '../../lib/sql/columns.js'
import { rowMapper } from '../../lib/sql/rows.js'
import type { SqlValue } from '../../lib/sql/values.js'
import { capsuleOf, schemaOf } from './fixtures.js'

interface Mapped {
  readonly row: Record<string, SqlValue | undefined>
  readonly cut: string[]
}

function map (properties: Record<string, JsonSchema>, event: object, fields: object = {}): Mapped {
  const { columns } = planTable(schemaOf(properties))
  const cut: string[] = []
  const row = rowMapper(columns, column => { cut.push(column.name) })(capsuleOf(event, fields))
  return { row: Object.fromEntries(columns.map((column, at) => [column.name, row[at]])), cut }
}

/** The value that field `v` gets. */
function valueOf (schema: JsonSchema, value: unknown): SqlValue | undefined {
  return map({ v: schema }, { v: value }).row['event_v']
}

function refusal (schema: JsonSchema, value: unknown): RecordError | null {
  try {
    valueOf(schema, value)
    return null
  } catch (error) {
    return error instanceof RecordError ? error : null
  }
}

t.test('a capsule becomes a row', async t => {
  const { row } = map({ a: { type: 'boolean' }, p: { type: 'object', properties: { id: { type: 'integer' } } } }, { a: true, p: { id: 5 } },
    { uuid: 'f'.repeat(32), userAgent: { os: 'é' }, clientIp: 'abc', samplingRate: 0.1 })

  t.strictSame(row, { uuid: 'f'.repeat(32), timestamp: '20140521093001', webHost: 'en.wikipedia.org', wiki: 'enwiki', userAgent: '{"os":"é"}', clientIp: 'abc', samplingRate: 0.1, event_a: 1, event_p_id: 5 })
})

t.test('what an event lacks, or has as null, is null', async t => {
  const properties = { a: { type: 'string' }, p: { type: 'object', properties: { id: { type: 'integer' } } }, q: { type: 'object', properties: { id: { type: 'integer' } } } }

  t.match(map(properties, { a: null, p: null }, { timestamp: undefined, wiki: null }).row, { timestamp: null, wiki: null, event_a: null, event_p_id: null, event_q_id: null })
})

t.test('timestamp may be seconds or milliseconds, or come as dt', async t => {
  t.equal(map({}, {}, { timestamp: 1400664601999 }).row['timestamp'], '20140521093001')
  t.equal(map({}, {}, { timestamp: undefined, dt: '2014-05-21T11:30:02+02:00' }).row['timestamp'], '20140521093002')
  t.equal(map({}, {}, { timestamp: 1400664601, dt: '2001-01-01T00:00:00Z' }).row['timestamp'], '20140521093001')
  t.throws(() => map({}, {}, { timestamp: 'now' }), RecordError)
})

t.test('a table\'s mapper keeps no value from one event to the next', async t => {
  const { columns } = planTable(schemaOf({ v: { type: 'string' } }))
  const toRow = rowMapper(columns, () => {})
  const first = toRow(capsuleOf({ v: 'x' }, { timestamp: 1 }))
  const second = toRow(capsuleOf({}, { timestamp: 2 }))
  const third = toRow(capsuleOf({}, { timestamp: undefined }))

  t.strictSame([first[1], second[1], third[1]], ['19700101000001', '19700101000002', null])
  t.strictSame([first.at(-1), second.at(-1)], ['x', null])
})

t.test('integers keep every digit, up to 64 bits', async t => {
  for (const value of [0, -1, 2 ** 53 - 1, 9007199254740993n, 2n ** 63n - 1n, -(2n ** 63n)]) t.equal(valueOf({ type: 'integer' }, value), value)
  t.equal(valueOf({ type: 'integer' }, 1e18), 10n ** 18n)
  for (const value of [2n ** 63n, -(2n ** 63n) - 1n, 1e19, Infinity, 1.5, '5', [], {}]) {
    t.match(refusal({ type: 'integer' }, value), { code: 'refused-by-store', details: { column: 'event_v' } }, String(value))
  }
})

t.test('numbers are doubles', async t => {
  t.equal(valueOf({ type: 'number' }, 0.1), 0.1)
  t.equal(valueOf({ type: 'number' }, 12345678901234567890n), 12345678901234567890)
  for (const value of [Infinity, -Infinity, 10n ** 400n, 'NaN', {}]) t.match(refusal({ type: 'number' }, value), { code: 'refused-by-store' })
})

t.test('date-times are in UTC, to the second', async t => {
  const schema = { type: 'string', format: 'date-time' }

  t.equal(valueOf(schema, '2014-05-21T11:30:01.5+02:00'), '2014-05-21 09:30:01')
  for (const value of ['soon', 5, '0000-01-01T00:00:00Z', '0001-01-01T00:00:00+01:00']) t.match(refusal(schema, value), { code: 'refused-by-store' })
})

t.test('strings are cut to their column, counted in characters, and the column is told', async t => {
  const emoji = '😀'.repeat(1024)
  const ofText = (v: string): Mapped => map({ v: { type: 'string' } }, { v })

  t.match(ofText('x'.repeat(1024)), { row: { event_v: 'x'.repeat(1024) }, cut: [] })
  t.match(ofText('x'.repeat(1025)), { row: { event_v: 'x'.repeat(1024) }, cut: ['event_v'] })
  t.match(ofText(emoji), { row: { event_v: emoji }, cut: [] })
  t.match(ofText(`${emoji}x`), { row: { event_v: emoji }, cut: ['event_v'] })
  t.match(map({}, {}, { wiki: 'w'.repeat(65) }), { row: { wiki: 'w'.repeat(64) }, cut: ['wiki'] })
})

t.test('text holds strings as they are and everything else as JSON, digits included', async t => {
  const union = { type: ['string', 'integer', 'array'] }

  t.equal(valueOf(union, 'x'), 'x')
  t.equal(valueOf(union, 12345678901234567890n), '12345678901234567890')
  t.equal(valueOf({ type: 'array' }, ['x', { y: 12345678901234567890n }]), '["x",{"y":12345678901234567890}]')
  t.equal(valueOf({ type: 'object' }, {}), '{}')
  t.equal(valueOf(union, true), 'true')
  t.equal(valueOf({ type: 'string' }, 5), '5')
})

t.test('an array that is nested too deep for JSON refuses its row', async t => {
  const value = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) as unknown

  t.match(refusal({ type: 'array' }, value), { message: 'the event is nested too deeply; flatten it' })
})

t.test('names that every object inherits are read only where an event has them', async t => {
  const properties = JSON.parse('{"__proto__":{"type":"integer"},"constructor":{"type":"string"},"toString":{"type":"boolean"}}') as Record<string, JsonSchema>
  const event = JSON.parse('{"__proto__":5,"constructor":"x"}') as object

  t.match(map(properties, {}).row, { event___proto__: null, event_constructor: null, event_toString: null })
  t.match(map(properties, event).row, { event___proto__: 5, event_constructor: 'x', event_toString: null })
})

t.test('a row identity that does not fit is refused, never cut', async t => {
  t.throws(() => map({}, {}, { uuid: 'x'.repeat(33) }), RecordError)
  t.throws(() => map({}, {}, { uuid: 5 }), RecordError)
})

t.test('any event becomes a row or a RecordError', async t => {
  const properties = {
    a: { type: 'boolean' }, b: { type: 'integer' }, c: { type: 'number' }, d: { type: 'string' }, e: { type: 'string', format: 'date-time' },
    f: { type: 'string', format: 'uuid5-hex' }, g: { type: 'array' }, h: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } } }
  }
  const { columns } = planTable(schemaOf(properties))
  const toRow = rowMapper(columns, () => {})
  const value = fc.anything({ withBigInt: true, maxDepth: 2 })
  const event = fc.record({ a: value, b: value, c: value, d: value, e: value, f: value, g: value, h: value }, { requiredKeys: [] })

  fc.assert(fc.property(event, event => {
    try {
      const row = toRow(capsuleOf(event))
      t.equal(row.length, columns.length)
      t.ok(row.every(value => value === null || ['string', 'bigint'].includes(typeof value) || Number.isFinite(value)))
    } catch (error) {
      t.type(error, RecordError)
    }
  }), { numRuns: 500 })
})
