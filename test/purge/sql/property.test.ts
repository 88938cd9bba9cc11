import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { createLog } from '../../../lib/log.js'
import type { PurgeDatabase } from '../../../lib/purge/sql/database.js'
import { sqlPurgeStore } from '../../../lib/purge/sql/store.js'
import type { Leftover, Rules, Work } from '../../../lib/purge/store.js'
import { planTable } from '../../../lib/sql/columns.js'
import { mediawikiTime, sqlTime } from '../../../lib/sql/times.js'
import { schemasOf } from '../../helpers/context.js'
import type { Row } from '../../helpers/mariadb.js'
import { databaseKinds, Interrupted, interrupting, type TestDatabase } from './databases.js'
import { history, modelTables, rulesOf, type ModelTable, type NewRow, type Step } from './model.js'
import { Reference, type ModelRow } from './reference.js'

const runs = { sqlite: 80, mysql: 5 }
const schemas = schemasOf(modelTables.filter(({ isKnown }) => isKnown).map(({ schema }) => schema))
const silent = createLog({ level: 'error' })
const never = new AbortController().signal

for (const kind of databaseKinds) {
  t.test(`purges of ${kind.name}, interrupted anywhere`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    await fc.assert(fc.asyncProperty(history, async steps => {
      const database = await server.database()
      await makeTables(database)
      const reference = new Reference()
      for (const step of steps) {
        if (step.kind === 'rows') for (const row of step.rows) await insert(database, reference, row)
        else await purgeAndCompare(database, reference, step)
      }
    }), { numRuns: runs[kind.name], endOnFailure: kind.name === 'mysql' })
    t.pass('all ended as the reference says')
  })
}

async function purgeAndCompare (database: TestDatabase, reference: Reference, step: Extract<Step, { kind: 'purge' }>): Promise<void> {
  const rules = rulesOf(step)
  const planned = rowsOf(await withStore(database.open(), async store => await collect(store.plan(rules))))
  const before = await changedRows(database, async () => {
    for (const at of step.interruptions) await interrupted(database, rules, at)
    const works = await withStore(database.open(), async store => await collect(store.purge(rules, never)))
    if (step.interruptions.length === 0) equal(rowsOf(works), planned, 'what was done is what was planned')
  })
  equal(planned, before, 'what was planned is what has changed')
  reference.purge(step)
  await compareTables(database, reference)
  await compareDaily(database, reference)
  equal(await withStore(database.open(), async store => await collect<Leftover>(store.prove(rules))), [], 'nothing is left')
  const again = await withStore(database.open(), async store => await collect(store.purge(rules, never)))
  equal(again, [], 'a second purge does nothing')
}

/** Rows that are not as they were. */
async function changedRows (database: TestDatabase, work: () => Promise<void>): Promise<number> {
  const contents = async (): Promise<Map<string, string>> => {
    const tables = await Promise.all(modelTables.map(async table => (await rowsIn(database, table)).map(row => [`${nameOf(table)} ${String(row['id'])}`, JSON.stringify(row)] as const)))
    return new Map(tables.flat())
  }
  const before = await contents()
  await work()
  const after = await contents()
  return [...before].filter(([key, row]) => after.get(key) !== row).length
}

async function interrupted (database: TestDatabase, rules: Rules, at: number): Promise<void> {
  try {
    await withStore(interrupting(database.open(), at), async store => await collect(store.purge(rules, never)))
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
  }
}

async function withStore<T> (db: PurgeDatabase, work: (store: ReturnType<typeof sqlPurgeStore>) => Promise<T>): Promise<T> {
  // few rows in a batch, so that there are several
  const store = sqlPurgeStore(db, { schemas, log: silent, pace: { firstRows: 10, targetMs: 1 } })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function collect<T> (items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

function rowsOf (works: readonly Work[]): number {
  return works.filter(({ action }) => action !== 'aggregate').reduce((sum, { rows }) => sum + rows, 0)
}

function equal (found: unknown, wanted: unknown, what: string): void {
  const [one, other] = [found, wanted].map(value => JSON.stringify(value, null, 1))
  if (one !== other) throw new Error(`${what}: found ${String(one)}, wanted ${String(other)}`)
}

function nameOf ({ schema }: ModelTable): string {
  return `${schema.name}_${schema.revision}`
}

async function makeTables ({ query, dialect, dropIndex }: TestDatabase): Promise<void> {
  for (const { schema, time } of modelTables) {
    const plan = planTable(schema)
    for (const statement of dialect.create(plan)) await query(statement)
    if (time === 'timestamp' && !plan.columns.some(({ name }) => name === 'samplingRate')) await query(`ALTER TABLE ${dialect.quote(plan.name)} ADD COLUMN ${dialect.quote('samplingRate')} DOUBLE`)
  }
  await dropIndex('Gamma_4', 'timestamp')
  // those of others, which no purge may touch
  await query(`CREATE TABLE ${dialect.quote('Alpha_daily_notes')} (id INTEGER PRIMARY KEY, uuid VARCHAR(32), timestamp VARCHAR(14))`)
  await query(`INSERT INTO ${dialect.quote('Alpha_daily_notes')} VALUES (1, 'x', '20010101000000')`)
}

async function insert (database: TestDatabase, reference: Reference, { table: at, age, values }: NewRow): Promise<void> {
  const table = modelTables[at] as ModelTable
  const seconds = typeof age === 'number' ? age : null
  const isMeta = table.time === 'meta_dt'
  const time = seconds === null ? (age === 'garbage' && !isMeta ? 'zzz' : null) : isMeta ? sqlTime(seconds) : mediawikiTime(seconds)
  reference.insert(at, seconds, values)
  const columns = [table.key, table.time, ...Object.keys(values)]
  const db = database.open()
  try {
    const literals = [randomBytes(16).toString('hex'), time, ...Object.values(values)].map(value => db.literal(value))
    await db.execute(`INSERT INTO ${db.quote(nameOf(table))} (${columns.map(column => db.quote(column)).join(',')}) VALUES (${literals.join(',')})`)
  } finally {
    await db.close()
  }
}

async function rowsIn ({ query, dialect }: TestDatabase, table: ModelTable): Promise<Row[]> {
  return await query(`SELECT * FROM ${dialect.quote(nameOf(table))} ORDER BY id`)
}

async function compareTables (database: TestDatabase, reference: Reference): Promise<void> {
  for (const [table, wanted] of reference.tables) {
    const found = await rowsIn(database, table)
    equal(found.map(({ id }) => Number(id)), wanted.map(({ id }) => id), `the rows of ${nameOf(table)}`)
    found.forEach((row, at) => { compareRow(table, row, wanted[at] as ModelRow) })
  }
  const notes = await database.query(`SELECT * FROM ${database.dialect.quote('Alpha_daily_notes')}`)
  equal(notes.length, 1, 'the table of others')
}

function compareRow (table: ModelTable, row: Row, { id, time, values, hidden }: ModelRow): void {
  if (time !== null) equal(row[table.time], table.time === 'meta_dt' ? sqlTime(time) : mediawikiTime(time), 'the time')
  for (const column of Object.keys(table.fields)) {
    const what = `${column} of ${nameOf(table)} ${id}`
    const found = row[column] ?? null
    const wanted = values[column] ?? null
    switch (hidden.get(column)) {
      case undefined: equal(found, wanted, what); break
      case 'hash': if (!isHash(found)) throw new Error(`${what}: ${String(found)} is no hash`); break
      case 'blurred': if ((found === null) !== (wanted === null)) throw new Error(`${what}: found ${String(found)}, wanted ${String(wanted)}`)
    }
  }
}

function isHash (value: unknown): boolean {
  return /^hash:[0-9a-f]{11,32}$/.test(String(value)) || Number(value) < -(2 ** 62) + 1
}

async function compareDaily ({ query, dialect }: TestDatabase, { daily }: Reference): Promise<void> {
  for (const [schema, wanted] of daily) {
    const columns = [...new Set(modelTables.filter(table => table.schema.name === schema).flatMap(({ fields }) => Object.keys(fields)))].sort()
    const rows = await query(`SELECT * FROM ${dialect.quote(`${schema}_daily`)}`)
    const found = new Map(rows.map(row => {
      const dimensions = columns.filter(column => (row[column] ?? null) !== null).map(column => [column, String(row[column])])
      return [JSON.stringify([row['day'], ...dimensions]), row]
    }))
    equal([...found.keys()].sort(), [...wanted.keys()].sort(), `days of ${schema}`)
    for (const [key, { events, estimate, of }] of wanted) {
      const row = found.get(key) ?? {}
      equal([row['events'], row['estimate']].map(Number), [events, estimate], `${schema} ${key}`)
      for (const [column, { count, sum, min, max }] of Object.entries(of)) {
        equal(['count', 'sum', 'min', 'max'].map(part => Number(row[`${column}_${part}`])), [count, sum, min, max], `${column} of ${schema} ${key}`)
      }
    }
  }
}
