// The database stopped accepting connections; the writer was restarted up to init's limit, and stayed down after it was back.
// Seen to fail when patience.ts throws what could be waited for ("consumer … ended without that log line"), and when the reader
// of journals holds messages without a limit, heldMessages = 0 ("the consumer does not grow with what is queued").
import { join } from 'node:path'
import t from 'tap'
import { startReady } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { isFlat, memoryDuring } from '../helpers/memory.js'
import { feed, isSequence, numberedEvent, numberedSchemas, storedNumbers, untilRows } from '../helpers/numbered-events.js'
import { stablePort } from '../helpers/ports.js'
import { shortDirectory } from '../helpers/streams.js'

const perSecond = 2000
const outageMs = Number(process.env['VANADIUM_OUTAGE_SECONDS'] ?? 20) * 1000
/** Long enough that what is queued in the outage would show if it were in memory. */
const text = 'x'.repeat(3000)

t.test(`MariaDB is away for ${outageMs / 1000} s under ${perSecond} events a second: the consumer waits, aloud, in the same memory, and stores every row once`, { skip: needsMariadb }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()
  const directory = shortDirectory(t)
  const lines = join(directory, 'lines.log')
  const stream = `tcp://127.0.0.1:${await stablePort()}`
  const input = feed(t, lines, perSecond, n => numberedEvent(n, { text }))
  const forwarder = await startReady(t, 'forwarder', '--state', directory, '--input', `file://${lines}?follow=true`, '--output', `${stream}?journal=events`)
  const consumer = await startReady(t, 'consumer', '--state', directory, '--schemas', numberedSchemas(t), '--input', `${stream}?as=mysql`, '--output', `mysql://root@127.0.0.1:${mariadb.port}/${database}`)
  await untilRows(mariadb, database, 3 * perSecond)

  await mariadb.kill()
  const before = input.written
  await consumer.logged('waiting for the store')
  const [ofConsumer, ofForwarder] = await Promise.all([memoryDuring(outageMs, consumer), memoryDuring(outageMs, forwarder)])
  const queued = input.written - before
  await mariadb.restart()
  await consumer.logged('the store is back')
  const written = input.stop()
  await untilRows(mariadb, database, written)

  t.ok(queued > outageMs / 1000 * perSecond / 2, 'many were queued')
  isFlat(t, 'consumer', ofConsumer, queued * text.length)
  isFlat(t, 'forwarder', ofForwarder, queued * text.length)
  const waits = consumer.log.filter(line => line.message === 'waiting for the store' && line['since'] !== undefined)
  t.match(waits[0], { level: 'warn', store: `mysql://root@127.0.0.1:${mariadb.port}/${database}`, since: /^\d{4}-\d\d-\d\dT/, rows: Number, reason: String })
  t.ok(Number(waits.at(-1)?.['queued']) > perSecond, 'how many records wait')
  // that takes some seconds to tell, and the last line may have come before
  if (outageMs >= 60_000) t.match(waits.at(-1)?.['journal_full_at'], /^20\d\d-/, 'and when there will be no room for more')
  t.equal(new Set(waits.map(line => line['since'])).size, 1, 'all say since when')
  t.ok(Number(waits.at(-1)?.['seconds']) > Number(waits[0]?.['seconds']), 'and how long that is')
  t.ok(waits.length <= 5 * (2 + outageMs / 10_000), 'the log is not flooded')
  t.strictSame(consumer.log.filter(({ level }) => level === 'error'), [])
  isSequence(t, await storedNumbers(mariadb, database), written, 'rows')
  t.equal(await consumer.stop(), 0, 'it is the process that was there from the start')
  t.equal(await forwarder.stop(), 0)
})
