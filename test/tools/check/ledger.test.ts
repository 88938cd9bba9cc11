import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { runCheck, type CheckOutput } from '../../helpers/check-command.js'
import { startReady, type Daemon } from '../../helpers/daemon.js'
import { stablePort } from '../../helpers/ports.js'
import { shortDirectory } from '../../helpers/streams.js'
import { until } from '../../helpers/wait.js'

interface Chain {
  readonly state: string
  readonly forwarder: Daemon
  readonly consumer: Daemon
  add (text: string): void
  startForwarder (): Promise<Daemon>
  startConsumer (): Promise<Daemon>
  check (...args: string[]): Promise<CheckOutput>
}

/** A forwarder with a journal, and a consumer that keeps it in SQLite: what is no event of a known schema it refuses. */
async function chain (t: Test): Promise<Chain> {
  const directory = shortDirectory(t)
  const [lines, state] = [join(directory, 'lines.log'), join(directory, 'state')]
  writeFileSync(lines, '')
  mkdirSync(state)
  const stream = `tcp://127.0.0.1:${await stablePort()}`
  const startForwarder = async (): Promise<Daemon> => await startReady(t, 'forwarder', '--name', 'raw', '--state', state, '--input', `file://${lines}?follow=true&poll-interval=20`, '--output', `${stream}?journal=raw&subscribers=sqlite`)
  const startConsumer = async (): Promise<Daemon> => await startReady(t, 'consumer', '--name', 'sqlite', '--state', state, '--input', `${stream}?as=sqlite`, '--output', `sqlite://${join(directory, 'events.sqlite')}`, '--dead-letter', `file://${join(directory, 'refused.log')}`)
  return {
    state,
    forwarder: await startForwarder(),
    consumer: await startConsumer(),
    startForwarder,
    startConsumer,
    add (text) { appendFileSync(lines, text) },
    check: async (...args) => await runCheck('ledger', '--state', state, '-t', '60', ...args)
  }
}

function events (from: number, count: number): string {
  return Array.from({ length: count }, (_, n) => `${JSON.stringify({
    schema: 'DemoButtonClick', revision: 1, wiki: 'w', recvFrom: 'r', seqId: from + n, timestamp: 1400664601, uuid: (from + n).toString(16).padStart(32, '0'), event: { button: 'save', clicks: 1 }
  })}\n`).join('')
}

// seen to fail when what waits in the journal is not counted, and when dead letters are not looked at
t.test('books balance while a consumer lags; a dead letter is a warning; what somebody took away is missing, then lost', async t => {
  const { state, forwarder, consumer, startForwarder, startConsumer, add, check } = await chain(t)
  const whenTaken = async (taken: number, ...args: string[]): Promise<CheckOutput> => await until(`${taken} are taken`, async () => {
    const found = await check(...args)
    return Number(found.figures.get('taken')) >= taken ? found : null
  }, 60_000)

  const nothing = await check()
  add(events(0, 50))
  const good = await whenTaken(100)
  add('no event\n')
  const refused = await whenTaken(102)
  const lenient = await check('--warning-dead-letters', '1')
  await consumer.stop()
  add(events(50, 40))
  const lagging = await whenTaken(142, '--warning-dead-letters', '1')
  await forwarder.stop()
  const db = new Database(join(state, 'forwarder-raw.sqlite'))
  const { changes, deleted } = takeAway(db)
  db.close()
  const robbed = await check()
  await startForwarder()
  add(events(90, 1))
  await startConsumer()
  const lost = await until('it is noticed', async () => {
    const found = await check()
    return found.figures.get('lost') === String(deleted) ? found : null
  }, 60_000)

  t.match(nothing, { code: 0, line: 'OK: the books balance: 0 records taken', stderr: '' })
  t.match(good, { code: 0, line: 'OK: the books balance: 100 records taken', stderr: '' })
  t.match(refused, { code: 1, line: /^WARNING: 1 dead letters: consumer sqlite, / })
  t.match(lenient.code, 0)
  t.match(lagging, { code: 0, line: /^OK: the books balance/ })
  t.ok(changes > 0)
  t.match(robbed, { code: 2, line: `CRITICAL: ${deleted} missing: raw, from forwarder raw to consumer sqlite` })
  t.match(lost, { code: 2, line: `CRITICAL: ${deleted} lost: consumer sqlite, raw` })
})

/** All that waits. */
function takeAway (db: Database.Database): { changes: number, deleted: number } {
  const from = db.prepare<[], { next: number }>('SELECT next FROM journal_subscriber').get()?.next ?? 0
  const deleted = db.prepare<[number], { records: number }>('SELECT sum(count) AS records FROM journal_entry WHERE first >= ?').get(from)?.records ?? 0
  return { deleted, changes: db.prepare('DELETE FROM journal_entry WHERE first >= ?').run(from).changes }
}

t.test('books that cannot be read are unknown, in a line', async t => {
  const { state, check } = await chain(t)
  t.match(await runCheck('ledger', '--state', join(state, 'none')), { code: 3, line: /^UNKNOWN: --state / })
  t.match(await check('--from', 'yesterday'), { code: 3, line: /^UNKNOWN: --from "yesterday"/ })
  const old = join(state, 'forwarder-old.sqlite')
  writeFileSync(old, 'this is no database'.repeat(5000))
  t.match(await check('--config', t.testdir({ consumers: { sqlite: '' } }), '-v'), { code: 0, details: [/^forwarder-old is left out: no argument file defines it/] }, 'a leftover')
  rmSync(old)
  for (const file of ['consumer-sqlite.sqlite', 'consumer-sqlite.sqlite-wal']) writeFileSync(join(state, file), 'this is no database'.repeat(5000))
  t.match(await check(), { code: 3, line: 'UNKNOWN: consumer-sqlite cannot be read: run this as the user of the daemons', stderr: '' })
})
