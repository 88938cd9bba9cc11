// One duplicate key failed a whole batch of rows.
// Seen to fail without ON DUPLICATE KEY UPDATE in mysql-insert.ts ("in as many statements as without duplicates", and duplicates in the
// dead letters), and when it takes every row that was kept out for a duplicate (duplicate: 2, no dead letter).
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startDaemon } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { isSequence, numberedEvent, schemaText, storedNumbers } from '../helpers/numbered-events.js'

const events = 9000

t.test('a batch with duplicates: all other rows are stored, the duplicates are counted', { skip: needsMariadb }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()
  const schemas = t.testdir({ Counted: { '1.json': schemaText() }, Paid: { '1.json': schemaText({ receipt: { type: 'string', format: 'uuid5-hex' } }) } })
  const file = join(schemas, 'lines.log')
  const letters = join(schemas, 'letters.log')
  const consume = async (lines: readonly string[]): Promise<Record<string, number>> => {
    writeFileSync(file, lines.map(line => `${line}\n`).join(''))
    const consumer = startDaemon(t, 'consumer', '--schemas', schemas, '--flush-interval', '60', '--input', `file://${file}`, '--dead-letter', `file://${letters}`, '--output', `mysql://root@127.0.0.1:${mariadb.port}/${database}?batch-rows=10000`)
    t.equal(await consumer.ended, 0)
    return (await consumer.logged('stopped'))['counts'] as Record<string, number>
  }
  const numbered = (from: number, end: number): string[] => Array.from({ length: end - from }, (_, i) => numberedEvent(from + i))

  await t.test('duplicates of each other and of rows that are there', async t => {
    await consume(numbered(0, 100))
    const batch = numbered(100, events).flatMap((line, i) => i % 10 === 3 ? [line, numberedEvent(i % 100), line] : [line])
    const before = await inserts()
    const counts = await consume(batch)

    const duplicates = batch.length - (events - 100)
    t.ok(duplicates > 1000)
    t.match(counts, { 'overall.inserted': events - 100, 'schema.Counted.inserted': events - 100, duplicate: duplicates })
    t.notOk('dead_letter' in counts)
    isSequence(t, await storedNumbers(mariadb, database), events, 'rows')
    t.ok(await inserts() - before <= Math.ceil(batch.length / 2500), 'in as many statements as without duplicates')
  })

  await t.test('another event with a value that must be unique is refused by itself, and kept', async t => {
    const paid = (n: number, receipt: number): string => {
      const event = JSON.parse(numberedEvent(n, { schema: 'Paid' })) as { event: object }
      return JSON.stringify({ ...event, event: { n, receipt: receipt.toString(16).padStart(32, '0') } })
    }
    const clash = paid(500, 7)
    const counts = await consume([...Array.from({ length: 500 }, (_, n) => paid(n, n)), clash, paid(42, 42), paid(501, 501), numberedEvent(events)])

    t.match(counts, { 'schema.Paid.inserted': 501, 'schema.Counted.inserted': 1, duplicate: 1, dead_letter: 1 })
    t.strictSame((await storedNumbers(mariadb, database, 'Paid_1')).slice(-2), [499, 501])
    t.match(readFileSync(letters, 'utf8').trim().split('\n').map(letter => JSON.parse(letter) as object), [
      { code: 'refused-by-store', message: /same value in a column whose values are unique \(event_receipt\)/, table: 'Paid_1', record: clash }
    ])
  })

  async function inserts (): Promise<number> {
    return Number((await mariadb.query("SHOW GLOBAL STATUS LIKE 'Com_insert'"))[0]?.['Value'])
  }
})
