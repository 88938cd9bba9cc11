// Volume grew beyond what the writer could store, and for a week at peak seventy per cent of the events reached the database.
// Seen to fail when the probe does not ask ("waited … in vain until the lag is reported"), and when a subscriber does not fetch
// what was not kept for it live (rows missing); the check, when the age of the oldest record is not that of the journal's row.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { runCheck, type CheckOutput } from '../helpers/check-command.js'
import { executable, startReady } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { feed, isSequence, numberedEvent, numberedSchemas, storedNumbers, untilRows } from '../helpers/numbered-events.js'
import { stablePort } from '../helpers/ports.js'
import { startStatsd } from '../helpers/statsd.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const perSecond = 1000

interface Status { readonly instance: string, readonly up: boolean, readonly lag: { readonly records: number, readonly seconds: number } | null }

async function statusOf (state: string, instance: string): Promise<Status | undefined> {
  const text = await new Promise<string>(resolve => { execFile(process.execPath, [executable, 'status', '--json', '--state', state], (_error, stdout) => { resolve(stdout) }) })
  return (JSON.parse(text) as Status[]).find(daemon => daemon.instance === instance)
}

t.test('a writer that is slower than its input loses nothing, and says how far it is behind, until it is not; a check warns, then alarms', { skip: needsMariadb }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()
  const statsd = await startStatsd(t)
  const directory = shortDirectory(t)
  const lines = join(directory, 'lines.log')
  const stream = `tcp://127.0.0.1:${await stablePort()}`
  const input = feed(t, lines, perSecond, n => numberedEvent(n))
  await startReady(t, 'forwarder', '--state', directory, '--input', `file://${lines}?follow=true`, '--output', `${stream}?journal=events`)
  const consumer = await startReady(t, 'consumer', '--name', 'mysql-m2', '--state', directory, '--schemas', numberedSchemas(t), '--statsd', statsd.address, '--interval', '0.5',
    '--input', `${stream}?as=mysql-m2`, '--output', `mysql://root@127.0.0.1:${mariadb.port}/${database}?batch-rows=200`)
  await untilRows(mariadb, database, perSecond)
  const gauge = async (name: string): Promise<number | undefined> => (await statsd.gauges())[`eventlogging.consumer.mysql-m2.${name}`]

  const lagIs = async (code: number): Promise<CheckOutput> => await until(`check lag exits with ${code}`, async () => {
    const found = await runCheck('lag', '--state', directory, '-w', '3', '-c', '15')
    return found.code === code ? found : null
  }, 90_000)
  t.match(await lagIs(0), { line: /^OK: / })

  // a fifth of what comes in
  await mariadb.query('CREATE TRIGGER slow BEFORE INSERT ON Counted_1 FOR EACH ROW SET @slow = SLEEP(0.005)', database)
  const behind = await until('the lag is reported', async () => {
    const found = await statusOf(directory, 'mysql-m2')
    const sent = await gauge('lag') ?? 0
    return found?.lag != null && found.lag.records > 2 * perSecond && found.lag.seconds >= 2 && sent > 2 * perSecond ? found : null
  }, 60_000)
  const [warned, alarmed] = [await lagIs(1), await lagIs(2)]
  const seconds = await until('the gauge in seconds too', async () => await gauge('lag_seconds'))
  const written = input.stop()
  await mariadb.query('DROP TRIGGER slow', database)
  await untilRows(mariadb, database, written)
  await until('it is behind no more', async () => (await statusOf(directory, 'mysql-m2'))?.lag?.records === 0 && await gauge('lag') === 0, 60_000)

  t.match(await lagIs(0), { line: /^OK: / })

  t.match(behind, { up: true })
  t.match(warned.line, /^WARNING: consumer mysql-m2 is \d+ s behind, [\d,]+ records(?:: falling behind)?$/)
  t.match(alarmed.line, /^CRITICAL: consumer mysql-m2 is \d+ s behind, [\d,]+ records(?:: falling behind)?$/)
  t.match(alarmed.figures.get('consumer-mysql-m2.lag'), /^\d\d+s$/)
  t.ok(seconds > 0)
  isSequence(t, await storedNumbers(mariadb, database), written, 'rows')
  t.strictSame(consumer.log.filter(({ level }) => level === 'error'), [])
})
