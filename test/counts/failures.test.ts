import t from 'tap'
import { FailureFinder } from '../../lib/counts/failures.js'
import type { Failure } from '../../lib/counts/read.js'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { testContext } from '../helpers/context.js'

const schemas = await openSchemas({ directories: [shippedSchemas()], log: testContext().log })

function errorOf (schema: string, event: object = { button: 'save', clicks: 'many' }): string {
  const rawEvent = JSON.stringify({ schema, revision: 1, wiki: 'enwiki', event })
  return JSON.stringify({ event: { rawEvent, message: 'm', code: 'validation', schema, revision: 1 }, schema: 'EventError', revision: 14035058, wiki: '', recvFrom: 'cp1', uuid: '16f38999d94d549cb426b5fb32bc8bba' })
}

const validEvent = JSON.stringify({ event: { text: 'the word "schema":"EventError" in a string', inner: { schema: 'EventError' } }, schema: 'DemoButtonClick', revision: 1 })

function find (finder: FailureFinder, records: readonly string[], invalid: Record<string, number>): Failure[] {
  return finder.find(Buffer.from(records.join('\n')), { invalid: new Map(Object.entries(invalid)) }, 1000)
}

function sums (failures: readonly Failure[]): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { schema, code, pointer, count } of failures) found[`${schema} ${code} ${pointer}`] = (found[`${schema} ${code} ${pointer}`] ?? 0) + count
  return found
}

// seen to fail when records that only hold the words are taken for event errors
t.test('event errors are found among other records, first, last and alone', async t => {
  const error = errorOf('DemoButtonClick')
  for (const records of [[error], [error, validEvent], [validEvent, error], [validEvent, error, validEvent]]) {
    const found = find(new FailureFinder(schemas), records, { DemoButtonClick: 1 })

    t.match(found, [{ schema: 'DemoButtonClick', code: 'validation', pointer: '/event/clicks', expected: 'an integer', seen: 'a string of 4 characters', count: 1, firstMs: 1000, lastMs: 1000 }])
    t.equal(found.length, 1)
  }
})

// seen to fail without the rest
t.test('failures add up to what is invalid, of each schema, whatever is found', async t => {
  const finder = new FailureFinder(schemas)

  t.strictSame(sums(find(finder, [validEvent, errorOf('DemoButtonClick')], { DemoButtonClick: 3, NavigationTiming: 2 })),
    { 'DemoButtonClick validation /event/clicks': 1, 'DemoButtonClick other ': 2, 'NavigationTiming other ': 2 })
  t.strictSame(sums(find(finder, [errorOf('Nowhere'), errorOf('Elsewhere')], { unknown: 2 })), { 'unknown validation /schema': 2 })
  t.strictSame(sums(find(finder, ['', '{', validEvent], { unknown: 1 })), { 'unknown other ': 1 })
})

// seen to fail without either bound, and without a new period
t.test('of a second three hundred are looked at, a hundred of a schema; the others are only counted', async t => {
  let now = 5000
  const finder = new FailureFinder(schemas, () => now)
  const flood = Array.from({ length: 1000 }, () => errorOf('DemoButtonClick'))
  const few = Array.from({ length: 5 }, () => errorOf('NavigationTiming', {}))

  const first = sums(find(finder, [...flood, ...few], { DemoButtonClick: 1000, NavigationTiming: 5 }))
  t.match(first, { 'DemoButtonClick validation /event/clicks': 100, 'DemoButtonClick other ': 900 })
  t.equal(Object.entries(first).reduce((sum, [name, count]) => sum + (/^NavigationTiming validation \/event/.test(name) ? count : 0), 0), 5, 'a flood of one schema does not hide another')
  t.strictSame(sums(find(finder, flood, { DemoButtonClick: 1000 })), { 'DemoButtonClick other ': 1000 })

  now += 1000
  t.match(sums(find(finder, flood, { DemoButtonClick: 1000 })), { 'DemoButtonClick validation /event/clicks': 100 })

  now += 1000
  const schemasOfAll = ['DemoButtonClick', 'NavigationTiming', 'ServerSideAccountCreation', 'EventCapsule']
  const all = schemasOfAll.flatMap(schema => Array.from({ length: 100 }, () => errorOf(schema, {})))
  const found = find(finder, all, Object.fromEntries(schemasOfAll.map(schema => [schema, 100])))
  t.equal(found.filter(({ code }) => code !== 'other').length, 300)
  t.equal(found.reduce((sum, { count }) => sum + count, 0), 400)
})

// seen to fail without the catch
t.test('an event whose failure cannot be found out is other, and the monitor goes on', async t => {
  const ended = { ...schemas, list: () => schemas.list(), find (): never { throw new RangeError('Maximum call stack size exceeded') } }

  t.strictSame(sums(find(new FailureFinder(ended), [errorOf('DemoButtonClick')], { DemoButtonClick: 1 })), { 'DemoButtonClick other ': 1 })
})

// seen to fail without the bound in bytes
t.test('of a second two megabytes are looked at', async t => {
  const finder = new FailureFinder(schemas, () => 0)
  const long = Array.from({ length: 50 }, () => errorOf('DemoButtonClick', { button: 'x'.repeat(200_000) }))

  const found = find(finder, long, { DemoButtonClick: 50 })

  t.equal(found.filter(({ code }) => code !== 'other').length, 11)
})
