import t from 'tap'
import fc from 'fast-check'
import { columnNames, commonPrefix, revisionOf, tableName, viewName } from '../../lib/sql/names.js'

t.test('a table is named for its schema and revision', async t => {
  t.equal(tableName('NavigationTiming', 10700), 'NavigationTiming_10700')
})

t.test('slashes, dots and hyphens become underscores', async t => {
  t.equal(tableName('mediawiki/page.move-x', 3), 'mediawiki_page_move_x_3')
})

t.test('a long name is cut before its revision, and a hash keeps it apart from others', async t => {
  const one = tableName('x'.repeat(62) + 'a', 123)
  const other = tableName('x'.repeat(62) + 'b', 123)

  t.match(one, /^x{51}_[0-9a-f]{8}_123$/)
  t.equal(one.length, 64)
  t.not(one, other)
  t.equal(tableName('x'.repeat(60), 123), `${'x'.repeat(60)}_123`)
})

t.test('a table never has a name that SQLite keeps for itself', async t => {
  t.equal(tableName('sqlite_stat', 1), '_sqlite_stat_1')
})

t.test('a column is named for its path', async t => {
  t.strictSame(columnNames([['event', 'action'], ['event', 'page', 'title'], ['event', 'utm-source']]),
    ['event_action', 'event_page_title', 'event_utm_source'])
})

t.test('a field without a name has a column with one', async t => {
  t.strictSame(columnNames([[''], ['event', '']]), ['_', 'event_'])
  t.match(columnNames([[''], ['_']]), [/^__[0-9a-f]{8}$/, /^__[0-9a-f]{8}$/])
})

t.test('paths that would share a column all get a hash, so that none depends on which came first', async t => {
  const paths = [['event', 'a', 'b'], ['event', 'a_b'], ['event', 'A_B'], ['event', 'c']]
  const names = columnNames(paths)

  for (const name of names.slice(0, 3)) t.match(name, /^event_[aA]_[bB]_[0-9a-f]{8}$/)
  t.equal(names[3], 'event_c')
  t.strictSame(columnNames([...paths].reverse()), [...names].reverse())
})

t.test('no column takes the name of one that is taken', async t => {
  t.match(columnNames([['id'], ['Meta', 'id']], ['id', 'meta_id']), [/^id_[0-9a-f]{8}$/, /^Meta_id_[0-9a-f]{8}$/])
})

t.test('names are distinct without case, and no longer than 64 characters, for any paths', async t => {
  const key = fc.oneof(fc.string({ maxLength: 100 }), fc.constantFrom('a', 'A', 'a_b', 'b', 'x'.repeat(70), 'é', '日本'))
  const paths = fc.uniqueArray(fc.array(key, { minLength: 1, maxLength: 4 }), { selector: path => JSON.stringify(path) })

  fc.assert(fc.property(paths, paths => {
    const names = columnNames(paths)
    t.equal(new Set(names.map(name => name.toLowerCase())).size, paths.length)
    t.ok(names.every(name => /^\w{1,64}$/.test(name)))
  }))
})

t.test('a field that is called like another one\'s hashed name gets one of its own', async t => {
  const [hashed = ''] = columnNames([['a', 'b'], ['a_b']])
  const names = columnNames([['a', 'b'], ['a_b'], [hashed]])

  t.equal(new Set(names).size, 3)
})

t.test('a view is named for its schema, unless that could be the name of a table, or of what is ours', async t => {
  const free = (): boolean => false

  t.equal(viewName('mediawiki/page.move-x', free), 'mediawiki_page_move_x')
  t.match(viewName('Foo_1', free), /^Foo_1_[0-9a-f]{8}_all$/)
  t.match(viewName('Vanadium_schemas', free), /^Vanadium_schemas_[0-9a-f]{8}_all$/)
  t.equal(viewName('x'.repeat(63), free), 'x'.repeat(63))
  t.match(viewName('x'.repeat(65), free), /^x{51}_[0-9a-f]{8}_all$/)
})

t.test('a view\'s name that is taken has a hash of the schema\'s name behind it, a longer one if need be', async t => {
  const one = viewName('a.b', name => name === 'a_b')

  t.match(one, /^a_b_[0-9a-f]{8}_all$/)
  t.not(viewName('a-b', name => name === 'a_b'), one)
  t.match(viewName('a.b', name => name === 'a_b' || name === one), /^a_b_[0-9a-f]{16}_all$/)
})

t.test('no view has a name that a table could have, and a table tells its revision', async t => {
  const schema = fc.stringMatching(/^[A-Za-z0-9_./-]{1,63}$/)
  const revision = fc.integer({ min: 1, max: 999_999_999_999_999 })

  fc.assert(fc.property(schema, schema, revision, fc.boolean(), (one, other, revision, taken) => {
    const view = viewName(one, name => taken && name.length < 3)
    const table = tableName(other, revision)
    t.notMatch(view, /_\d+$/)
    t.match(table, /_\d+$/)
    t.ok(view.length <= 64 && view.startsWith(commonPrefix(one)) && table.startsWith(commonPrefix(other)))
    t.equal(revisionOf(table.toUpperCase(), other), revision)
    if (tableName(one, revision).toLowerCase() !== table.toLowerCase()) t.equal(revisionOf(table, one), null)
  }))
})
