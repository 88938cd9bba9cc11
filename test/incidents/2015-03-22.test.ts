// The writer stalled inside one statement for an hour or more, 29 times in a month; what was published meanwhile was lost.
// Seen to fail when the reader of journals holds messages without a limit, heldMessages = 0 ("the consumer does not grow with what
// is queued"), and when errors.ts takes a lock wait timeout (1205) for a fault of the row ("in vain until it has waited twice");
// the alarm, when a record's age does not count. What systemd's watchdog makes of such a statement: docs/decisions/0017, and
// test/sql/mysql/long-statement.test.ts.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import mysql from 'mysql2/promise'
import { runCheck, type CheckOutput } from '../helpers/check-command.js'
import { startReady, type Daemon, type LogLine } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { isFlat, memoryDuring } from '../helpers/memory.js'
import { feed, isSequence, numberedEvent, numberedSchemas, storedNumbers, untilRows, type Feed } from '../helpers/numbered-events.js'
import { stablePort } from '../helpers/ports.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const perSecond = 2000
const stallMs = Number(process.env['VANADIUM_OUTAGE_SECONDS'] ?? 10) * 1000
const text = 'x'.repeat(3000)

t.test('another session holds what the writer needs', { skip: needsMariadb }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  interface Chain { readonly database: string, readonly input: Feed, readonly consumer: Daemon, readonly other: mysql.Connection, lag (): Promise<CheckOutput> }

  /** Rows flow. */
  async function startChain (t: Test, pace: number): Promise<Chain> {
    const database = await mariadb.database()
    const directory = shortDirectory(t)
    const lines = join(directory, 'lines.log')
    const stream = `tcp://127.0.0.1:${await stablePort()}`
    const input = feed(t, lines, pace, n => numberedEvent(n, { text }))
    await startReady(t, 'forwarder', '--state', directory, '--input', `file://${lines}?follow=true`, '--output', `${stream}?journal=events`)
    const consumer = await startReady(t, 'consumer', '--name', 'mysql', '--state', directory, '--schemas', numberedSchemas(t), '--input', `${stream}?as=mysql`, '--output', `mysql://root@127.0.0.1:${mariadb.port}/${database}`)
    await untilRows(mariadb, database, pace)
    const other = await mysql.createConnection({ socketPath: mariadb.socket, user: 'root', database })
    t.teardown(async () => { await other.end() })
    // not what the server is told further on: a consumer that is busy may hold it up for longer
    await other.query('SET SESSION lock_wait_timeout = 60')
    const lag = async (): Promise<CheckOutput> => await runCheck('lag', '--state', directory, '-w', '1', '-c', '2')
    return { database, input, consumer, other, lag }
  }

  async function hasAll (t: Test, { database, input, consumer, lag }: Chain): Promise<void> {
    const written = input.stop()
    await untilRows(mariadb, database, written)
    await until('it is behind no more', async () => (await lag()).code === 0, 60_000)
    isSequence(t, await storedNumbers(mariadb, database), written, 'rows')
    t.strictSame(consumer.log.filter(({ level }) => level === 'error'), [])
    t.equal(await consumer.stop(), 0, 'it is the process that was there from the start')
  }

  async function writerIn (state: RegExp): Promise<boolean> {
    return (await mariadb.query('SHOW PROCESSLIST')).some(({ State, Info }) => state.test(String(State)) && /^(?:INSERT|LOAD)/.test(String(Info)))
  }

  t.test(`one statement waits ${stallMs / 1000} s for a locked table: nothing is lost, and the memory stays as it was`, async t => {
    const chain = await startChain(t, perSecond)
    await chain.other.query('LOCK TABLES Counted_1 WRITE')
    await until('the writer waits', async () => await writerIn(/metadata lock/))
    const before = chain.input.written
    const memory = await memoryDuring(stallMs, chain.consumer)
    const alarm = await chain.lag()
    t.ok(await writerIn(/metadata lock/), 'it is still in that statement')
    const queued = chain.input.written - before
    await chain.other.query('UNLOCK TABLES')

    t.match(alarm.line, /^CRITICAL: consumer mysql is \d+ s behind, [\d,]+ records(?:: falling behind)?$/)
    t.ok(queued > stallMs / 1000 * perSecond / 2, 'many were queued')
    isFlat(t, 'consumer', memory, queued * text.length)
    await hasAll(t, chain)
  })

  t.test('the server ends the wait for a table (lock_wait_timeout): it is waited for again, aloud, until it is free', async t => {
    await mariadb.query('SET GLOBAL lock_wait_timeout = 1')
    t.teardown(async () => { await mariadb.query('SET GLOBAL lock_wait_timeout = DEFAULT') })
    const chain = await startChain(t, 500)
    await chain.other.query('LOCK TABLES Counted_1 WRITE')
    await waitsTwice(t, chain)
    const alarm = await chain.lag()
    await chain.other.query('UNLOCK TABLES')
    await chain.consumer.logged('the store is back')

    t.match(alarm.line, /^CRITICAL: consumer mysql is \d+ s behind, [\d,]+ records: waits for its store$/)
    t.match(alarm.details.join(), /waits for mysql:.* since .*: Lock wait timeout exceeded/)
    await hasAll(t, chain)
  })

  t.test('the server ends the wait for a row (innodb_lock_wait_timeout): the whole load is tried again, and stored once', async t => {
    await mariadb.query('SET GLOBAL innodb_lock_wait_timeout = 1')
    t.teardown(async () => { await mariadb.query('SET GLOBAL innodb_lock_wait_timeout = DEFAULT') })
    const chain = await startChain(t, 500)
    await chain.other.query('START TRANSACTION')
    // of an event that is yet to come
    const { uuid } = JSON.parse(numberedEvent(chain.input.written + 500)) as { uuid: string }
    await chain.other.query(`INSERT INTO Counted_1 (uuid) VALUES ('${uuid}')`)
    await waitsTwice(t, chain)
    await chain.other.query('ROLLBACK')
    await chain.consumer.logged('the store is back')

    await hasAll(t, chain)
  })

  async function waitsTwice (t: Test, { consumer }: Chain): Promise<void> {
    const waits = (): LogLine[] => consumer.log.filter(({ message }) => message === 'waiting for the store')
    await until('it has waited twice', () => waits().length >= 2)
    t.match(waits(), [{ level: 'warn', reason: /Lock wait timeout exceeded/, since: /^\d{4}-/ }, { since: waits()[0]?.['since'] }])
  }
})
