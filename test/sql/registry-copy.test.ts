import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readRegistry } from '../../lib/registry/registry.js'
import type { Writer } from '../../lib/stream/contracts.js'
import { schemasOf, testContext, type TestContext } from '../helpers/context.js'
import { startReady } from '../helpers/daemon.js'
import type { Row } from '../helpers/mariadb.js'
import { until } from '../helpers/wait.js'
import { capsuleOf, openWriter, schemaOf, store } from './fixtures.js'
import { storeKinds, type TestStore } from './stores.js'

const columns = ['owners', 'team', 'registry_description', 'sampling_rate', 'sampling_by', 'retention_days', 'retention_keep', 'retention_until', 'volume']
const schemas = schemasOf([schemaOf({}), schemaOf({}, { revision: 2 }), schemaOf({}, { name: 'Other' })])

const before = `
schemas:
  Test:
    owners: [ann@example.org, { name: Bob, mail: bob@example.org }]
    team: Perf's
    description: How long it takes
    sampling: { rate: 0.1, by: event.token }
    retention: { days: 400, reason: study, until: 2999-12-31, keep: [wiki, event.action], anonymise: { event.duration: { bucket: 10 } } }
    volume: 1e6
`
const saysBefore = {
  owners: 'ann@example.org, bob@example.org', team: "Perf's", registry_description: 'How long it takes', sampling_rate: 0.1, sampling_by: 'event.token',
  retention_days: 400, retention_keep: 'wiki, event.action, event.duration', retention_until: '2999-12-31', volume: 1_000_000
}
const saysNothing = { owners: '', team: null, registry_description: null, sampling_rate: 1, sampling_by: null, retention_days: 90, retention_keep: '', retention_until: null, volume: null }
const isNull = Object.fromEntries(columns.map(name => [name, null]))

for (const kind of storeKinds.filter(({ name }) => name !== 'mysql without LOAD DATA LOCAL')) {
  t.test(`the registry in vanadium_schemas of ${kind.name}`, { skip: kind.skip }, async t => {
    const server = await kind.start()
    t.teardown(server.stop)

    interface Opened {
      readonly ctx: TestContext
      readonly writer: Writer
      say (registry: string): void
    }

    async function open (t: Test, { uri }: TestStore, registry: string | null): Promise<Opened> {
      let now = registry === null ? null : readRegistry(registry, 'registry.yaml')
      const ctx = testContext({ schemas, describe: schema => now?.find(schema) ?? null })
      const writer = await openWriter(uri, ctx)
      t.teardown(async () => {
        await writer.close()
        await ctx.end()
      })
      return { ctx, writer, say (text) { now = readRegistry(text, 'registry.yaml') } }
    }

    async function rows ({ query }: TestStore, wanted = columns): Promise<Row[]> {
      return await query(`SELECT name, revision, ${wanted.join(', ')} FROM vanadium_schemas ORDER BY name, revision`)
    }

    async function become (database: TestStore, said: readonly object[]): Promise<void> {
      await until(`it says ${JSON.stringify(said)}`, async () => (await rows(database)).map(row => JSON.stringify(columns.map(name => row[name]))).join() ===
        said.map(row => JSON.stringify(columns.map(name => (row as Row)[name]))).join(), 60_000)
    }

    // seen to fail without `seen`, without the callback at a reload, and without `all` at the start
    t.test('each row has what the registry says: of a new schema, after a reload, after a restart', async t => {
      const database = await server.store()
      const { ctx, writer, say } = await open(t, database, before)
      await store(writer, [capsuleOf({}), capsuleOf({}, { revision: 2 })])
      await become(database, [saysBefore, saysBefore])
      await store(writer, [capsuleOf({}, { schema: 'Other' })])
      await become(database, [saysNothing, saysBefore, saysBefore])

      say('retention: { days: 30 }\nschemas: { Other: { team: others } }')
      await ctx.reload()
      const after = [{ ...saysNothing, retention_days: 30, team: 'others' }, ...[1, 2].map(() => ({ ...saysNothing, retention_days: 30 }))]
      await become(database, after)
      await writer.close()
      await open(t, database, before)
      await become(database, [saysNothing, saysBefore, saysBefore])
      t.strictSame(ctx.letters, [])
    })

    t.test('a table of an older version gains the columns, at the start, and keeps what it has', async t => {
      const database = await server.store()
      const first = await open(t, database, null)
      await store(first.writer, [capsuleOf({})])
      t.match(await rows(database), [isNull])
      await first.writer.close()
      for (const name of columns) await database.query(`ALTER TABLE vanadium_schemas DROP COLUMN ${name}`)

      const without = await open(t, database, null)
      await store(without.writer, [capsuleOf({})])
      await t.rejects(rows(database), /owners/, 'where there is no registry nothing is altered')
      await without.writer.close()
      const { writer } = await open(t, database, before)
      await until('there are the columns', async () => await rows(database).then(() => true, () => false), 60_000)
      await become(database, [saysBefore])
      await store(writer, [capsuleOf({})])
      t.match(await rows(database, ['row_count', 'table_name']), [{ row_count: 3, table_name: 'Test_1' }])
    })

    if (kind.name === 'mysql') {
      t.test('an account that may not alter the table stores rows all the same, and the log says why', async t => {
        const database = await server.store()
        const first = await open(t, database, null)
        await store(first.writer, [capsuleOf({})])
        await first.writer.close()
        await database.query('ALTER TABLE vanadium_schemas DROP COLUMN volume')
        for (const host of ['localhost', '127.0.0.1']) {
          await database.query(`CREATE USER IF NOT EXISTS writer@${host}`)
          await database.query(`GRANT SELECT, INSERT, UPDATE, CREATE ON *.* TO writer@${host}`)
        }
        const { ctx, writer } = await open(t, { ...database, uri: database.uri.replace('root@', 'writer@') }, before)
        await store(writer, [capsuleOf({}), capsuleOf({})])

        t.match(await rows(database, ['row_count']), [{ row_count: 3 }])
        await until('the log says why', () => ctx.logged().some(({ message, reason }) => String(message).startsWith('what the registry says is not in') && /ALTER/.test(String(reason))), 60_000)
      })
    }
  })
}

t.test('a consumer copies the registry and its fragments, again at SIGHUP, and runs on when there is a mistake in it', async t => {
  const directory = t.testdir({ events: '', 'registry.yaml': 'schemas: { DemoButtonClick: { team: first } }', 'registry.d': {} })
  const sqlite = storeKinds.find(({ name }) => name === 'sqlite')
  const server = await sqlite?.start()
  const database = await server?.store()
  if (server === undefined || database === undefined) throw new Error('there is no SQLite')
  t.teardown(server.stop)
  const team = async (): Promise<unknown> => (await database.query('SELECT team FROM vanadium_schemas'))[0]?.['team']
  const events = join(directory, 'events')
  const consumer = await startReady(t, 'consumer', '--flush-interval', '0.2', '--registry', join(directory, 'registry.yaml'), '--input', `file://${events}?follow=true&poll-interval=20`, '--output', database.uri)
  appendFileSync(events, `${JSON.stringify(capsuleOf({ label: 'a', x: 1, y: 1 }, { schema: 'DemoButtonClick' }))}\n`)
  await until('the team is there', async () => await team().catch(() => null) === 'first', 30_000)

  writeFileSync(join(directory, 'registry.yaml'), '')
  writeFileSync(join(directory, 'registry.d', 'team.yaml'), 'schemas: { DemoButtonClick: { team: second } }')
  consumer.child.kill('SIGHUP')
  await until('the new team is there', async () => await team() === 'second', 30_000)
  writeFileSync(join(directory, 'registry.d', 'team.yaml'), 'schemas: { DemoButtonClick: { teem: third } }')
  consumer.child.kill('SIGHUP')
  t.match(await consumer.logged('the registry was not read again'), { reason: /team\.yaml:1: schemas\/DemoButtonClick: there is no "teem"/ })
  t.equal(await consumer.stop(), 0)
  t.equal(await team(), 'second')
})
