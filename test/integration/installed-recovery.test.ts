import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { accountsOf, bareHost, credentialsOf, needsInstalledHost, passwords, startDatabase } from '../helpers/installed-host.js'
import { builtPackage } from '../helpers/package.js'
import { findProgram } from '../helpers/programs.js'
import { connect, plugIn, procedure } from '../helpers/recovery.js'
import { eventsOf, hoursOf, rowsOf, type Rows } from '../helpers/recovered.js'
import type { SystemdHost } from '../helpers/systemd-host.js'
import { startTraffic } from '../helpers/traffic.js'

const programs = [['rsync', 'rsync'], ['sshd', 'openssh-server'], ['ip', 'iproute2']] as const
const needed = needsInstalledHost !== false ? needsInstalledHost : programs.map(([program, debian]) => findProgram(program) === undefined && `needs ${program}: Debian package ${debian}`).find(missing => missing !== false) ?? false

const output = '--output mysql://db.example.org/log?defaults-file=/etc/vanadium/my.cnf&lease=events'
const addresses = { db1: '10.78.0.2', db2: '10.78.0.3' }
const patienceMs = 120_000

t.test('the recovery procedures of docs/operations.md, as they are written there', { skip: needed }, async t => {
  const trust = keysOf(t)
  const db = await bareHost(t)
  let db1 = await bareHost(t)
  const db2 = await bareHost(t)
  connect([{ name: 'db', host: db }, { name: 'db1', host: db1 }, { name: 'db2', host: db2 }])
  await startServer(db)
  for (const host of [db, db1, db2]) await startSsh(host, trust)
  for (const host of [db1, db2]) await install(host)
  await db.must('bash', '-o', 'pipefail', '-c', 'ssh db1.example.org cat /etc/vanadium/accounts.sql | mariadb')
  for (const host of [db1, db2]) await host.must('vanadiumctl', 'start')
  await follow(t, '## Recovery', { 'each host': [db1, db2] })

  /** Of all that was sent. */
  const uuids = new Set<string>()
  const send = (): { stop (): Promise<void> } => {
    const sender = startTraffic(db, { to: [{ address: addresses.db1 }, { address: addresses.db2 }], perSecond: 40 })
    return { stop: async () => { for (const uuid of (await sender.stop()).keys()) uuids.add(uuid) } }
  }
  const allStored = async (t: Test): Promise<void> => {
    await db.until(`${uuids.size} events are stored`, async () => (await rowsOf(db)).size >= uuids.size, patienceMs)
    same(t, new Set((await rowsOf(db)).keys()), uuids, 'the database has what was sent')
  }
  const more = async (what: string, rows: number): Promise<void> => {
    const { size } = await rowsOf(db)
    await db.until(what, async () => (await rowsOf(db)).size >= size + rows, patienceMs)
  }

  await t.test('events come, a backup is made while they do, and more come', async t => {
    const sending = send()
    await more('events are stored', 200)
    await db1.must('systemctl', 'start', 'vanadium-backup')
    await more('more are stored after the backup', 200)
    await sending.stop()
    await allStored(t)
    for (const host of [db1, db2]) await db.until('all are logged', async () => (await eventsOf(host)).size >= uuids.size, patienceMs)
  })

  await t.test('A lost database', async t => {
    const before = await rowsOf(db)
    await startServer(db)
    t.match(await db.run('mariadb', 'log', '-e', ''), { code: 1, stderr: /Unknown database/ }, 'the database is empty')
    const sending = send()

    const after: Rows[] = []
    await follow(t, '### A lost database', { 'each host': [db1, db2], 'the host of the database': [db], 'db1.example.org': [db1] }, async commands => {
      if (commands.includes('vanadium merge')) after.push(await rowsOf(db))
    })
    const [restored = new Map()] = after
    t.ok(before.size > 400)
    t.strictSame([...before].filter(([uuid, content]) => restored.get(uuid) !== content), [], 'each row is what it was, by its content hash, before consumers run again')
    await sending.stop()
    await allStored(t)
  })

  await t.test('A lost host', async t => {
    const before = await eventsOf(db1)
    const sending = send()
    await more('events are stored', 20)
    const disk = keepDisk(t, db1)
    await db1.stop()
    db1 = await bareHost(t)
    plugIn(db, db1, 2)
    db1.write('/etc/hosts', db2.read('/etc/hosts'))
    await db1.must('hostname', 'db1')
    await startSsh(db1, trust)
    execFileSync('cp', ['-a', disk, db1.path('/backup')])
    t.notOk(readdirSync(db1.path('/etc')).includes('vanadium'), 'the host is empty')
    await more('the other host goes on', 20)

    await follow(t, '### A lost host', { 'the new host': [db1] })
    await sending.stop()
    await allStored(t)
    for (const host of [db1, db2]) await db.until('all are logged', async () => (await eventsOf(host)).size >= uuids.size, patienceMs)

    const [own, other] = [await eventsOf(db1), await eventsOf(db2)]
    t.strictSame([...before.keys()].filter(uuid => !own.has(uuid)), [], 'what was in its logs is there again')
    t.strictSame(await hoursOf(own, isOfServer), await hoursOf(other, isOfServer), 'its logs are those of the other host, by the same content hashes')
    // addresses are hashed with another key on each host
    same(t, new Set(own.keys()), uuids, 'and have the events of varnishncsa, too')
  })
})

const isOfServer = (line: string): boolean => line.includes('"wiki":"serverwiki"')

function same (t: Test, found: ReadonlySet<string>, wanted: ReadonlySet<string>, what: string): void {
  t.strictSame({ missing: [...wanted].filter(one => !found.has(one)), strange: [...found].filter(one => !wanted.has(one)) }, { missing: [], strange: [] }, `${what}: ${wanted.size} events`)
}

/** Runs the commands of a procedure, block by block, on the hosts that each names; every command must succeed. */
async function follow (t: Test, heading: string, hosts: Readonly<Record<string, readonly SystemdHost[]>>, done: (commands: string) => Promise<void> = async () => { await Promise.resolve() }): Promise<void> {
  const steps = procedure(heading)
  t.ok(steps.length > 0, heading)
  for (const { on, commands } of steps) {
    const places = hosts[on]
    if (places === undefined) throw new Error(`${heading}: "# on ${on}" names no host of this test; there are ${Object.keys(hosts).join(', ')}`)
    for (const host of places) {
      const { code, stdout, stderr } = await host.run('bash', '-e', '-o', 'pipefail', '-c', commands)
      if (code !== 0) throw new Error(`${heading}, on ${on}: exit code ${code} of:\n${commands}${stdout}${stderr}${(await host.run('journalctl', '--output', 'cat', '--lines', '40')).stdout}`)
      t.pass(`on ${on}: ${commands.split('\n')[0] ?? ''} …`)
    }
    await done(commands)
  }
}

interface Keys {
  readonly secret: string
  readonly open: string
}

/** Of root of all hosts. */
function keysOf (t: Test): Keys {
  const file = join(directoryOf(t), 'id')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
  return { secret: readFileSync(file, 'utf8'), open: readFileSync(`${file}.pub`, 'utf8') }
}

async function startSsh (host: SystemdHost, { secret, open }: Keys): Promise<void> {
  await host.must('install', '-d', '-m', '0700', '/root/.ssh')
  host.write('/root/.ssh/id_ed25519', secret, 0o600)
  host.write('/root/.ssh/authorized_keys', open, 0o600)
  host.write('/root/.ssh/config', 'Host *\n  StrictHostKeyChecking accept-new\n', 0o600)
  await host.must('systemctl', 'start', 'ssh')
}

/** An empty server that other hosts reach. */
async function startServer (host: SystemdHost): Promise<void> {
  host.write('/etc/mysql/mariadb.conf.d/99-network.cnf', '[mysqld]\nbind-address = 0.0.0.0\nskip-name-resolve\n')
  await host.run('systemctl', 'stop', 'mariadb')
  await startDatabase(host)
  // what apt could install newer is not to be fetched: there is no way to it
  await host.must('sh', '-c', 'rm -rf /var/lib/apt/lists/*')
}

/** As docs/operations.md has it of two hosts, with backups. */
async function install (host: SystemdHost): Promise<void> {
  copyFileSync(builtPackage(), host.path('/root/vanadium_1.deb'))
  await host.must('dpkg', '--install', '/root/vanadium_1.deb')
  host.write('/etc/vanadium/accounts.sql', accountsOf(host).replaceAll("'localhost'", "'10.78.0.%'"), 0o600)
  host.write('/etc/vanadium/my.cnf', credentialsOf(host, 'vanadium', passwords.WRITER), 0o600)
  host.write('/etc/vanadium/backup.cnf', credentialsOf(host, 'vanadium_backup', passwords.BACKUP), 0o600)
  host.write('/etc/vanadium/backup.yaml', host.read('/etc/vanadium/backup.yaml.example').replace('mysql://127.0.0.1/', 'mysql://db.example.org/'))
  edit(host, '/etc/vanadium.d/consumers/mysql', /^--output .*$/m, output)
  edit(host, '/etc/vanadium.d/forwarders/server-side', /^--count$/m, '--count\n--count-by content')
  await host.must('install', '-d', '-o', 'vanadium', '/backup', '/backup/vanadium')
  await host.must('vanadium', 'optout', 'add', 'somebody')
}

function edit (host: SystemdHost, file: string, what: RegExp, by: string): void {
  const text = host.read(file)
  if (!what.test(text)) throw new Error(`${file} has no ${what}`)
  host.write(file, text.replace(what, () => by))
}

/** What a disk of its own would be: it outlasts the host. */
function keepDisk (t: Test, host: SystemdHost): string {
  const disk = join(directoryOf(t), 'backup')
  execFileSync('cp', ['-a', host.path('/backup'), disk])
  return disk
}

function directoryOf (t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-recovery-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  return directory
}
