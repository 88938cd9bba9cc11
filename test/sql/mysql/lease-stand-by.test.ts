import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { executable } from '../../helpers/daemon.js'
import { neverTwo, noteWriters, pending, startPair, type Pair, type Side } from '../../helpers/lease-pair.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { isSequence, storedNumbers } from '../../helpers/numbered-events.js'
import { until } from '../../helpers/wait.js'

const run = promisify(execFile)
const asks = 'asks for the lease: the holder does not store what this instance has'

/** A pair that has stored 100 events, and who has the lease. */
async function start (t: Test, askSeconds: number): Promise<{ pair: Pair, holder: Side, other: Side }> {
  const pair = await startPair(t, { askSeconds })
  t.teardown(() => { if (!t.passing()) t.comment(JSON.stringify([pair.a, pair.b].map(({ consumer }) => consumer.log.slice(-12)), null, 1)) })
  pair.send(0, 100)
  await pair.stored(100)
  await noteWriters(pair)
  const name = await until('one has the lease', async () => { const name = await pair.holder(); return name === '' ? null : name })
  const [holder, other] = name === 'a' ? [pair.a, pair.b] : [pair.b, pair.a]
  return { pair, holder, other }
}

t.test('a consumer that stands by', { skip: needsMariadb }, async t => {
  // nobody asks, however slow the machine is
  const { pair, holder, other } = await start(t, 600)
  const { server, database } = pair
  let sent = 100

  await t.test('goes on when the rows are stored, so that its publisher keeps nothing for it, and stores none', async t => {
    pair.send(sent, sent += 1000)
    await pair.stored(sent)
    await until('it knows', () => pending(other) === 0)

    t.strictSame((await server.query('SELECT DISTINCT account FROM written', database)).map(({ account }) => account), [holder.account])
    t.equal(await pair.holder(), holder.name)
  })

  await t.test('does so with a long backlog as well, in little time', async t => {
    await other.consumer.stop()
    pair.send(sent, sent += 20_000)
    await pair.stored(sent)
    other.start()
    await until('it knows', () => pending(other) === 0, 60_000)

    t.equal(await pair.holder(), holder.name)
    t.notOk(other.consumer.log.some(({ message }) => message === asks))
  })

  await t.test('waits for a table that does not exist yet until the holder has made it', async t => {
    pair.send(0, 10, [other.name], 'Late')
    // its own events pass meanwhile
    pair.send(sent, sent += 100)
    await pair.stored(sent)
    t.strictSame(await server.query("SHOW TABLES LIKE 'Late_1'", database), [])
    pair.send(0, 10, [holder.name], 'Late')
    await pair.stored(10, 'Late_1')
    await until('it knows', () => pending(other) === 0)

    t.equal(await pair.holder(), holder.name)
  })

  await t.test('has stored nothing', async t => { await isRight(t, pair, sent, 1) })
})

t.test('a consumer that stands by, and has what the holder never got', { skip: needsMariadb }, async t => {
  const { pair, holder, other } = await start(t, 5)
  let sent = 100

  await t.test('asks for the lease, and stores it', async t => {
    pair.send(sent, sent += 10, [other.name])
    const asked = await other.consumer.logged(asks)
    t.match(asked, { level: 'warn', table: 'Counted_1', rows: 10 })
    await pair.stored(sent)
    await until('it has the lease', async () => await pair.holder() === other.name)
    await holder.consumer.logged(line => line.message === 'lets go of the lease: another instance has events that this one never got')
    pair.send(sent, sent += 100)
    await pair.stored(sent)
    await until('the one before stands by and knows', () => pending(holder) === 0)
  })

  await t.test('ends in order when what it has is not stored, commits nothing of it, and stores it when the holder is gone', async t => {
    // roles have changed
    const [writer, standby] = [other, holder]
    pair.send(sent, sent + 5, [standby.name])
    await until('it has them', () => pending(standby) > 0)
    t.equal(await standby.consumer.stop(), 0)
    t.ok(pending(standby) >= 5)
    standby.start()
    writer.consumer.child.kill('SIGKILL')
    await pair.stored(sent += 5)
  })

  await t.test('has stored nothing while another did', async t => { await isRight(t, pair, sent, 2) })
})

/** All is stored once, by one at a time, and is in the books. */
async function isRight (t: Test, pair: Pair, sent: number, takeOvers: number): Promise<void> {
  isSequence(t, (await storedNumbers(pair.server, pair.database)).sort((a, b) => a - b), sent, 'Counted_1')
  await neverTwo(t, pair, takeOvers)
  for (const { state } of [pair.a, pair.b]) t.match(await run(process.execPath, [executable, 'ledger', '--state', state]), { stderr: '' }, 'the books balance')
  for (const { consumer } of [pair.a, pair.b]) t.strictSame(consumer.log.filter(({ level }) => level === 'error'), [])
}
