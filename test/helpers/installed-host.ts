import { copyFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { LogLine } from './daemon.js'
import { needsDpkg } from './deb.js'
import { needsMariadb } from './mariadb.js'
import { builtPackage } from './package.js'
import { projectRoot } from './shared.js'
import { bootHost, needsSystemdHost, type SystemdHost } from './systemd-host.js'

/** What a test says when it is skipped because there can be no such host. */
export const needsInstalledHost = needsSystemdHost !== false ? needsSystemdHost : needsDpkg !== false ? needsDpkg : needsMariadb

/** Passwords of the accounts; none of them may be seen anywhere. */
export const passwords = { WRITER: 'wr1ter-secret', PURGE: 'purge-secret', BACKUP: 'backup-secret', SCRATCH: 'scratch-secret', ANALYST: 'analyst-secret', CANARY: 'canary-secret', REPLICATION: 'replication-secret' }

/** A host on which the package is installed, with the Debian package of MariaDB, as docs/operations.md says. */
export interface InstalledHost extends SystemdHost {
  /** Copies a package to the host and gives it to dpkg; resolves with what that printed. */
  install (deb: string, ...options: string[]): Promise<string>
  /** Rows of the database `log`, values as text; none while there is no table. */
  query (sql: string): Promise<string[][]>
  /** Numbers of the events in the tables, in order, one revision after the other: of application servers, or of varnishncsa. */
  stored (way: Way): Promise<number[]>
  /** The units of all argument files. */
  units (): string[]
  /** A property of a unit, as `systemctl show` has it. */
  show (unit: string, property: string): Promise<string>
  /** Resolves when these units, or all, are active. */
  untilActive (units?: readonly string[]): Promise<void>
  /** What a unit, or all, have logged. A line that is not JSON throws. */
  logged (unit?: string): Promise<LogLine[]>
  /** How many datagrams the forwarder of that way has taken, by the ledger, and how many the kernel had to drop. */
  taken (way: Way): Promise<{ taken: number, lost: number }>
  /** Sends numbered events from now on, so many a second. */
  feed (way: Way, perSecond: number, first?: number, revision?: number): Promise<Feed>
}

export type Way = 'server' | 'client'

export interface Feed {
  /** From now on so many a second, of that revision; resolves with the number of the last one that was sent before. */
  rate (perSecond: number, revision?: number): Promise<number>
}

/** Ends with the test. */
export async function installedHost (t: Test): Promise<InstalledHost> {
  const host = complete(await bareHost(t))
  await startDatabase(host)
  await host.install(builtPackage())
  host.write('/root/accounts.sql', accountsOf(host))
  await host.must('sh', '-c', 'mariadb < /root/accounts.sql')
  host.write('/etc/vanadium/my.cnf', credentialsOf(host, 'vanadium', passwords.WRITER), 0o600)
  return host
}

/** One that never had an installation, whatever this machine has or has had. */
export async function bareHost (t: Test): Promise<SystemdHost> {
  const host = await bootHost(t)
  await host.must('sh', '-c', 'rm -rf /var/lib/vanadium /var/log/vanadium /var/backups/vanadium /run/vanadium /etc/vanadium /etc/vanadium.d /usr/lib/vanadium /usr/lib/systemd/system/vanadium*')
  return host
}

/** The shipped statements, with passwords. */
export function accountsOf (host: SystemdHost): string {
  return Object.entries(passwords).reduce((sql, [name, password]) => sql.replaceAll(` ${name}_PASSWORD;`, ` '${password}';`), host.read('/usr/share/doc/vanadium/examples/mysql/vanadium-accounts.sql'))
}

/** The shipped my.cnf, with an account. */
export function credentialsOf (host: SystemdHost, user: string, password: string): string {
  return host.read('/etc/vanadium/my.cnf.example').replace('user = vanadium', `user = ${user}`).replace('change me', password)
}

function complete (host: SystemdHost): InstalledHost {
  const units = (): string[] => ['forwarder', 'processor', 'consumer', 'monitor'].flatMap(role => readdirSync(host.path(`/etc/vanadium.d/${role}s`)).map(name => `vanadium-${role}@${name}.service`))

  async function query (sql: string): Promise<string[][]> {
    const { code, stdout, stderr } = await host.run('mariadb', '--batch', '--skip-column-names', 'log', '-e', sql)
    if (code !== 0 && !/ERROR 1146 /.test(stderr)) throw new Error(stderr)
    return stdout.split('\n').slice(0, -1).map(line => line.split('\t'))
  }

  return {
    ...host,
    query,
    units,
    async install (deb, ...options) {
      copyFileSync(deb, host.path(join('/root', basename(deb))))
      return await host.must('dpkg', ...options, '--install', join('/root', basename(deb)))
    },
    async stored (way) {
      const rows = await Promise.all([1, 2].map(async revision => await query(`SELECT event_clicks FROM DemoButtonClick_${revision} WHERE wiki = '${way}wiki' ORDER BY id`)))
      return rows.flat().map(([clicks]) => Number(clicks))
    },
    show: async (unit, property) => (await host.must('systemctl', 'show', '--property', property, '--value', unit)).trim(),
    async untilActive (some = units()) {
      await host.until(`${some.join(', ')} are active`, async () => (await host.run('systemctl', 'is-active', ...some)).stdout.split('\n').slice(0, -1).every(state => state === 'active'))
    },
    async logged (unit = 'vanadium-*') {
      const entries = (await host.must('journalctl', '--output', 'json', '--output-fields', 'MESSAGE,_SYSTEMD_UNIT', '--unit', unit)).split('\n').slice(0, -1)
      // what systemd says of the units is there, too
      const own = entries.map(entry => JSON.parse(entry) as Record<string, string>).filter(({ _SYSTEMD_UNIT: of = '' }) => of.startsWith('vanadium-'))
      return own.map(({ MESSAGE }) => JSON.parse(MESSAGE ?? '') as LogLine)
    },
    async taken (way) {
      const [heading = '', ...lines] = (await host.run('vanadium', 'ledger')).stdout.split('\n')
      const line = lines.find(line => line.includes(`forwarder ${way}-side`) && line.includes('← udp:')) ?? ''
      // a figure ends where its title does
      const under = (title: string): number => Number(/[\d,]*$/.exec(line.padEnd(heading.length).slice(0, heading.indexOf(title) + title.length))?.[0].replaceAll(',', ''))
      return { taken: under('taken'), lost: under('lost') }
    },
    async feed (way, perSecond, first = 1, revision = 1) {
      const program = host.spawn(process.execPath, join(projectRoot, 'dist/test/fixtures/datagrams.js'), way, String(first))
      const answers = createInterface({ input: program.stdout })[Symbol.asyncIterator]()
      const feed: Feed = {
        async rate (perSecond, revision = 1) {
          program.stdin.write(`${perSecond} ${revision}\n`)
          return Number((await answers.next()).value)
        }
      }
      await feed.rate(perSecond, revision)
      return feed
    }
  }
}

/** The server of the Debian package, with data of its own: those of this machine are none of a test's business. */
export async function startDatabase (host: SystemdHost): Promise<void> {
  host.write('/etc/mysql/conf.d/small.cnf', '[mysqld]\ninnodb_log_file_size = 16M\ninnodb_buffer_pool_size = 64M\n')
  await host.must('sh', '-c', 'rm -rf /var/lib/mysql && install -d -o mysql -g mysql -m 0700 /var/lib/mysql && mariadb-install-db --user=mysql --skip-test-db')
  await host.must('systemctl', 'enable', '--now', 'mariadb')
}
