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
  readonly onA: Shipped
  readonly reports: string
  /** Arguments of a drill on `a`, without `--how`. */
  readonly args: readonly string[]
  /** What the operators have got, one mail after the other, as the mail program was given it. */
  mails (): string
  /** Who has the lease: `a`, `b`, or nobody. */
  holder (): Promise<string>
  /** Processes of the consumer of `a` that run. */
  consumers (): Promise<string[]>
}

const leaseSeconds = 4
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
    onA,
    reports,
    holder,
    mails: () => existsSync(mails) ? readFileSync(mails, 'utf8') : '',
    args: [
      'drill', 'failover', '--read', read, '--lease', 'events', '--send', `udp://${a.address}:8421`, `udp://${b.address}:8421`,
      '--config', onA.config, '--state', onA.state, '--reports', reports, '--registry', registryOf(a, mails), '--within', '60', '--lag', '60', ...commandsOf(a, onA, daemons.get('consumers/mysql'))
    ],
    consumers: async () => (await a.run('sh', '-c', 'for pid in $(pgrep -f "consumer --name mysql"); do [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ] && grep -h State /proc/$pid/status; done; true')).stdout.split('\n').filter(Boolean)
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

/** The newest one. */
export function lastReport ({ reports }: Pick<DrillPair, 'reports'>): DrillReport {
  const [newest = ''] = readdirSync(reports).filter(name => name.endsWith('.json')).sort().reverse()
  return JSON.parse(readFileSync(join(reports, newest), 'utf8')) as DrillReport
}

/** What the test finds by itself: a trigger notes when each canary was stored, by which host. */
export async function noteCanaries ({ server, database }: DrillPair): Promise<void> {
  await server.query('CREATE TABLE noted (n BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME(6) NOT NULL, account VARCHAR(255) NOT NULL, sent BIGINT NOT NULL, front VARCHAR(255) NOT NULL)', database)
  await server.query('CREATE TRIGGER noted_canary AFTER INSERT ON Canary_1 FOR EACH ROW INSERT INTO noted (at, account, sent, front) VALUES (UTC_TIMESTAMP(6), USER(), NEW.event_sent, NEW.event_front)', database)
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
