import t from 'tap'
import type { Schema } from '../../lib/event/schemas.js'
import { countSchemas, Tally, type Counts } from '../../lib/event/tally.js'
import { createMetrics } from '../../lib/metrics.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { schemasOf } from '../helpers/context.js'
import { until } from '../helpers/wait.js'

const schemas = schemasOf(['Edit', 'Move', 'a/b', 'EventError', '__proto__'].map(name => ({ name, revision: 1 }) as Schema))

function count (...records: string[]): unknown {
  return plain(new Tally(schemas).count(batchOfLines(records) as Batch))
}

function plain ({ raw, valid, invalid }: Counts): unknown {
  return { raw, valid: Object.fromEntries(valid), invalid: Object.fromEntries(invalid) }
}

t.test('a record is raw, valid or invalid', async t => {
  const error = (schema: unknown): string => JSON.stringify({ event: { rawEvent: '{"schema":"Move"}', schema, revision: -1 }, schema: 'EventError', revision: 14035058 })

  t.same(count('?%7B%22schema%22', '17 EventLogging {"schema":"Edit","revision":1}', '{"torn":', '{}', '[]', '{"schema":7,"revision":1}', '{"schema":"?","revision":1}', ''),
    { raw: 8, valid: {}, invalid: {} })
  t.same(count('{"schema":"Edit","revision":1}', '{"revision":1,"schema": "Edit"}'), { raw: 0, valid: { Edit: 2 }, invalid: {} })
  t.same(count(error('Edit'), error('Edit'), error('Nowhere'), error(7), error(undefined)), { raw: 0, valid: {}, invalid: { Edit: 2, unknown: 3 } })
})

t.test('the schema is the capsule\'s, whatever else has that name', async t => {
  t.same(count(
    '{"event":{"schema":"Move"},"schema":"Edit","revision":1}',
    '{"event":{"schema":"Move"},"schema": "Edit","revision":1}',
    '{"event":{"text":"\\"schema\\":\\"Move\\""},"schema":"Edit","revision":1}',
    '{"event":{"text":"schema"},"schema":"Edit","revision":1}',
    '{"event":{"schema":["Move"]},"revision":1,"schema":"Edit"}'
  ), { raw: 0, valid: { Edit: 5 }, invalid: {} })
})

t.test('an event that carries meta is counted too', async t => {
  t.same(count('{"meta":{"schema_uri":"x/Edit/1"},"n":1}', '{"meta":{"schema_uri":"nonsense"}}'), { raw: 1, valid: { Edit: 1 }, invalid: {} })
})

t.test('names are such as StatsD takes, and as many as there are schemas', async t => {
  const names = Array.from({ length: 1000 }, (_, i) => JSON.stringify({ schema: `Random${i}`, revision: 1 }))

  t.same(count(...names, '{"schema":"a/b","revision":1}', '{"schema":"__proto__","revision":1}'), { raw: 0, valid: { unknown: 1000, a_b: 1, ['__proto__']: 1 }, invalid: {} })
})

// seen to fail when each record is looked at, and without the look at the braces
t.test('records that are known to be of some schemas are not looked at, nor are lines in which nothing begins as an object', async t => {
  const lines = (): never => { throw new Error('looked at') }
  const payload = Buffer.from('17 EventLogging {"schema":"Edit"}\n?%7B')

  t.same(plain(new Tally(schemas).count({ lines, provenance: { schemas: new Map([['Edit', 2], ['EventError:Edit', 1], ['EventError:unknown', 1], ['EventError', 1], ['a/b', 1]]) } })),
    { raw: 0, valid: { Edit: 2, a_b: 1 }, invalid: { Edit: 1, unknown: 2 } })
  t.same(plain(new Tally(schemas).count({ lines, payload, count: 2, provenance: { schemas: new Map([['-', 2]]) } })), { raw: 2, valid: {}, invalid: {} })
  t.same(plain(new Tally(schemas).count({ lines: () => ['x', '{"schema":"Edit","revision":1}'], payload: Buffer.from('x\n{'), count: 2, provenance: { schemas: new Map([['-', 2]]) } })), { raw: 1, valid: { Edit: 1 }, invalid: {} })
})

t.test('a schema that is learned later is counted by its name from then on', async t => {
  const known: Schema[] = []
  const asked: string[] = []
  const tally = new Tally({
    ...schemas,
    list: () => known,
    canFetch: name => name === 'Remote' && known.length === 0,
    async fetch (name, revision) {
      asked.push(`${name}/${revision}`)
      known.push({ name, revision } as Schema)
      return await Promise.resolve(known[0])
    }
  })
  const batch = batchOfLines(['{"schema":"Remote","revision":3}', '{"schema":"Other","revision":1}']) as Batch

  t.same(plain(tally.count(batch)), { raw: 0, valid: { unknown: 2 }, invalid: {} })
  t.same(asked, ['Remote/3'])

  const counts = await until('it is known', () => {
    const counts = tally.count(batch)
    return counts.valid.has('Remote') ? counts : null
  })
  t.same(plain(counts), { raw: 0, valid: { Remote: 1, unknown: 1 }, invalid: {} })
})

t.test('names from event errors ask nobody', async t => {
  const tally = new Tally({ ...schemas, canFetch: () => true, fetch: async () => await Promise.reject(new Error('asked')) })

  t.same(plain(tally.count(batchOfLines(['{"schema":"EventError","revision":1,"event":{"schema":"Evil","revision":1}}']) as Batch)),
    { raw: 0, valid: {}, invalid: { unknown: 1 } })
})

t.test('metrics get the names of design: schema.<Schema>, and .invalid', async t => {
  const metrics = createMetrics(null)

  countSchemas({ raw: 1, valid: new Map([['Edit', 2]]), invalid: new Map([['Edit', 3]]) }, metrics)

  t.same(Object.fromEntries(metrics.counts()), { 'schema.Edit': 2, 'schema.Edit.invalid': 3 })
})
