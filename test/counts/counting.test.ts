import t, { type Test } from 'tap'
import { counting, late, StreamNames } from '../../lib/counts/counting.js'
import { openCounts, type Counts } from '../../lib/counts/read.js'
import { errorsOf } from '../../lib/event/composition.js'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { createMetrics, type Metrics } from '../../lib/metrics.js'
import { arrival, batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Composition, Reader } from '../../lib/stream/contracts.js'
import { drive } from '../../lib/stream/drive.js'
import { generatedReader } from '../../lib/stream/generated-reader.js'
import { openState } from '../../lib/stream/state.js'
import { testContext } from '../helpers/context.js'
import { always } from '../helpers/counts.js'

const noon = Date.UTC(2014, 4, 21, 12)
const schemas = await openSchemas({ directories: [shippedSchemas()], log: testContext().log })

function batch (records: string[], timeMs = noon, known?: Composition): Batch {
  const provenance = arrival('test', records.length)
  return batchOfLines(records, { ...provenance, timeMs, schemas: known ?? provenance.schemas }) as Batch
}

function event (schema: string): string {
  return JSON.stringify({ schema, revision: 1, wiki: 'enwiki', event: {} })
}

function error (schema: string): string {
  return JSON.stringify({ event: { rawEvent: 'x', message: 'm', code: 'processor', schema, revision: 1 }, schema: 'EventError', revision: 14035058 })
}

/** Counts the batches of each stream at noon, and gives what was counted. */
async function count (t: Test, streams: Record<string, Batch[]>): Promise<{ counts: Counts, metrics: Metrics, warnings: object[] }> {
  const directory = t.testdir()
  const state = openState(directory, 'monitor-all')
  const metrics = createMetrics(null)
  const ctx = testContext({ state, metrics, schemas })
  const names = new StreamNames()
  const readers = Object.entries(streams).map(([name, batches]) => names.label(readerOf(batches), name))
  await drive(readers, counting({ schemas, state, metrics, streams: names, log: ctx.log, now: () => noon }), ctx)
  const counts = openCounts(directory)
  t.teardown(() => {
    counts.close()
    state.close()
  })
  return { counts, metrics, warnings: ctx.logged().filter(({ level }) => level === 'warn') }
}

function readerOf (batches: Batch[]): Reader {
  async function * all (): AsyncGenerator<Batch> {
    yield * batches
    await Promise.resolve()
  }
  return generatedReader(all(), { commit: () => {}, release: () => {} })
}

function told (metrics: Metrics): Record<string, number> {
  return Object.fromEntries([...metrics.counts()].filter(([name]) => name !== 'taken'))
}

// seen to fail when all streams have one name
t.test('each stream is counted under its name, in StatsD and durably', async t => {
  const { counts, metrics } = await count(t, {
    a: [batch(['?line', '?line']), batch([event('DemoButtonClick'), error('DemoButtonClick')])],
    b: [batch(['17 EventLogging {}'])]
  })

  t.strictSame(told(metrics), { 'a.raw': 2, 'overall.raw': 3, 'a.valid': 1, 'overall.valid': 1, 'a.invalid': 1, 'overall.invalid': 1, 'schema.DemoButtonClick': 1, 'schema.DemoButtonClick.invalid': 1, 'b.raw': 1 })
  t.strictSame(counts.raw(...always), [{ timeMs: noon, stream: 'a', raw: 2 }, { timeMs: noon, stream: 'b', raw: 1 }])
  t.strictSame(counts.bySchema(...always), [{ timeMs: noon, stream: 'a', schema: 'DemoButtonClick', valid: 1, invalid: 1 }])
  t.match(counts.failures(...always), [{ schema: 'DemoButtonClick', code: 'processor', count: 1, firstMs: noon, lastMs: noon }])
})

// seen to fail when the metrics do not wait for the save
t.test('StatsD is told when it is saved, and not before', async t => {
  const directory = t.testdir()
  const state = openState(directory, 'monitor-all')
  t.teardown(() => { state.close() })
  const metrics = createMetrics(null)
  const writer = counting({ schemas, state, metrics, streams: new StreamNames(), log: testContext().log, now: () => noon })

  await writer.write(batch(['?line']))
  await writer.flush()
  t.equal(metrics.count('overall.raw'), 0)
  state.save()

  t.equal(metrics.count('overall.raw'), 1)
})

// seen to fail with 60 s and 121 s, without the durable count, and without the warning
t.test('what is late is counted when it came in, and not in StatsD, which is told how many', async t => {
  const old = noon - 2 * 3600_000
  const { counts, metrics, warnings } = await count(t, {
    a: [
      batch([event('DemoButtonClick')], noon - 120_000),
      batch([event('DemoButtonClick'), error('DemoButtonClick')], noon - 120_001),
      batch(['?line'], old),
      batch(['?line'], noon + 3600_000)
    ]
  })

  t.strictSame(told(metrics), { 'a.valid': 1, 'overall.valid': 1, 'schema.DemoButtonClick': 1, [late]: 3, 'a.raw': 1, 'overall.raw': 1 })
  t.strictSame(counts.bySchema(...always).map(({ timeMs, valid, invalid }) => [timeMs - noon, valid, invalid]), [[-180_000, 1, 1], [-120_000, 1, 0]])
  t.match(warnings, [{ message: 'records come too late for StatsD: Graphite does not show them, the reports do', older_than_seconds: 120 }])
  t.strictSame(counts.raw(...always).map(({ timeMs }) => timeMs), [old, noon], 'and nothing is counted in the future')
  t.match(counts.failures(...always), [{ firstMs: noon - 120_001, lastMs: noon - 120_001 }])
})

// seen to fail when the composition is not looked at
t.test('what a processor says of its records is believed without looking at them', async t => {
  const composition = new Map([['DemoButtonClick', 3], [errorsOf('DemoButtonClick'), 2], [errorsOf('unknown'), 1], ['EventError', 1]])
  const { counts, metrics } = await count(t, { a: [batch(Array.from({ length: 7 }, () => 'not looked at'), noon, composition)] })

  t.match(told(metrics), { 'a.valid': 3, 'a.invalid': 4, 'schema.DemoButtonClick': 3, 'schema.DemoButtonClick.invalid': 2, 'schema.unknown.invalid': 2 })
  t.strictSame(counts.failures(...always).map(({ schema, code, count }) => [schema, code, count]), [['DemoButtonClick', 'other', 2], ['unknown', 'other', 2]])
})

// seen to fail without `mostForeign`
t.test('ten thousand invented names share one counter; of names that a processor gives there are at most a thousand', async t => {
  const invented = Array.from({ length: 10_000 }, (_, i) => i)
  const { counts, metrics } = await count(t, {
    records: [batch(invented.map(i => event(`Invented${i}`))), batch(invented.map(i => error(`Invented${i}`)))],
    composed: invented.map(i => batch(['x'], noon, new Map([[`Composed${i}`, 1]])))
  })

  t.equal(metrics.count('schema.unknown'), 10_000 + 9000)
  t.equal(metrics.count('schema.unknown.invalid'), 10_000)
  t.ok(metrics.counts().size < 1020, `${metrics.counts().size} names`)
  t.ok(counts.bySchema(...always).length <= 1002)
  t.ok(counts.failures(...always).length <= 21)
  t.equal(counts.failures(...always).reduce((sum, failure) => sum + failure.count, 0), 10_000)
})

// seen to fail, with the end of the monitor, when the schema that came is made JSON and nothing catches it
t.test('a line that is nested without end between its first and last brace is counted once', async t => {
  const inner = JSON.stringify({ schema: 'Nope', revision: 1, event: {} }).replace('{}', `{"schema":${'['.repeat(5000)}${']'.repeat(5000)}}`)
  const rawEvent = `?%7B${inner.slice(1, -1)}%7D;`
  const hostile = JSON.stringify({ event: { rawEvent, message: 'm', code: 'validation', schema: 'Nope', revision: 1 }, schema: 'EventError', revision: 14035058 })
  const { counts } = await count(t, { a: [batch([hostile, event('DemoButtonClick')])] })

  t.strictSame(counts.bySchema(...always).map(({ schema, valid, invalid }) => [schema, valid, invalid]), [['DemoButtonClick', 1, 0], ['unknown', 0, 1]])
  t.equal(counts.failures(...always).reduce((sum, failure) => sum + failure.count, 0), 1)
})
