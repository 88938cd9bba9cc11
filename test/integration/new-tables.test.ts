import t, { type Test } from 'tap'
import mysql, { type RowDataPacket } from 'mysql2/promise'
import { startReady, type Daemon } from '../helpers/daemon.js'
import { startPublisher } from '../helpers/journaled.js'
import { needsMariadb, startMariadb, type Mariadb } from '../helpers/mariadb.js'
import { countRows, numberedEvent, numberedSchemas } from '../helpers/numbered-events.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const deadlineMs = 60_000

/** Numbers of events, in the order of the rows. */
async function numbersIn (server: Mariadb, database: string, table: string): Promise<number[]> {
  return (await server.query(`SELECT event_n AS n FROM ${table} ORDER BY id`, database)).map(({ n }) => Number(n))
}

/** Somebody who is in the way: what `begin` has locked stays so until `end`. */
async function hold (t: Test, server: Mariadb, database: string, begin: (query: (sql: string) => Promise<unknown>) => Promise<void>): Promise<() => Promise<void>> {
  const connection = await mysql.createConnection({ socketPath: server.socket, user: 'root', database })
  connection.on('error', () => {})
  const [[row]] = await connection.query<RowDataPacket[]>('SELECT CONNECTION_ID() AS id')
  const end = async (): Promise<void> => { await server.query(`KILL ${Number(row?.['id'])}`).catch(() => {}) }
  t.teardown(end)
  await begin(async sql => await connection.query(sql))
  return end
}

/** Resolves when a statement of the consumer's waits for that table. */
async function waitsFor (server: Mariadb, table: string): Promise<void> {
  await until(`something waits for ${table}`, async () => (await server.query(`SELECT 1 FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock' AND info LIKE '%${table}%'`)).length > 0, deadlineMs)
}

interface Setting {
  readonly server: Mariadb
  readonly database: string
  readonly consumer: Daemon
  publish (...events: string[]): Promise<void>
}

/** A consumer that has stored an event of schema Known, and knows Other. */
async function start (t: Test, server: Mariadb): Promise<Setting> {
  const database = await server.database()
  const { writer: { endpoint }, publish } = await startPublisher(t, shortDirectory(t))
  const consumer = await startReady(t, 'consumer', '--name', 'mysql', '--schemas', numberedSchemas(t, 'Known', 'Other'), '--flush-interval', '0.1',
    '--input', `${endpoint}?as=mysql`, '--output', `mysql://root@127.0.0.1:${server.port}/${database}`)
  await publish(numberedEvent(0, { schema: 'Known' }))
  await until('the first one is stored', async () => await countRows(server, database, 'Known_1') === 1, deadlineMs)
  return { server, database, consumer, publish }
}

/** Events of both schemas; those of Known must be stored while `end` was not called, all others after it, each once and in order. */
async function checkFlow (t: Test, { server, database, consumer, publish }: Setting, end: () => Promise<void>): Promise<void> {
  await publish(...[1, 2, 3].map(n => numberedEvent(n, { schema: 'Other' })))
  await waitsFor(server, 'Other_1')
  for (let n = 1; n <= 3; n++) {
    await publish(numberedEvent(n, { schema: 'Known' }), numberedEvent(3 + n, { schema: 'Other' }))
    await until(`event ${n} of the schema whose table is there is stored meanwhile`, async () => await countRows(server, database, 'Known_1') === n + 1, deadlineMs)
  }
  await waitsFor(server, 'Other_1')

  await end()
  await until('those of the other one are stored, too', async () => await countRows(server, database, 'Other_1') === 6, deadlineMs)

  t.equal(await consumer.stop(), 0)
  t.strictSame(await numbersIn(server, database, 'Known_1'), [0, 1, 2, 3])
  t.strictSame(await numbersIn(server, database, 'Other_1'), [1, 2, 3, 4, 5, 6])
  t.match((await consumer.logged('stopped'))['counts'], { 'overall.inserted': 10, duplicate: undefined, dead_letter: undefined })
}

t.test('while the server makes or alters a table', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)

  t.test('events of schemas whose tables are there are stored while another table is being made', async t => {
    const setting = await start(t, server)
    const end = await hold(t, server, setting.database, async query => {
      // has the name, and no table yet
      query('CREATE TABLE Other_1 (id INT) AS SELECT SLEEP(1000) AS id').catch(() => {})
      await until('the name is taken', async () => (await server.query('SELECT 1 FROM information_schema.processlist WHERE state = \'User sleep\'')).length > 0)
    })

    await checkFlow(t, setting, end)
  })

  t.test('events of other schemas are stored while a table gets a column', async t => {
    const setting = await start(t, server)
    await server.query('CREATE TABLE Other_1 (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, uuid CHAR(32) UNIQUE)', setting.database)
    const end = await hold(t, server, setting.database, async query => {
      await query('START TRANSACTION')
      await query('SELECT * FROM Other_1')
    })

    await checkFlow(t, setting, end)
  })
})
