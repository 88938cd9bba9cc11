import t from 'tap'
import { createLongStrings } from '../../lib/sql/long-strings.js'
import { planTable } from '../../lib/sql/columns.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, schemaOf, store } from './fixtures.js'
import { openOn, storeKinds } from './stores.js'

const schema = schemaOf({ a: { type: 'string' }, b: { type: 'string' }, tags: { type: 'array' }, long: { type: 'string', maxLength: 5000 } })
const [a, b] = planTable(schema).columns.slice(-4)
if (a === undefined || b === undefined) throw new Error('the schema has two fields')

function warnings (ctx: TestContext): unknown[] {
  return ctx.logged().filter(({ level }) => level === 'warn').map(({ message, column, strings, longest, limit, table }) => {
    t.equal(message, 'strings were cut to the length of their column')
    return [`${String(table)}.${String(column)}`, strings, longest, limit]
  })
}

t.test('the first string that is cut is logged at once, the others of its column later, counted', async t => {
  const ctx = testContext()
  const long = createLongStrings('cut', ctx)
  for (const characters of [1025, 3000, 2000]) long('Test_1', a, characters)
  long('Test_1', b, 1100)
  t.strictSame(warnings(ctx), [['Test_1.event_a', 1, 1025, 1024], ['Test_1.event_b', 1, 1100, 1024]])
  await ctx.end()

  t.strictSame(warnings(ctx).slice(2), [['Test_1.event_a', 2, 3000, 1024]])
  t.equal(ctx.metrics.count('truncated'), 4)
})

t.test('while strings are cut, a column is spoken of again and again', async t => {
  const ctx = testContext()
  const long = createLongStrings('cut', ctx, 20)
  for (const characters of [1025, 1026]) long('Test_1', a, characters)
  await until('the second is told of', () => warnings(ctx).length === 2)
  for (const characters of [1027, 1028]) long('Test_1', a, characters)
  await until('the others, too', () => warnings(ctx).reduce<number>((sum, warning) => sum + Number((warning as unknown[])[1]), 0) === 4)
  await ctx.end()

  t.equal(ctx.metrics.count('truncated'), 4)
})

for (const kind of storeKinds) {
  t.test(`long strings in ${kind.name}`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    // seen to fail with a cut in the middle of an emoji, and with every emoji counted as two
    t.test('are cut between characters by default', async t => {
      const database = await server.store()
      const { writer, ctx } = await openOn(t, database, schemasOf([schema]))
      await store(writer, [capsuleOf({ a: `x${'😀'.repeat(1024)}`, b: '😀'.repeat(1024), tags: ['é'.repeat(70_000)], long: '日'.repeat(5000) }, { webHost: 'w'.repeat(300) })])

      const [row] = await database.rows('Test_1')
      t.strictSame([row?.['event_a'], row?.['event_b'], row?.['event_tags'], row?.['event_long'], row?.['webHost']],
        [`x${'😀'.repeat(1023)}`, '😀'.repeat(1024), JSON.stringify(['é'.repeat(70_000)]), '日'.repeat(5000), 'w'.repeat(255)])
      t.strictSame(ctx.letters, [])
      t.equal(ctx.metrics.count('truncated'), 2)
      t.strictSame(warnings(ctx), [['Test_1.webHost', 1, 300, 255], ['Test_1.event_a', 1, 1025, 1024]])
    })

    t.test('go to the dead letters with long-strings=refuse, with column, length and limit', async t => {
      const database = await server.store()
      const { writer, ctx } = await openOn(t, { uri: `${database.uri}?long-strings=refuse` }, schemasOf([schema]))
      await store(writer, [capsuleOf({ a: '😀'.repeat(1025), b: 'bad' }), capsuleOf({ a: '😀'.repeat(1024), b: 'good', tags: ['x'.repeat(2000)] })])

      t.match((await database.rows('Test_1')).map(row => row['event_b']), ['good'])
      t.equal(ctx.metrics.count('truncated'), 0)
      t.match(ctx.letters, [{ record: /"bad"/, error: { code: 'refused-by-store', message: /^column event_a takes at most 1024 characters; got 1025\. /, details: { column: 'event_a', length: 1025, limit: 1024 } } }])
      t.equal(ctx.letters.length, 1)
    })

    t.test('are never cut where they identify the event, and emoji count as one there, too', async t => {
      const meta = { type: 'object', properties: { id: { type: 'string' }, schema_uri: { type: 'string' } } }
      const database = await server.store()
      const { writer, ctx } = await openOn(t, database, schemasOf([schemaOf({ meta }, { name: 'edit', style: 'meta' })]))
      await store(writer, [64, 65].map(length => ({ meta: { id: '😀'.repeat(length), schema_uri: 'edit/1' } })))

      t.strictSame((await database.rows('edit_1')).map(row => row['meta_id']), ['😀'.repeat(64)])
      t.match(ctx.letters, [{ error: { message: /^column meta_id takes a string of at most 64 characters \(65 came\); got / } }])
      t.equal(ctx.metrics.count('truncated'), 0)
    })
  })
}
