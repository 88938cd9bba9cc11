import t, { type Test } from 'tap'
import type { Schema } from '../../lib/event/schemas.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch, Writer } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { statsdWriter } from '../../lib/writers/statsd.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { startStatsd } from '../helpers/statsd.js'
import { until } from '../helpers/wait.js'

const writers = new Schemes<Writer>('writer').add(statsdWriter)

async function openWriter (t: Test, uri: string): Promise<{ writer: Writer, ctx: TestContext }> {
  const ctx = testContext({ schemas: schemasOf([{ name: 'Edit', revision: 1 }, { name: 'a/b.c', revision: 2 }] as Schema[]) })
  t.teardown(async () => { await ctx.end() })
  return { writer: await writers.open(uri, ctx), ctx }
}

function event (schema: string): string {
  return JSON.stringify({ event: {}, schema, revision: 1 })
}

function eventError (schema: string): string {
  return JSON.stringify({ event: { code: 'validation', schema, revision: 1 }, schema: 'EventError', revision: 14035058 })
}

t.test('events are counted by schema, event errors by the schema at fault', async t => {
  const { port, counters } = await startStatsd(t)
  const { writer, ctx } = await openWriter(t, `statsd://127.0.0.1:${port}`)

  for (let i = 0; i < 100; i++) {
    await writer.write(batchOfLines([event('Edit'), event('Edit'), event('a/b.c'), eventError('Edit'), event('Whatever'), eventError('what:1|c\never'), '?raw']) as Batch)
  }
  t.same(await counters(), {}, 'nothing is sent for a single record')
  await writer.flush()
  await until('all has come', async () => Object.keys(await counters()).length === 5)

  t.same(await counters(), {
    'eventlogging.schema.Edit': 200,
    'eventlogging.schema.a_b_c': 100,
    'eventlogging.schema.Edit.invalid': 100,
    'eventlogging.schema.unknown': 100,
    'eventlogging.schema.unknown.invalid': 100
  })
  t.equal(ctx.metrics.count('ignored'), 100)
})

t.test('the prefix can be chosen, and close sends what is left', async t => {
  const { port, counters } = await startStatsd(t)
  const { writer } = await openWriter(t, `statsd://127.0.0.1:${port}?prefix=test.events`)
  await writer.write(batchOfLines([event('Edit')]) as Batch)

  await writer.close()
  await writer.close()

  await until('it has come', async () => Object.keys(await counters()).length > 0)
  t.same(await counters(), { 'test.events.schema.Edit': 1 })
})

t.test('options are checked', async t => {
  t.throws(() => writers.check('statsd://127.0.0.1:8125?prefix=a:b'), { name: 'ConfigError', message: /"prefix" is "a:b"/ })
  t.throws(() => writers.check('statsd://127.0.0.1'), { name: 'ConfigError', message: /port is missing/ })
})
