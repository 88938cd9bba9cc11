import t, { type Test } from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schema } from '../../lib/event/schemas.js'
import { schemasOf } from '../helpers/context.js'
import type { Row } from '../helpers/mariadb.js'
import { projectRoot } from '../helpers/shared.js'
import { capsuleOf, schemaOf, store } from '../sql/fixtures.js'
import { openOn, storeKinds, type Opened, type TestStore } from '../sql/stores.js'

const accounts = 'ServerSideAccountCreation'

for (const kind of storeKinds) {
  t.test(`what analysts ask in ${kind.name}`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    async function open (t: Test, schemas: Schema[]): Promise<TestStore & Opened> {
      const database = await server.store()
      return { ...database, ...await openOn(t, database, schemasOf(schemas)) }
    }

    t.test('the documented queries use the documented index, in every revision', async t => {
      const properties = { userName: { type: 'string' } }
      const revisions = [5233, 5487].map(revision => schemaOf(properties, { name: accounts, revision }))
      const { query, writer } = await open(t, revisions)
      const start = Date.UTC(2014, 3, 1) / 1000
      await store(writer, Array.from({ length: 3000 }, (_, at) => capsuleOf({ userName: `u${at}` }, {
        schema: accounts, revision: at % 2 === 0 ? 5233 : 5487, wiki: ['enwiki', 'dewiki', 'frwiki', 'eswiki'][(at >> 1) % 4], timestamp: start + at * 2880
      })))
      await store(writer, [capsuleOf({}, { schema: accounts, revision: 5487, uuid: '16f38999d94d549cb426b5fb32bc8bba' })])
      const queries = documentedQueries()

      t.equal(queries.length, 8)
      for (const { sql, index } of queries) {
        const used = kind.name === 'sqlite' ? sqliteIndexes(await query(`EXPLAIN QUERY PLAN ${sql}`)) : mysqlIndexes(await query(`EXPLAIN ${sql}`))
        const tables = sql.includes(`${accounts}_`) ? 1 : 2
        t.strictSame(used, new Array(tables).fill(index), sql)
        t.ok((await query(sql)).length > 0, sql)
      }
    })

    t.test('the view unites the revisions, newest columns first, with the time as a date', async t => {
      const { query, writer } = await open(t, [
        schemaOf({ a: { type: 'integer' }, old: { type: 'string' } }, { revision: 1 }),
        schemaOf({ b: { type: 'string' }, A: { type: 'integer' } }, { revision: 10 }),
        schemaOf({ a: { type: 'integer' }, c: { type: 'boolean' } }, { revision: 9 })
      ])
      await store(writer, [
        capsuleOf({ a: 1, old: 'x' }, { revision: 1, timestamp: 1400664601 }),
        capsuleOf({ b: 'y', A: 2 }, { revision: 10, timestamp: 1400664602 }),
        capsuleOf({ a: 3, c: true }, { revision: 9, timestamp: 1400664603 })
      ])

      const rows = await query('SELECT * FROM Test ORDER BY timestamp')
      t.strictSame(Object.keys(rows[0] ?? {}), ['id', 'revision', 'uuid', 'timestamp', 'dt', 'weight', 'webHost', 'wiki', 'userAgent', 'clientIp', 'samplingRate', 'event_b', 'event_A', 'event_c', 'event_old'])
      t.match(rows, [
        { id: 1, revision: 1, timestamp: '20140521093001', dt: '2014-05-21 09:30:01', wiki: 'enwiki', event_b: null, event_A: 1, event_c: null, event_old: 'x' },
        { id: 1, revision: 10, dt: '2014-05-21 09:30:02', event_b: 'y', event_A: 2, event_c: null, event_old: null },
        { id: 1, revision: 9, dt: '2014-05-21 09:30:03', event_b: null, event_A: 3, event_c: 1, event_old: null }
      ])
      t.equal((await query("SELECT revision FROM Test WHERE dt >= '2014-05-21 09:30:02' AND dt < '2014-05-21 09:30:03'"))[0]?.['revision'], 10)
    })

    t.test('events that were sampled weigh more, in tables of before as well, and the documented queries estimate what came', async t => {
      const properties = { action: { type: 'string' }, sessionToken: { type: 'string' }, duration: { type: 'number' } }
      const { query, writer, ctx } = await open(t, [schemaOf(properties, { name: 'Edit', revision: 2 })])
      const edit = (n: number, fields: object): object => capsuleOf({ action: n % 4 === 0 ? 'save' : 'open', sessionToken: `s${n >> 1}`, duration: n }, { schema: 'Edit', revision: 2, ...fields })
      await query('CREATE TABLE Edit_1 (id BIGINT, uuid CHAR(32), timestamp CHAR(14))')
      await query("INSERT INTO Edit_1 VALUES (1, 'old', '20130521093001')")
      await store(writer, [edit(1000, {}), ...[...new Array(40).keys()].map(n => edit(n, { samplingRate: 0.1 }))])

      t.strictSame(ctx.letters, [])
      t.strictSame(await query('SELECT revision, weight, COUNT(*) AS n FROM Edit GROUP BY revision, weight ORDER BY revision, weight'),
        [{ revision: 1, weight: 1, n: 1 }, { revision: 2, weight: 1, n: 1 }, { revision: 2, weight: 10, n: 40 }])
      const [events, error, shares, durations] = await Promise.all(documentedEstimates().map(async sql => (await query(sql))[0]))
      t.match(events, { stored: 41, events: 401 })
      // the one that was not sampled adds nothing; 20 sessions of two do, each of which stands for 20 events
      t.match(error, { events: 401 })
      t.ok(Math.abs(Number(error?.['std_error']) - Math.sqrt(7200)) < 1e-6, String(error?.['std_error']))
      t.ok(Math.abs(Number(shares?.['share']) - 101 / 401) < 1e-6, String(shares?.['share']))
      t.ok(Math.abs(Number(durations?.['mean']) - 8800 / 401) < 1e-6, String(durations?.['mean']))
    })

    t.test('a column whose type differs between revisions loses no digit and fails no query', async t => {
      const types = [{ type: 'integer' }, { type: 'number' }, { type: 'string' }, { type: 'boolean' }, { type: 'string', format: 'date-time' }, { type: 'array' }]
      const values = [9007199254740993n, -2.2250738585072014e-308, '007', true, '2014-05-21T09:30:01Z', ['é', 9007199254740993n]]
      const texts = ['9007199254740993', '-2.2250738585072014e-308', '007', '1', '2014-05-21 09:30:01', '["é",9007199254740993]']
      const all = texts.map((_, type) => type)
      const orders = [all, ...all.flatMap(one => all.filter(other => other !== one).map(other => [one, other]))]
      const named = orders.map((order, at) => ({ name: `Mixed${at}`, order }))
      const { query, writer, ctx } = await open(t, named.flatMap(({ name, order }) => order.map((type, at) => schemaOf({ v: { ...types[type] } }, { name, revision: at + 1 }))))
      await store(writer, named.flatMap(({ name, order }) => order.map((type, at) => capsuleOf({ v: values[type] }, { schema: name, revision: at + 1 }))))

      t.strictSame(ctx.letters, [])
      for (const { name, order } of named) {
        t.strictSame((await query(`SELECT event_v FROM ${name} ORDER BY revision`)).map(row => String(row['event_v'])), order.map(type => texts[type]))
      }
    })

    t.test('a field that a schema gains is in the view', async t => {
      const database = await server.store()
      const first = await openOn(t, database, schemasOf([schemaOf({ a: { type: 'integer' } })]))
      await store(first.writer, [capsuleOf({ a: 1 })])
      const second = await openOn(t, database, schemasOf([schemaOf({ a: { type: 'integer' }, b: { type: 'string' } })]))
      await store(second.writer, [capsuleOf({ a: 2, b: 'x' })])

      t.match(await database.query('SELECT event_a, event_b FROM Test ORDER BY event_a'), [{ event_a: 1, event_b: null }, { event_a: 2, event_b: 'x' }])
    })

    t.test('wide revisions, and a hundred of them, can be read through the view', async t => {
      const strings = (from: number): Record<string, { type: string }> => Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`f${from + at}`, { type: 'string' }]))
      const wide = [schemaOf(strings(0), { name: 'Wide', revision: 1 }), schemaOf(strings(15), { name: 'Wide', revision: 2 })]
      const many = Array.from({ length: 100 }, (_, at) => schemaOf({ n: { type: 'integer' }, [`only${at}`]: { type: 'string' } }, { name: 'Many', revision: at + 1 }))
      const { query, writer, ctx } = await open(t, [...wide, ...many])
      await store(writer, [
        capsuleOf({ f0: '😀'.repeat(1024), f14: 'x' }, { schema: 'Wide' }), capsuleOf({ f15: '😀'.repeat(1024), f29: 'y' }, { schema: 'Wide', revision: 2 }),
        ...many.map(({ revision }) => capsuleOf({ n: revision }, { schema: 'Many', revision }))
      ])

      t.match(await query('SELECT * FROM Wide ORDER BY revision'), [{ event_f0: '😀'.repeat(1024), event_f14: 'x', event_f15: null }, { event_f0: null, event_f29: 'y' }])
      t.match(await query("SELECT COUNT(*) AS n, SUM(event_n) AS sum FROM Many WHERE wiki = 'enwiki'"), [{ n: 100 }])
      t.notOk(ctx.logged().some(({ level }) => level === 'warn'))
    })

    t.test('names that would collide are told apart, and vanadium_schemas has them', async t => {
      const named: Array<[string, number]> = [
        ['Foo', 1], ['Foo_1', 1], ['foo', 2], ['a.b', 1], ['a-b', 2], ['vanadium_schemas', 1], ['N'.repeat(63), 1], ['N'.repeat(63), 123456], ['order', 1], ['theirs', 1], ['sqlite_x', 1]
      ]
      const { query, writer, ctx } = await open(t, named.map(([name, revision]) => schemaOf({ n: { type: 'string' } }, { name, revision })))
      await query('CREATE VIEW theirs AS SELECT 1 AS x')
      await store(writer, named.map(([schema, revision]) => capsuleOf({ n: schema }, { schema, revision })))

      t.strictSame(ctx.letters, [])
      const views = new Map((await query('SELECT name, view_name FROM vanadium_schemas')).map(row => [row['name'], String(row['view_name'])]))
      for (const [name] of named) {
        const rows = await query(kind.name === 'sqlite' ? `SELECT event_n FROM "${views.get(name)}"` : `SELECT event_n FROM \`${views.get(name)}\``)
        t.strictSame(rows.map(row => row['event_n']), named.filter(([other]) => other === name).map(() => name), name)
      }
      t.equal(views.get('Foo'), 'Foo')
      t.match(views.get('Foo_1'), /^Foo_1_[0-9a-f]{8}_all$/)
      t.equal(new Set([...views.values()].map(name => name.toLowerCase())).size, views.size)
      t.strictSame(await query('SELECT * FROM theirs'), [{ x: 1 }])
    })

    t.test('fields that are called like the view\'s own columns keep their names', async t => {
      const meta = { type: 'object', properties: { id: { type: 'string' }, dt: { type: 'string', format: 'date-time' } } }
      const own = { meta, revision: { type: 'integer' }, dt: { type: 'string' }, uuid: { type: 'string' }, timestamp: { type: 'integer' } }
      const { query, writer, ctx } = await open(t, [schemaOf(own, { name: 'edit', revision: 3, style: 'meta' }), schemaOf({ a: { type: 'integer' } }, { name: 'edit', revision: 2 })])
      const event = { meta: { id: 'b0caf18d', dt: '2014-05-21T09:30:01Z', schema_uri: 'mediawiki/edit/3' }, revision: 77, dt: 'mine', uuid: 'u', timestamp: 5 }
      await store(writer, [event, capsuleOf({ a: 1 }, { schema: 'edit', revision: 2, uuid: 'c'.repeat(32), timestamp: 1400664602 })])

      t.strictSame(ctx.letters, [])
      t.match(await query('SELECT * FROM edit ORDER BY vanadium_dt'), [
        { vanadium_revision: 3, vanadium_uuid: 'b0caf18d', vanadium_timestamp: '20140521093001', vanadium_dt: '2014-05-21 09:30:01', meta_id: 'b0caf18d', revision: 77, dt: 'mine', uuid: 'u', timestamp: 5, event_a: null },
        { vanadium_revision: 2, vanadium_uuid: 'c'.repeat(32), vanadium_timestamp: '20140521093002', vanadium_dt: '2014-05-21 09:30:02', meta_id: null, revision: null, dt: null, uuid: null, timestamp: null, event_a: 1 }
      ])
    })
  })
}

/** The queries of the page, with the index that each is said to use. */
function documentedQueries (): Array<{ sql: string, index: string }> {
  const page = readFileSync(join(projectRoot, 'docs', 'analysts.md'), 'utf8')
  const section = page.split('\n## ').find(section => section.startsWith('Queries that use an index\n')) ?? ''
  return [...section.matchAll(/```sql\n-- index: (\w+)\n([^`]+?);?\n```/g)].map(([, index = '', sql = '']) => ({ sql, index }))
}

/** The queries of the page about weights. */
function documentedEstimates (): string[] {
  const page = readFileSync(join(projectRoot, 'docs', 'analysts.md'), 'utf8')
  const section = page.split('\n## ').find(section => section.startsWith('Weights\n')) ?? ''
  return [...section.matchAll(/```sql\n([^`]+?);?\n```/g)].map(([, sql = '']) => sql)
}

/** The index that each of our tables is read by; one without the asked value was looked up in it while the query was planned. */
function mysqlIndexes (plan: readonly Row[]): unknown[] {
  return plan.filter(({ table }) => !String(table).startsWith('<')).map(({ key, Extra }) => /const table$/.test(String(Extra)) ? 'uuid' : key)
}

function sqliteIndexes (plan: readonly Row[]): unknown[] {
  return plan.map(({ detail }) => String(detail)).filter(detail => /^(?:SEARCH|SCAN) \w+_\d/.test(detail))
    .map(detail => /^SEARCH .*INDEX \w+\.(\w+) \(/.exec(detail)?.[1] ?? detail)
}
