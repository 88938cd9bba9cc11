import t from 'tap'
import { compileExpression } from '../../../tools/tap/expression.js'
import { createFilter, type Wanted } from '../../../tools/tap/filter.js'
import { eventOf, last, records } from './records.js'

const all: Wanted = { schemas: [], wikis: [], validity: null, where: null, sample: 1 }

function chosen (wanted: Partial<Wanted>): unknown[] {
  return [...records, last].filter(createFilter({ ...all, ...wanted })).map(line => line.startsWith('{') ? (JSON.parse(line) as { seqId: number }).seqId : line)
}

// seen to fail when EventErrors count as events of their own schema
t.test('what is asked for passes', async t => {
  t.same(chosen({}), [1, 2, 3, 4, 5, 'a raw line', 9], 'all')
  t.same(chosen({ schemas: ['Edit'] }), [1, 2, 4, 9], 'those of a schema, and the errors about it')
  t.same(chosen({ schemas: ['Edit'], validity: 'invalid' }), [4], 'the errors about a schema')
  t.same(chosen({ validity: 'valid' }), [1, 2, 3, 9], 'the valid ones')
  t.same(chosen({ validity: 'invalid' }), [4, 5], 'the others')
  t.same(chosen({ wikis: ['dewiki', 'frwiki'] }), [2, 9], 'those of a wiki')
  t.same(chosen({ where: compileExpression('', 'event.action == "init" && event.duration > 100') }), [2, 9], 'those for which an expression holds')
  t.same(chosen({ sample: 0 }), [], 'none of them')
})

t.test('an event that carries its own meta is one of its schema', async t => {
  const record = '{"meta":{"schema_uri":"x/Page/1"}}'
  t.equal(createFilter({ ...all, schemas: ['Page'] })(record), true)
  t.equal(createFilter({ ...all, schemas: ['Edit'] })(record), false)
})

t.test('what looks like an event and is none passes only where everything does', async t => {
  for (const record of ['{', '[]', 'null', '{"schema":5}', '{"schema":"EventError","event":null}']) {
    t.equal(createFilter(all)(record), true, record)
    t.equal(createFilter({ ...all, schemas: ['Edit'] })(record), false, record)
  }
})

t.test('a sample is of the size that was asked for, and the same for everybody', async t => {
  const events = Array.from({ length: 20_000 }, (_, n) => eventOf('Edit', n))
  const [one, other] = [events.filter(createFilter({ ...all, sample: 0.1 })), events.filter(createFilter({ ...all, sample: 0.1 }))]

  t.ok(one.length > 1800 && one.length < 2200, `${one.length} of 20,000`)
  t.same(one, other)
})
