import t, { type Test } from 'tap'
import type { Daemon } from '../helpers/daemon.js'
import { needsMariadb } from '../helpers/mariadb.js'
import { needsNetwork, startNetwork } from '../helpers/network.js'
import { countRows } from '../helpers/numbered-events.js'
import { pairedTopology } from '../helpers/pair.js'
import { booksOf, startTraffic } from '../helpers/traffic.js'
import { until } from '../helpers/wait.js'

const perSecond = 1000
/** Between two incidents. */
const rows = 3000
const patienceMs = 120_000
const lookMs = 200

/** What no operator would let pass: that a store is waited for is told by a warning. */
function errorsOf (t: Test, host: string, daemons: Iterable<Daemon>): void {
  for (const { log } of daemons) t.strictSame(log.filter(({ level }) => level === 'error'), [], `errors on ${host}`)
}

t.test('two hosts that both write what both get', { skip: needsNetwork !== false ? needsNetwork : needsMariadb }, async t => {
  const network = await startNetwork(t, ['a', 'b', 'db', 'traffic'])
  const { a, b, db, traffic } = network.hosts
  const server = await db.mariadb()
  const database = await server.database()
  const store = `mysql://root@${db.address}:${server.port}/${database}`
  const [onA, onB] = [await pairedTopology(t, a, store), await pairedTopology(t, b, store)]
  const [first, ofB] = await Promise.all([onA.startAll(), onB.startAll()])
  const sender = startTraffic(traffic, { to: [a, b], perSecond })

  /** Resolves when so many more events are stored than now. */
  async function goesOn (what: string): Promise<void> {
    const before = await countRows(server, database, 'DemoButtonClick_1')
    await until(`rows are stored while ${what}`, async () => await countRows(server, database, 'DemoButtonClick_1') >= before + rows, patienceMs, lookMs)
    t.pass(`rows are stored while ${what}`)
  }

  await goesOn('both are well')

  await a.kill()
  await goesOn('a is dead')
  const again = await onA.startAll()
  await goesOn('a is back')

  network.cut(b)
  await goesOn('b is cut off from everybody')
  network.heal(b)
  await goesOn('b is reached again')

  network.cut(a, db)
  await goesOn('a does not reach the database')
  network.heal(a, db)
  await goesOn('a reaches it again')

  await b.pause()
  await goesOn('b stands still')
  b.resume()
  await goesOn('b goes on')

  const sent = await sender.stop()
  await until('all that was sent is stored', async () => await countRows(server, database, 'DemoButtonClick_1') >= sent.size, patienceMs, lookMs)
  // what is still on its way could only be doubled
  for (const daemon of [...again.values(), ...ofB.values()]) t.equal(await daemon.stop(), 0)

  const { missing, doubled, strange } = await booksOf(server, database, sent)
  t.comment(`${sent.size} events were sent`)
  t.strictSame({ missing, doubled, strange }, { missing: [], doubled: [], strange: [] })
  errorsOf(t, 'a, before it died', first.values())
  errorsOf(t, 'a', again.values())
  errorsOf(t, 'b', ofB.values())
})
