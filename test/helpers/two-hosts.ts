import type { Test } from 'tap'
import { readLease, type Lease } from '../../lib/sql/mysql/lease-tables.js'
import type { Daemon, LogLine } from './daemon.js'
import { startNetwork, type Network } from './network.js'
import type { NetworkHost } from './network-host.js'
import { countRows } from './numbered-events.js'
import { pairedTopology } from './pair.js'
import type { Shipped } from './shipped.js'
import { booksOf, startTraffic } from './traffic.js'
import { until } from './wait.js'
import { keepRecord, oneWriter, recordArguments, type Transaction, type WritingRecord } from './writing-record.js'

/** One of two hosts that run the shipped topology. */
export interface Side {
  readonly host: NetworkHost
  readonly shipped: Shipped
  /** As they run now, or did. */
  daemons: ReadonlyMap<string, Daemon>
}

export interface TwoHosts {
  readonly network: Network<'a' | 'b' | 'db' | 'traffic'>
  readonly db: NetworkHost
  readonly record: WritingRecord
  /** Has the lease at first. */
  readonly active: Side
  readonly standby: Side
  lease (): Promise<Lease>
  /** Resolves when so many more rows are stored by that side than now; `what` for people. */
  goesOn (side: Side, what: string, rows?: number): Promise<void>
  /** Resolves when the side stands by, and has seen stored all but the last seconds. */
  caughtUp (side: Side): Promise<void>
  /** Ends the traffic, waits until both sides have all, ends all daemons, and checks what must hold whatever has happened. */
  finish (expected: Expected): Promise<void>
}

export interface Expected {
  /** When it happened, by the server's clock. */
  readonly fault: number
  /** Whether the other host is to have the lease from then on; else it stays where it is. */
  readonly takesOver: boolean
}

/** Of the issue: in so many seconds somebody writes again. */
const mostSeconds = 15
const perSecond = 1000
const table = 'DemoButtonClick_1'
const name = 'events'
/** The same for both hosts, so that each may end connections of the other. */
const account = "vanadium@'10.77.%'"
const patienceMs = 90_000
const lookMs = 200
/** A host that is busy, or stands still, may lose some: the other one has them, or they would be missing. */
const dropped = 'the kernel dropped datagrams: the receive buffer was full'
/** A member that is so far behind has seen all but what is under way. */
const smallLagSeconds = 4

/**
 * Two hosts with the shipped topology that share a lease, a database host, and one that sends the same lines to both; resolves when one writes and the other one
 * keeps up. The account is as docs/operations.md says.
 */
export async function startTwoHosts (t: Test): Promise<TwoHosts> {
  const network = await startNetwork(t, ['a', 'b', 'db', 'traffic'])
  const { a, b, db, traffic } = network.hosts
  const server = await db.mariadb(recordArguments)
  const database = await server.database()
  await server.query(`CREATE USER ${account}`)
  await server.query(`GRANT SELECT, INSERT, UPDATE, CREATE, ALTER, CREATE VIEW, SHOW VIEW, DROP ON ${database}.* TO ${account}`)
  const record = await keepRecord(server, { database, account, hosts: [a, b] })
  const lease = async (): Promise<Lease> => await until('there is a lease', async () => await readLease(async sql => await server.query(sql, database), name))

  const sides = await Promise.all([a, b].map(async host => {
    const shipped = await pairedTopology(t, host, `mysql://vanadium@${db.address}:${server.port}/${database}?lease=${name}`)
    const side: Side = { host, shipped, daemons: await shipped.startAll() }
    return side
  })) as [Side, Side]
  t.teardown(() => { if (!t.passing()) for (const side of sides) tell(t, side) })
  const start = await record.seconds()
  const sender = startTraffic(traffic, { to: [a, b], perSecond })
  await until('events are stored', async () => await countRows(server, database, table) > 0, patienceMs, lookMs)
  await record.note(table)
  const unnoted = await countRows(server, database, table)
  const { holder } = await lease()
  const [active, standby] = holder.startsWith('a/') ? sides : sides.toReversed() as [Side, Side]

  async function goesOn ({ host }: Side, what: string, rows = 2 * perSecond): Promise<void> {
    const before = await record.countOf(host)
    await until(`${host.name} stores rows: ${what}`, async () => await record.countOf(host) >= before + rows, patienceMs, lookMs)
    t.pass(`${host.name} stores rows: ${what}`)
  }

  async function caughtUp ({ host }: Side, most = smallLagSeconds): Promise<void> {
    await until(`${host.name} is at most ${most} s behind`, async () => {
      const { members } = await lease()
      const member = members.find(member => member.host === host.name)
      return member !== undefined && member.seenSecondsAgo <= smallLagSeconds && member.lagSeconds <= most
    }, patienceMs, lookMs)
  }

  async function finish ({ fault, takesOver }: Expected): Promise<void> {
    const end = await record.seconds()
    const sent = await sender.stop()
    const rate = Math.round(sent.size / (end - start))
    t.ok(rate >= perSecond / 2, `${rate} events a second were sent`)
    await until('all that was sent is stored', async () => await countRows(server, database, table) >= sent.size, patienceMs, lookMs)
    for (const side of sides) await caughtUp(side, 0)
    const { token } = await lease()
    for (const { daemons } of sides) await Promise.all([...daemons].map(async ([path, daemon]) => { t.equal(await daemon.stop(), 0, path) }))

    const { rows, missing, doubled, strange } = await booksOf(server, database, sent)
    t.strictSame({ missing, doubled, strange }, { missing: [], doubled: [], strange: [] }, `${sent.size} events, each is stored once`)
    const all = await record.transactions()
    oneWriter(t, all)
    t.ok(all.reduce((sum, { rows }) => sum + rows, 0) >= rows - unnoted, 'all rows were noted')
    checkTimes(t, all, { fault, end, other: (takesOver ? standby : active).host })
    const taken = all.filter(({ token, first }) => token !== null && first > fault && first < end)
    t.strictSame(taken.map(({ by }) => by), takesOver ? [standby.host.address] : [], `who took the lease, up to token ${token}`)
    for (const { host, daemons } of sides) checkErrors(t, host.name, daemons.values())
  }

  await goesOn(active, 'all is well')
  await caughtUp(standby)
  return { network, db, record, active, standby, lease, goesOn, caughtUp, finish }
}

/** How long nobody wrote, while there was something to write, and how long it took until `other` did. */
function checkTimes (t: Test, transactions: readonly Transaction[], { fault, end, other }: { readonly fault: number, readonly end: number, readonly other: NetworkHost }): void {
  const commits = transactions.filter(({ token }) => token === null)
  const first = commits.find(({ by, first }) => by === other.address && first > fault)
  // of the commit itself the server keeps whole seconds
  const after = (first?.last ?? Infinity) - fault
  const times = [...commits.map(({ last }) => last).filter(last => last < end), end].sort((a, b) => a - b)
  const longest = Math.max(...times.map((time, i) => time - (times[i - 1] ?? time)))
  t.ok(after <= mostSeconds, `${other.name} wrote ${after.toFixed(1)} s after it happened`)
  t.ok(longest <= mostSeconds, `nobody wrote for ${longest.toFixed(1)} s at most`)
}

function checkErrors (t: Test, host: string, daemons: Iterable<Daemon>): void {
  for (const { log } of daemons) t.strictSame(log.filter(({ level, message }) => level === 'error' && message !== dropped), [], `errors on ${host}`)
}

/** Logs without what is of no use to whoever looks for the reason of a failure. */
function tell (t: Test, { host, daemons }: Side): void {
  const of = (path: string, last: number): LogLine[] => daemons.get(path)?.log.slice(-last) ?? []
  const lines = [...of('consumers/mysql', 40), ...[...daemons.keys()].flatMap(path => of(path, 40).filter(({ level }) => level === 'warn' || level === 'error'))]
  t.comment(`${host.name}:\n${lines.map(line => JSON.stringify(line)).join('\n')}`)
}
