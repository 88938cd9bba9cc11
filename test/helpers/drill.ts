import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { DrillReport } from '../../tools/drill/report.js'
import { executable, type Daemon } from './daemon.js'
import type { Mariadb } from './mariadb.js'
import { startNetwork, type Network } from './network.js'
import type { NetworkHost } from './network-host.js'
import { findProgram } from './programs.js'
import { serverSide, shippedTopology, type Shipped } from './shipped.js'
import { until } from './wait.js'

export const needsNft = findProgram('nft') === undefined ? 'needs nft: Debian package nftables' : false

/** Two hosts that share a lease, their database, and a host that sends. */
export interface DrillPair {
  readonly network: Network<'a' | 'b' | 'db' | 'traffic'>
  readonly server: Mariadb
  readonly database: string
  readonly onA: Shipped & { readonly daemons: ReadonlyMap<string, Daemon> }
  readonly reports: string
  /** Arguments of a drill on `a`, without `--how`. */
  readonly args: readonly string[]
  /** What the operators have got, one mail after the other, as the mail program was given it. */
  mails (): string
  /** Who has the lease: `a`, `b`, or nobody. */
  holder (): Promise<string>
  /** What the processes of the consumer of `a` do, by one letter: `S`, or `T` for one that is stopped where it was. */
  consumers (): string
}

/** A stall of some seconds must not move the lease. */
const leaseSeconds = 8
const patienceMs = 90_000

/** `a` has the lease, and `b` stands by. */
export async function startDrillPair (t: Test): Promise<DrillPair> {
  const network = await startNetwork(t, ['a', 'b', 'db', 'traffic'])
  const { a, b, db } = network.hosts
  const server = await db.mariadb()
  const database = await server.database()
  const read = `mysql://root@${db.address}:${server.port}/${database}`
  const [onA, onB] = [await topologyOn(t, a, read), await topologyOn(t, b, read)]
  const daemons = await onA.startAll()
  const holder = async (): Promise<string> => {
    const [row] = await server.query('SELECT holder FROM vanadium_leases WHERE expires > UTC_TIMESTAMP(6)', database).catch(() => [])
    return String(row?.['holder'] ?? '').split('/')[0] ?? ''
  }
  await until('a has the lease', async () => await holder() === 'a', patienceMs)
  await onB.startAll()
  await until('b stands by', async () => (await server.query("SELECT 1 FROM vanadium_lease_members WHERE host = 'b'", database)).length > 0, patienceMs)
  const [reports, mails] = [join(a.directory, 'drills'), join(a.directory, 'mails')]
  return {
    network,
    server,
    database,
    onA: { ...onA, daemons },
    reports,
    holder,
    mails: () => existsSync(mails) ? readFileSync(mails, 'utf8') : '',
    args: [
      'drill', 'failover', '--read', read, '--lease', 'events', '--send', `udp://${a.address}:8421`, `udp://${b.address}:8421`,
      '--config', onA.config, '--state', onA.state, '--reports', reports, '--registry', registryOf(a, mails), '--within', '60', '--lag', '60', ...commandsOf(a, onA, daemons.get('consumers/mysql'))
    ],
    consumers: () => a.processes().map(pid => stateOf(pid, 'consumer')).join('')
  }
}

async function topologyOn (t: Test, on: NetworkHost, store: string): Promise<Shipped> {
  return await shippedTopology(t, {
    on,
    directory: on.directory,
    store: `${store}?lease=events&lease-seconds=${leaseSeconds}`,
    only: serverSide,
    edit: (path, text) => path === 'forwarders/server-side' ? text.replace(/^--count$/m, '--count\n--count-by content') : text
  })
}

/** A mail program that keeps what it gets. */
function registryOf ({ directory }: NetworkHost, mails: string): string {
  const [program, registry] = [join(directory, 'sendmail'), join(directory, 'registry.yaml')]
  writeFileSync(program, `#!/bin/sh\ncat >> ${mails}\n`)
  chmodSync(program, 0o755)
  writeFileSync(registry, `operators: [ops@example.org]\nmail:\n  from: vanadium@example.org\n  via: ${program}\n`)
  return registry
}

/** What stands for systemd. */
function commandsOf ({ directory }: NetworkHost, { config, state }: Shipped, consumer: Daemon | undefined): string[] {
  const [start, stop, pid, log] = ['start', 'stop', 'pid', 'consumer.log'].map(name => join(directory, name)) as [string, string, string, string]
  writeFileSync(pid, `${consumer?.child.pid ?? ''}\n`)
  writeFileSync(start, `setsid ${process.execPath} ${executable} consumer --name mysql --state ${state} @${join(config, 'consumers/mysql')} > /dev/null 2>> ${log} < /dev/null &\necho $! > ${pid}\n`)
  writeFileSync(stop, `kill -TERM $(cat ${pid}) 2> /dev/null || exit 0\nwhile kill -0 $(cat ${pid}) 2> /dev/null; do sleep 0.1; done\n`)
  return ['--stop-command', `sh ${stop}`, '--start-command', `sh ${start}`]
}

/** The same arguments, with another value of an option. */
export function withOption (args: readonly string[], option: string, value: string): string[] {
  return args.map((arg, at) => args[at - 1] === option ? value : arg)
}

/** The newest one. */
export function lastReport ({ reports }: Pick<DrillPair, 'reports'>): DrillReport {
  const [newest = ''] = readdirSync(reports).filter(name => name.endsWith('.json')).sort().reverse()
  return JSON.parse(readFileSync(join(reports, newest), 'utf8')) as DrillReport
}

/** What the test finds by itself: triggers note when each canary was stored, by which host, and when who took the lease. */
export async function noteAll ({ server, database, args, network: { hosts: { a } } }: DrillPair): Promise<void> {
  // the first one makes the table
  const [read = '', front = ''] = ['--read', '--send'].map(option => args[args.indexOf(option) + 1])
  await until('there is a canary', async () => (await a.vanadium('check', 'canary', '--send', front, '--read', read)).code === 0, patienceMs)
  await server.query('CREATE TABLE noted (n BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6) NOT NULL, account VARCHAR(255) NOT NULL, sent BIGINT NOT NULL, front VARCHAR(255) NOT NULL)', database)
  await server.query('CREATE TRIGGER noted_canary AFTER INSERT ON Canary_1 FOR EACH ROW INSERT INTO noted (at, account, sent, front) VALUES (UTC_TIMESTAMP(6), USER(), NEW.event_sent, NEW.event_front)', database)
  await server.query('CREATE TABLE noted_takes (token BIGINT PRIMARY KEY, at DATETIME(6) NOT NULL)', database)
  await server.query('CREATE TRIGGER noted_take AFTER UPDATE ON vanadium_leases FOR EACH ROW INSERT INTO noted_takes SELECT NEW.token, NEW.since FROM DUAL WHERE NEW.token <> OLD.token', database)
}

export interface Noted {
  readonly atMs: number
  /** Address of the host. */
  readonly by: string
  readonly sent: number
}

/** Of one drill, in the order in which they were stored. */
export async function notedCanaries ({ server, database }: DrillPair, id: string): Promise<Noted[]> {
  const rows = await server.query(`SELECT DATE_FORMAT(at, '%Y-%m-%dT%H:%i:%s.%fZ') AS at, account, sent FROM noted WHERE front = '${id}' ORDER BY n`, database)
  return rows.map(row => ({ atMs: Date.parse(String(row['at'])), by: String(row['account']).split('@')[1] ?? '', sent: Number(row['sent']) }))
}

/** When the lease was taken with these tokens. */
async function notedTakes ({ server, database }: DrillPair): Promise<ReadonlyMap<number, number>> {
  const rows = await server.query("SELECT token, DATE_FORMAT(at, '%Y-%m-%dT%H:%i:%s.%fZ') AS at FROM noted_takes", database)
  return new Map(rows.map(row => [Number(row['token']), Date.parse(String(row['at']))]))
}

/** Of what the drill sees only when it looks, and the machine may be busy. */
const slackMs = 10_000

/** Fails the test unless what the newest report says is what was noted, in a drill that has passed. */
export async function agrees (t: Test, pair: DrillPair): Promise<void> {
  const report = lastReport(pair)
  const { a, b } = pair.network.hosts
  const noted = await notedCanaries(pair, report.id)
  const takes = await notedTakes(pair)
  const [row] = await pair.server.query(`SELECT COUNT(*) AS number, COUNT(DISTINCT event_sent) AS once FROM Canary_1 WHERE event_front = '${report.id}'`, pair.database)

  t.match(report, { outcome: 'passed', failures: [], isRestored: true, writer: 'a/mysql', standby: 'b/mysql', canaries: { missing: [], doubled: [] } })
  t.strictSame([report.canaries.sent, report.canaries.stored], [Number(row?.['number']), Number(row?.['once'])], 'rows of the table')
  t.equal(new Set(noted.map(({ sent }) => sent)).size, report.canaries.sent, 'canaries that were stored')
  t.strictSame(noted.map(({ by }) => by).filter((by, at, all) => by !== all[at - 1]), [a.address, b.address, a.address], 'by one host, then by the other, then by the first again')
  const heldBy = (holder: string): number => Number(report.holders.filter(one => one.holder === holder).at(-1)?.token)
  for (const [change, token, by] of [[report.takeOver, heldBy('b/mysql'), b], [report.switchBack, heldBy('a/mysql'), a]] as const) {
    const begunMs = Date.parse(change?.begun ?? '')
    near(t, begunMs + (change?.leaseSeconds ?? NaN) * 1000, takes.get(token) ?? NaN, 2, `${by.name} took the lease`)
    const firstMs = noted.find(one => one.by === by.address && one.atMs >= begunMs)?.atMs ?? NaN
    near(t, begunMs + (change?.firstRowSeconds ?? NaN) * 1000, firstMs, slackMs, `the first row of ${by.name}`)
  }
  const gaps = noted.slice(1).map(({ atMs }, at) => atMs - (noted[at]?.atMs ?? NaN))
  near(t, (report.longestGap?.seconds ?? NaN) * 1000, Math.max(...gaps), slackMs, 'the longest time without a row')
}

function near (t: Test, one: number, other: number, mostMs: number, what: string): void {
  t.ok(Math.abs(one - other) <= mostMs, `${what}: the report differs by ${one - other} ms`)
}

/** Of a process of that daemon; empty for another one. */
function stateOf (pid: number, daemon: string): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    if (words[2] !== daemon) return ''
    return /^ (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1').split(')').at(-1) ?? '')?.[1] ?? ''
  } catch {
    // it has ended
    return ''
  }
}
