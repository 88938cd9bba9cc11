import mysql from 'mysql2/promise'
import t, { type Test } from 'tap'
import type { LogLine } from '../../helpers/daemon.js'
import { needsMariadb, type Mariadb } from '../../helpers/mariadb.js'
import { neverTwo, noteWriters, startPair, type Pair, type Side } from '../../helpers/lease-pair.js'
import { isSequence, storedNumbers } from '../../helpers/numbered-events.js'
import { until } from '../../helpers/wait.js'

const has = 'has the lease: this instance writes'

/** Resolves with the holder and the other one, when there is one and the other stands by. */
async function roles ({ a, b, holder }: Pair): Promise<[Side, Side]> {
  const name = await until('one has the lease', async () => { const name = await holder(); return name === '' ? null : name })
  return name === 'a' ? [a, b] : [b, a]
}

/** Resolves with what a side says when it takes the lease the next time. */
async function taking ({ consumer }: Side): Promise<LogLine> {
  const before = consumer.log.length
  return await consumer.logged(line => line.message === has && consumer.log.indexOf(line) >= before)
}

/** A transaction of a connection of its own that holds what `sql` locks, until it is ended. */
async function lock ({ socket }: Mariadb, database: string, sql: string): Promise<() => Promise<void>> {
  const connection = await mysql.createConnection({ socketPath: socket, user: 'root', database })
  await connection.beginTransaction()
  await connection.query(sql)
  return async () => {
    await connection.rollback()
    await connection.end()
  }
}

/** Of the lease that a side took last. */
function tokenOf ({ consumer }: Side): unknown {
  return consumer.log.findLast(({ message }) => message === has)?.['token']
}

async function allThere (t: Test, { server, database }: Pair, count: number): Promise<void> {
  isSequence(t, (await storedNumbers(server, database)).sort((a, b) => a - b), count, 'Counted_1')
}

t.test('of two consumers of the same events', { skip: needsMariadb }, async t => {
  const pair = await startPair(t)
  const { server, database } = pair
  t.teardown(() => { if (!t.passing()) t.comment(JSON.stringify([pair.a, pair.b].map(({ consumer }) => consumer.log.slice(-12)), null, 1)) })
  pair.send(0, 100)
  await pair.stored(100)
  await noteWriters(pair)
  let sent = 100
  /** So many more, to both; resolves when they are stored. */
  async function more (count: number): Promise<void> {
    pair.send(sent, sent += count)
    await pair.stored(sent)
  }
  await more(500)

  await t.test('the other one takes over when the one that writes is killed', async t => {
    const [holder, other] = await roles(pair)
    const taken = taking(other)
    holder.consumer.child.kill('SIGKILL')
    pair.send(sent, sent += 500)
    await taken
    await pair.stored(sent)
    holder.start()
    await holder.consumer.logged('stands by; another instance writes')
    await more(100)

    t.equal(await pair.holder(), other.name)
  })

  await t.test('the other one takes over at once when the one that writes is stopped in order, and is stopped in order itself', async t => {
    const [holder, other] = await roles(pair)
    const taken = taking(other)
    const stopped = holder.consumer.stop()
    pair.send(sent, sent += 100)
    t.equal(await stopped, 0)
    t.ok(holder.consumer.log.some(({ message }) => message === 'lets go of the lease'))
    t.equal((await taken)['before'], '')
    await pair.stored(sent)
    holder.start()
    await holder.consumer.logged('stands by; another instance writes')
    t.equal(await holder.consumer.stop(), 0, 'the one that stands by')
    holder.start()
    await more(100)
  })

  await t.test('the one that writes is stopped (SIGSTOP) in the middle of a transaction: it is rolled back, and the other stores all of it', async t => {
    const [holder, other] = await roles(pair)
    const before = other.consumer.log.length
    const taken = taking(other)
    // what the transaction needs last, so that it stands still with its rows in it
    const release = await lock(server, database, 'SELECT * FROM vanadium_schemas FOR UPDATE')
    pair.send(sent, sent += 500)
    await until('rows wait', async () => (await server.query(`SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT INTO vanadium_schemas%' AND DB = '${database}'`)).length > 0)
    holder.consumer.child.kill('SIGSTOP')
    await taken
    t.ok(other.consumer.log.slice(before).some(({ message }) => message === 'an open transaction of the holder before is ended'))
    await release()
    await pair.stored(sent)
    holder.consumer.child.kill('SIGCONT')
    await holder.consumer.logged(line => line.message === 'stands by; another instance writes')
    await more(100)

    t.equal(await pair.holder(), other.name)
  })

  await t.test('the one that writes is cut off from the database in the middle of a transaction, without a word: the other stores all of it', async t => {
    const { a, b, link } = pair
    if (await pair.holder() !== 'a') {
      const taken = taking(a)
      await b.consumer.stop()
      await taken
      b.start()
      await b.consumer.logged('stands by; another instance writes')
    }
    const taken = taking(b)
    const release = await lock(server, database, 'SELECT * FROM vanadium_schemas FOR UPDATE')
    pair.send(sent, sent += 500)
    await until('rows wait', async () => (await server.query(`SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT INTO vanadium_schemas%' AND DB = '${database}'`)).length > 0)
    link.cut()
    await release()
    await taken
    await pair.stored(sent)
    link.mend()
    await a.consumer.logged(line => line.message === 'stands by; another instance writes' && line['token'] === tokenOf(b))
    await more(100)

    t.equal(await pair.holder(), 'b')
  })

  await t.test('both go on when the database is killed and starts again', async () => {
    await server.kill()
    pair.send(sent, sent += 300)
    await server.restart()
    await pair.stored(sent)
    await more(100)
  })

  await t.test('each event is stored once, and no two have written', async t => {
    const counts = await Promise.all([pair.a, pair.b].map(async ({ consumer }) => await consumer.stop()))
    t.strictSame(counts, [0, 0])
    await allThere(t, pair, sent)
    await neverTwo(t, pair, 5)
    for (const { consumer } of [pair.a, pair.b]) t.strictSame(consumer.log.filter(({ level }) => level === 'error'), [])
  })
})
