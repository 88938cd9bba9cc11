import t from 'tap'
import fc from 'fast-check'
import { chooseView, dateTimeOf, revisionsOf, talliesOf } from '../../lib/sql/catalog.js'
import { planTable } from '../../lib/sql/columns.js'
import { declared } from '../../lib/sql/existing.js'
import { planView, type RevisionTable } from '../../lib/sql/views.js'
import { schemaOf } from './fixtures.js'

function table (revision: number, columns: Record<string, string>): RevisionTable {
  const all = { id: 'bigint', uuid: 'char(32)', timestamp: 'char(14)', ...columns }
  return { name: `T_${revision}`, revision, columns: Object.entries(all).map(([name, type]) => declared(name, type)) }
}

t.test('columns are aligned whatever their case, the newest revision\'s first', async t => {
  const plan = planView([table(1, { old: 'text', B: 'bigint', A: 'bigint' }), table(12, { a: 'bigint', b: 'bigint' }), table(3, { a: 'bigint', c: 'text' })])

  t.strictSame(plan?.columns, ['id', 'revision', 'uuid', 'timestamp', 'dt', 'weight', 'a', 'b', 'c', 'old'])
  t.strictSame(plan?.tables.map(({ name, sources }) => [name, ...sources.slice(6).map(({ kind }) => kind)]), [
    ['T_12', 'plain', 'plain', 'null', 'null'], ['T_3', 'plain', 'null', 'plain', 'null'], ['T_1', 'plain', 'plain', 'null', 'plain']
  ])
})

t.test('only types that lose nothing together stay what they are', async t => {
  const kinds = (...types: string[]): unknown => planView(types.map((type, at) => table(at + 1, { v: type })))?.tables.map(({ sources }) => sources[6]?.kind)

  for (const same of [['tinyint(1)', 'bigint'], ['varchar(5)', 'mediumtext', 'char(32)'], ['float', 'double'], ['datetime', 'datetime']]) t.strictSame(kinds(...same), same.map(() => 'plain'))
  for (const other of [['bigint', 'double'], ['bigint', 'text'], ['datetime', 'varchar(5)'], ['decimal(10,2)', 'double'], ['bigint', 'bigint', 'text']]) t.strictSame(kinds(...other), other.map(() => 'loose'))
})

t.test('what was kept by a rate weighs more, where the rate is the capsule\'s', async t => {
  const plan = planView([table(1, {}), table(2, { samplingRate: 'double' }), table(3, { meta_id: 'char(32)', samplingRate: 'double', weight: 'bigint' })])
  const at = plan?.columns.indexOf('vanadium_weight') ?? -1

  t.strictSame(plan?.columns.slice(at), ['vanadium_weight', 'uuid', 'timestamp', 'meta_id', 'samplingRate', 'weight'])
  t.strictSame(plan?.tables.map(({ sources }) => sources[at]?.kind), ['one', 'weight', 'one'])
})

t.test('any tables have a view whose columns are distinct without case, each with a source in every table', async t => {
  const name = fc.constantFrom('id', 'revision', 'Revision', 'vanadium_revision', 'vanadium_revision_', 'dt', 'DT', 'weight', 'samplingRate', 'uuid', 'timestamp', 'meta_id', 'meta_dt', 'wiki', 'x', 'X')
  const columns = fc.uniqueArray(name, { selector: name => name.toLowerCase() })
  const tables = fc.array(columns, { minLength: 1, maxLength: 5 })

  fc.assert(fc.property(tables, tables => {
    const plan = planView(tables.map((names, at) => ({ name: `T_${at}`, revision: at, columns: names.map(name => declared(name, 'bigint')) })))
    const found = plan?.columns ?? []
    t.equal(new Set(found.map(name => name.toLowerCase())).size, found.length)
    t.ok(plan?.tables.every(({ sources }) => sources.length === found.length))
  }))
  t.equal(planView([]), null)
})

t.test('first and last are of events that were not refused, counts of what was inserted', async t => {
  const group = (revision: number, times: Array<string | null>): Parameters<typeof talliesOf>[0][number] => {
    const plan = planTable(schemaOf({}, { revision }))
    return { table: { plan, columns: plan.columns, lacking: [] }, rows: times, records: times.map(String), times }
  }
  const refused = [{ row: 0, error: new Error('no') as never }]
  const tallies = talliesOf([group(10, ['20140521093009', '20140521093003', null, '20140521093005']), group(9, ['20140521093001']), group(8, [null])], [
    { inserted: 2, duplicates: 1, refused }, { inserted: 0, duplicates: 1, refused: [] }, { inserted: 1, duplicates: 0, refused: [] }
  ])

  t.match(tallies, [
    { plan: { revision: 8 }, inserted: 1, first: null, last: null },
    { plan: { revision: 10 }, inserted: 2, first: '2014-05-21 09:30:03', last: '2014-05-21 09:30:05' }
  ])
  t.strictSame(['20140521093003', '2014-05-21 09:30:03', '2014-05-21 09:30:03.5', 'soon', null, undefined].map(dateTimeOf),
    [...new Array<string>(3).fill('2014-05-21 09:30:03'), null, null, null])
})

t.test('a schema has the tables of its name that are nobody else\'s, and never another\'s view', async t => {
  const objects = [
    { name: 'a_b_1', isView: false, comment: 'a.b/1' }, { name: 'a_b_2', isView: false, comment: 'a-b/2' }, { name: 'a_b_3', isView: false }, { name: 'a_b_4', isView: false },
    { name: 'a_b', isView: true }, { name: 'a_b_x', isView: false }, { name: 'a_b_5', isView: true }
  ]
  const rows = [{ schema: 'a-b', revision: 4, table: 'A_B_4', view: 'A_b', digest: null }]

  t.strictSame(revisionsOf('a.b', objects, rows), [{ table: 'a_b_1', revision: 1 }, { table: 'a_b_3', revision: 3 }])
  t.match(chooseView('a.b', objects, rows, () => true), /^a_b_[0-9a-f]{8}_all$/)
  t.match(chooseView('a.b', objects, [], () => false), /^a_b_[0-9a-f]{8}_all$/)
  t.equal(chooseView('a.b', objects, [], () => true), 'a_b')
  t.equal(chooseView('a-b', objects, rows, () => false), 'A_b')
})
