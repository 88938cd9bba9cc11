import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startDaemon } from '../helpers/daemon.js'
import { needsMariadb, startMariadb, type Mariadb } from '../helpers/mariadb.js'
import { isSequence, numberedEvent, numberedSchemas, storedNumbers } from '../helpers/numbered-events.js'

const rows = 10_000
const others = 1000
const bad = 7213

// seen to fail when mysql-insert.ts tries the rows of a refused statement one by one: "7217 with it"
t.test('one bad row among ten thousand: 9,999 are stored with a few more statements, the bad one is kept with its reason, other schemas never notice', { skip: needsMariadb }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const schemas = numberedSchemas(t, 'Counted', 'Other')
  const letters = join(schemas, 'letters.log')

  /** The INSERT statements that it took. */
  async function consume (database: string, batch: readonly string[]): Promise<number> {
    const file = join(schemas, 'events.log')
    writeFileSync(file, batch.map(line => `${line}\n`).join(''))
    const before = await inserts(mariadb)
    const consumer = startDaemon(t, 'consumer', '--schemas', schemas, '--flush-interval', '60', '--input', `file://${file}`,
      '--output', `mysql://root@127.0.0.1:${mariadb.port}/${database}?batch-rows=${rows + others}`, '--dead-letter', `file://${letters}`)
    t.equal(await consumer.ended, 0)
    return await inserts(mariadb) - before
  }

  /** The tables; a column of one takes smaller numbers than the schema allows. */
  async function narrowDatabase (): Promise<string> {
    const database = await mariadb.database()
    await consume(database, [numberedEvent(0), numberedEvent(1e6, { schema: 'Other' })])
    await mariadb.query('ALTER TABLE Counted_1 MODIFY event_n SMALLINT', database)
    return database
  }

  /** Another schema's event after each ten. */
  const batch = (at: string): string[] => Array.from({ length: rows }, (_, n) => n === bad ? at : numberedEvent(n))
    .flatMap((line, n) => n % (rows / others) === 0 ? [numberedEvent(1e6 + n, { schema: 'Other' }), line] : [line])

  const good = await consume(await narrowDatabase(), batch(numberedEvent(bad)))
  const database = await narrowDatabase()
  const tooLarge = numberedEvent(5e6)
  const needed = await consume(database, batch(tooLarge))

  t.comment(`${good} statements without the bad row, ${needed} with it`)
  t.ok(needed > good && needed - good <= Math.ceil(Math.log2(rows)) + 1, 'few statements')
  t.match(readFileSync(letters, 'utf8').trim().split('\n').map(letter => JSON.parse(letter) as object), [{
    instance: 'consumer',
    code: 'refused-by-store',
    message: 'the database refuses the event: Out of range value for column \'event_n\'',
    table: 'Counted_1',
    column: 'event_n',
    sql_error: 1264,
    record: tooLarge
  }])
  isSequence(t, (await storedNumbers(mariadb, database)).map(n => n > bad ? n - 1 : n), rows - 1, 'the other rows')
  t.equal((await storedNumbers(mariadb, database, 'Other_1')).length, others, 'rows of the other schema')
})

async function inserts (server: Mariadb): Promise<number> {
  return Number((await server.query("SHOW GLOBAL STATUS LIKE 'Com_insert'"))[0]?.['Value'])
}
