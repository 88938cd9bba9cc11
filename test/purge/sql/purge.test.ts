import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { createLog } from '../../../lib/log.js'
import { mysqlPurgeDatabase } from '../../../lib/purge/sql/mysql-database.js'
import { sqlPurgeStore } from '../../../lib/purge/sql/store.js'
import type { PurgeStore, Rules, Work } from '../../../lib/purge/store.js'
import type { Retention } from '../../../lib/registry/entry.js'
import type { Schema } from '../../../lib/event/schemas.js'
import { planTable } from '../../../lib/sql/columns.js'
import { mediawikiTime } from '../../../lib/sql/times.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { schemasOf } from '../../helpers/context.js'
import { schemaOf } from '../../sql/fixtures.js'
import { databaseKinds, type TestDatabase } from './databases.js'

const nowMs = Date.UTC(2015, 5, 1, 12)
const never = new AbortController().signal
const silent = createLog({ level: 'error', stream: new Writable({ write (_chunk, _encoding, done) { done() } }) })

const nothing: Retention = { days: 90, keep: [], anonymise: new Map(), aggregate: null, longer: null }

function rules (policies: Record<string, Partial<Retention>> = {}): Rules {
  return { nowMs, mostDays: 90, names: Object.keys(policies), of: schema => ({ ...nothing, ...policies[schema] }) }
}

async function collect<T> (items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

async function make ({ query, dialect }: TestDatabase, ...schemas: Schema[]): Promise<void> {
  for (const schema of schemas) for (const statement of dialect.create(planTable(schema))) await query(statement)
}

/** A row that is so many seconds old. */
async function insert ({ query, dialect }: TestDatabase, table: string, seconds: number, values: Record<string, string | number> = {}): Promise<void> {
  const columns = ['uuid', 'timestamp', ...Object.keys(values)].map(dialect.quote)
  const time = mediawikiTime(Math.floor(nowMs / 1000) - seconds)
  await query(`INSERT INTO ${dialect.quote(table)} (${columns.join(', ')}) VALUES ('${randomBytes(16).toString('hex')}', '${String(time)}'${Object.values(values).map(value => `, ${typeof value === 'string' ? `'${value}'` : value}`).join('')})`)
}

const day = 86_400

for (const kind of databaseKinds) {
  t.test(`purge of ${kind.name}`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    async function open (t: Test, ...schemas: Schema[]): Promise<TestDatabase & { store: PurgeStore }> {
      const database = await server.database()
      await make(database, ...schemas)
      const store = sqlPurgeStore(database.open(), { schemas: schemasOf(schemas), log: silent })
      t.teardown(store.close)
      return { ...database, store }
    }

    t.test('an event may be as old as its schema says, and not a second older', async t => {
      const database = await open(t, schemaOf({ n: { type: 'integer' } }))
      for (const seconds of [30 * day - 1, 30 * day, 30 * day + 1, 90 * day + 1]) await insert(database, 'Test_1', seconds, { event_n: seconds })
      const policy = rules({ Test: { days: 30 } })

      t.match(await collect(database.store.plan(policy)), [{ place: 'Test_1', schema: 'Test', action: 'delete', rows: 2, fields: [] }])
      t.match(await collect(database.store.prove(policy)), [{ place: 'Test_1', rows: 2, fields: [] }])
      t.match(await collect(database.store.purge(policy, never)), [{ place: 'Test_1', action: 'delete', rows: 2 }])
      t.strictSame((await database.query('SELECT event_n FROM Test_1 ORDER BY id')).map(row => row['event_n']), [30 * day - 1, 30 * day])
      t.strictSame(await collect(database.store.prove(policy)), [])
    })

    t.test('an event error goes whole, as early as all, event errors, or events of the schema that it is about', async t => {
      const named = schemaOf({ schema: { type: 'string' }, rawEvent: { type: 'string' } }, { name: 'EventError', revision: 1 })
      const nameless = schemaOf({ rawEvent: { type: 'string' } }, { name: 'EventError', revision: 2 })
      const database = await open(t, named, nameless)
      const rows = { Short: [6, 8], Shorter: [2, 4], Longer: [59, 61], unknown: [59, 61] }
      for (const [schema, ages] of Object.entries(rows)) for (const age of ages) await insert(database, 'EventError_1', age * day, { event_schema: schema, event_rawEvent: String(age) })
      for (const age of [2, 4]) await insert(database, 'EventError_2', age * day, { event_rawEvent: String(age) })
      const policy = rules({ EventError: { days: 60, keep: ['event'] }, Short: { days: 7 }, Shorter: { days: 3 }, Longer: { days: 200 } })

      t.match(await collect(database.store.plan(policy)), [{ place: 'EventError_1', action: 'delete', rows: 4 }, { place: 'EventError_2', action: 'delete', rows: 1 }])
      t.match(await collect(database.store.prove(policy)), [{ place: 'EventError_1', rows: 4, fields: [] }, { place: 'EventError_2', rows: 1 }])
      await collect(database.store.purge(policy, never))
      t.strictSame((await database.query('SELECT event_rawEvent FROM EventError_1 ORDER BY id')).map(row => row['event_rawEvent']), ['6', '2', '59', '59'])
      t.strictSame((await database.query('SELECT event_rawEvent FROM EventError_2')).map(row => row['event_rawEvent']), ['2'])
      t.strictSame(await collect(database.store.prove(policy)), [])
    })

    t.test('a table whose name is not its schema\'s has the policy of its schema all the same, if a schema or vanadium_schemas tells', async t => {
      const [known, listed] = [schemaOf({}, { name: 'a.b' }), schemaOf({}, { name: 'c.d' })]
      const database = await server.database()
      await make(database, known, listed)
      await database.query('CREATE TABLE vanadium_schemas (name VARCHAR(64), revision BIGINT, table_name VARCHAR(64))')
      await database.query("INSERT INTO vanadium_schemas VALUES ('c.d', 1, 'c_d_1')")
      for (const table of ['a_b_1', 'c_d_1']) await insert(database, table, 40 * day)
      const store = sqlPurgeStore(database.open(), { schemas: schemasOf([known]), log: silent })
      t.teardown(store.close)

      t.match(await collect(store.purge(rules({ 'a.b': { days: 30 }, 'c.d': { days: 30 } }), never)), [{ schema: 'a.b', rows: 1 }, { schema: 'c.d', rows: 1 }])
    })

    t.test('fields are found in columns that are called otherwise, and a name without a schema stands for what begins with it', async t => {
      const schema = schemaOf({ page: { type: 'object', properties: { id: { type: 'integer' } } }, page_id: { type: 'integer' } })
      const database = await open(t, schema)
      const [ofPage, alone] = planTable(schema).columns.slice(-2).map(({ name }) => name) as [string, string]
      await insert(database, 'Test_1', 100 * day, { [ofPage]: 1, [alone]: 2 })
      await collect(database.store.purge(rules({ Test: { keep: ['event.page'] } }), never))
      t.match(await database.query('SELECT * FROM Test_1'), [{ [ofPage]: 1, [alone]: null }])

      const stranger = await server.database()
      await make(stranger, schemaOf({ page: { type: 'object', properties: { id: { type: 'integer' } } }, pages: { type: 'integer' } }))
      await insert(stranger, 'Test_1', 100 * day, { event_page_id: 1, event_pages: 2 })
      const store = sqlPurgeStore(stranger.open(), { schemas: schemasOf([]), log: silent })
      t.teardown(store.close)
      await collect(store.purge(rules({ Test: { keep: ['event.page'] } }), never))
      t.match(await stranger.query('SELECT * FROM Test_1'), [{ event_page_id: 1, event_pages: null }])
    })

    t.test('addresses and user agents go from what is kept, changed or counted as a whole, whether a schema tells what columns are or not', async t => {
      const schema = schemaOf({ client: { type: 'object', properties: { ip: { type: 'string' }, n: { type: 'integer' } } }, userIP: { type: 'string' }, list: { type: 'array' } })
      const values = { event_client_ip: '192.0.2.1', event_client_n: 1, event_userIP: '192.0.2.1', event_list: '[{"user_agent":"x","n":1}]' }
      for (const schemas of [[schema], []]) {
        for (const retention of [{ keep: ['event'] }, { anonymise: new Map([['event', { method: 'truncate' as const, length: 20 }]]) }]) {
          const database = await server.database()
          await make(database, schema)
          const store = sqlPurgeStore(database.open(), { schemas: schemasOf(schemas), log: silent })
          t.teardown(store.close)
          await insert(database, 'Test_1', 100 * day, values)
          const policy = rules({ Test: { ...retention, aggregate: { by: ['event'], of: ['event'] } } })

          t.match(await collect(store.prove(policy)), [{ rows: 1, fields: ['event_client_ip', 'event_userIP', 'event_list'] }])
          await collect(store.purge(policy, never))

          t.match(await database.query('SELECT * FROM Test_1'), [{ event_client_ip: null, event_client_n: 1, event_userIP: null, event_list: '[{"n":1}]' }])
          t.strictSame(await collect(store.prove(policy)), [])
          const [counted] = await database.query('SELECT * FROM Test_daily')
          t.match(counted, { event_client_n: '1', event_list: '[{"n":1}]', events: 1 })
          t.notMatch(JSON.stringify(counted), /192|ip|user_agent/i)
        }
      }
    })

    t.test('equal values are equal hashes of a run, also in columns of integers, and no later run changes them', async t => {
      const database = await open(t, schemaOf({ token: { type: 'string' }, n: { type: 'integer' } }))
      for (const token of ['a', 'b', 'a']) await insert(database, 'Test_1', 100 * day, { event_token: token, event_n: 5 })
      const policy = rules({ Test: { anonymise: new Map([['event', { method: 'hash' }]]) } })
      await collect(database.store.purge(policy, never))

      const rows = await database.query('SELECT event_token, event_n FROM Test_1 ORDER BY id')
      t.match(rows[0]?.['event_token'], /^hash:[0-9a-f]{32}$/)
      t.equal(rows[0]?.['event_token'], rows[2]?.['event_token'])
      t.not(rows[0]?.['event_token'], rows[1]?.['event_token'])
      t.equal(rows[0]?.['event_n'], rows[1]?.['event_n'])
      t.ok(BigInt(String(rows[0]?.['event_n'])) < -(2n ** 62n))
      await collect(database.store.purge(rules({ Test: { anonymise: new Map([['event', { method: 'hash' }]]), keep: ['wiki'] } }), never))
      t.strictSame(await database.query('SELECT event_token, event_n FROM Test_1 ORDER BY id'), rows)
    })

    t.test('what is counted later for a day is added to it, with its percentiles', async t => {
      const database = await open(t, schemaOf({ ms: { type: 'number' } }), schemaOf({ ms: { type: 'number' } }, { revision: 2 }))
      const policy = rules({ Test: { aggregate: { by: ['wiki'], of: ['event.ms'] } } })
      for (let ms = 1; ms <= 50; ms++) await insert(database, 'Test_1', 100 * day, { wiki: 'dewiki', event_ms: ms })
      await collect(database.store.purge(policy, never))
      for (let ms = 51; ms <= 101; ms++) await insert(database, 'Test_2', 100 * day, { wiki: 'dewiki', event_ms: ms })
      t.match(await collect(database.store.purge(policy, never)), [{ place: 'Test_daily', action: 'aggregate', rows: 51 }, { place: 'Test_2', action: 'delete', rows: 51 }])

      const [row, ...others] = await database.query('SELECT * FROM Test_daily')
      t.strictSame(others, [])
      t.match(row, { day: '2015-02-21', wiki: 'dewiki', events: 101, estimate: 101, event_ms_count: 101, event_ms_sum: 5151, event_ms_min: 1, event_ms_max: 101 })
      t.ok(Math.abs(Number(row?.['event_ms_p50']) - 51) < 0.52)
      t.ok(Math.abs(Number(row?.['event_ms_p95']) - 96) < 0.97)
    })

    t.test('a column that may not be null keeps its table from being stripped, and no other', async t => {
      const database = await open(t, schemaOf({ n: { type: 'integer' } }), schemaOf({ n: { type: 'integer' } }, { name: 'Zeta' }))
      await database.query(`ALTER TABLE Test_1 ADD COLUMN ${database.dialect.quote('required')} INTEGER NOT NULL DEFAULT 0`)
      for (const table of ['Test_1', 'Zeta_1']) await insert(database, table, 100 * day)
      const works: Work[] = []
      await t.rejects(async () => { for await (const work of database.store.purge(rules({ Test: { keep: ['wiki'] } }), never)) works.push(work) },
        { name: 'ConfigError', message: /table Test_1: required may not be NULL/ })
      t.match(works, [{ place: 'Zeta_1', rows: 1 }])
    })

    t.test('a purge that is overtaken by another one ends, and nothing is counted twice', async t => {
      const database = await open(t, schemaOf({ n: { type: 'integer' } }))
      for (let n = 0; n < 500; n++) await insert(database, 'Test_1', 100 * day)
      const policy = rules({ Test: { aggregate: { by: [], of: [] } } })
      const first = database.store.purge(policy, never)[Symbol.asyncIterator]()
      await first.next()
      const other = sqlPurgeStore(database.open(), { schemas: schemasOf([]), log: silent })
      t.teardown(other.close)
      await collect(other.purge(policy, AbortSignal.abort()))
      await t.rejects(async () => { while ((await first.next()).done !== true); }, /another purge has begun/)
      await collect(other.purge(policy, never))
      t.match(await database.query('SELECT events FROM Test_daily'), [{ events: 500 }])
    })

    t.test('a purge stops between two batches', async t => {
      const database = await open(t, schemaOf({ n: { type: 'integer' } }))
      for (let n = 0; n < 500; n++) await insert(database, 'Test_1', 100 * day)
      const stop = new AbortController()
      let deleted = 0
      for await (const { rows } of database.store.purge(rules(), stop.signal)) {
        deleted += rows
        stop.abort()
      }
      t.match(await database.query('SELECT COUNT(*) AS n FROM Test_1'), [{ n: 500 - deleted }])
      t.ok(deleted > 0 && deleted < 500)
    })

    // SQLite has no accounts
    if (kind.name === 'mysql') {
      t.test('an account that may not is told which rights it needs', async t => {
        const database = await open(t, schemaOf({ n: { type: 'integer' } }))
        await insert(database, 'Test_1', 100 * day)
        const uri = parseUri(database.uri)
        const name = uri.path.slice(1)
        await database.query('CREATE USER IF NOT EXISTS reader@\'%\'; ')
        await database.query(`GRANT SELECT ON ${name}.* TO reader@'%'`)
        const store = sqlPurgeStore(mysqlPurgeDatabase(parseUri(database.uri.replace('root', 'reader')), ''), { schemas: schemasOf([]), log: silent })
        t.teardown(store.close)
        await t.rejects(collect(store.purge(rules(), never)), { name: 'ConfigError', message: /needs SELECT, INSERT, UPDATE, DELETE, CREATE and ALTER/ })
      })
    }
  })
}
