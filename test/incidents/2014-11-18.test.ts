// The writer died and recovered six times in a day; between two deaths every process looked alive, and rows were missing.
// Seen to fail when drive.ts commits and saves before it flushes ("in vain until every row is there"), and when the uuid in
// columns.ts has a plain index ("rows: in order, from 9038 on otherwise").
// Of the canary: when the age of the newest row does not count ("in vain until the newest row is too old").
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCheck, type CheckOutput } from '../helpers/check-command.js'
import { startDaemon, type Daemon } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { countRows, feed, isSequence, numberedEvent, numberedSchemas, storedNumbers, untilRows } from '../helpers/numbered-events.js'
import { stablePort } from '../helpers/ports.js'
import { serverSide, shippedTopology } from '../helpers/shipped.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const kills = 12
const perSecond = 2000
/** A kill comes at any moment of so many milliseconds after rows flow again: within a load, a commit, a save, a pause. */
const spreadMs = 400

t.test(`the MySQL writer is killed ${kills} times under load, at random moments: no row is missing, none is there twice`, { skip: needsMariadb }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()
  const directory = shortDirectory(t)
  const schemas = numberedSchemas(t)
  const lines = join(directory, 'lines.log')
  const stream = `tcp://127.0.0.1:${await stablePort()}`
  const input = feed(t, lines, perSecond, n => numberedEvent(n))
  startDaemon(t, 'forwarder', '--state', directory, '--input', `file://${lines}?follow=true&poll-interval=20`, '--output', `${stream}?journal=events`)
  const start = (): Daemon => startDaemon(t, 'consumer', '--state', directory, '--schemas', schemas, '--flush-interval', '0.1', '--input', `${stream}?as=mysql`, '--output', `mysql://root@127.0.0.1:${mariadb.port}/${database}?batch-rows=100`)
  const moments: number[] = []

  let consumer = start()
  for (let kill = 0; kill < kills; kill++) {
    const before = await countRows(mariadb, database)
    await until('rows flow', async () => await countRows(mariadb, database) > before)
    const moment = Math.round(Math.random() * spreadMs)
    moments.push(moment)
    await sleep(moment)
    consumer.child.kill('SIGKILL')
    t.equal(await consumer.ended, 'SIGKILL')
    consumer = start()
  }
  const written = input.stop()
  await untilRows(mariadb, database, written)
  await consumer.logged('ready')
  t.equal(await consumer.stop(), 0)

  t.comment(`${written} events; killed after ${moments.join(', ')} ms`)
  t.ok(written > kills * perSecond / 10, 'there was load')
  isSequence(t, await storedNumbers(mariadb, database), written, 'rows')
  t.strictSame(consumer.log.filter(({ level }) => level === 'error'), [])
})

const rounds = 2

t.test('the writer dies at random moments, and stays dead or comes back at once: a canary alarms while, and only while, rows do not arrive', { skip: needsMariadb }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()
  const store = `mysql://root@127.0.0.1:${mariadb.port}/${database}`
  const { start, startAll, port } = await shippedTopology(t, { directory: shortDirectory(t), store, only: serverSide, further: ['--flush-interval', '0.1'] })
  let consumer = (await startAll()).get('consumers/mysql') as Daemon
  const check = async (...limits: string[]): Promise<CheckOutput> => await runCheck('canary', '--send', `udp://127.0.0.1:${port(8421)}`, '--read', store, ...limits)
  const patient = ['-t', '40', '-w', '40', '-c', '40'] as const
  const kill = async (): Promise<void> => {
    await sleep(Math.round(Math.random() * spreadMs))
    consumer.child.kill('SIGKILL')
    t.equal(await consumer.ended, 'SIGKILL')
  }
  t.match(await check(...patient), { code: 0 })

  for (let round = 0; round < rounds; round++) {
    const across = check(...patient)
    await kill()
    consumer = start('consumers/mysql')
    t.match(await across, { code: 0, line: /^OK: the row was there after/ }, 'a death that rows survive is no alarm')

    await kill()
    const rows = await countRows(mariadb, database, 'Canary_1')
    const alarm = await until('the newest row is too old', async () => {
      const found = await check('-t', '2', '-w', '3', '-c', '5')
      return found.code === 2 ? found : null
    }, 60_000)
    t.match(alarm.line, /^CRITICAL: no row after [\d.]+ s; the newest is of [\d.]+ s ago$/)
    t.equal(await countRows(mariadb, database, 'Canary_1'), rows, 'no row arrived meanwhile')

    consumer = start('consumers/mysql')
    t.match(await check(...patient), { code: 0, line: /^OK: the row was there after/ }, 'rows arrive again')
  }
})
