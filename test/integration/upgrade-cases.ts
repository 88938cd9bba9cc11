import { execFile, execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { executable } from '../helpers/daemon.js'
import { startMariadb, type Mariadb } from '../helpers/mariadb.js'
import { projectRoot } from '../helpers/shared.js'
import { appendLines, instancesIn, startInstance, validBelow, valueIn, type OldDaemon } from '../helpers/upgrade.js'
import { until } from '../helpers/wait.js'

const fixtures = join(projectRoot, 'test', 'fixtures', 'upgrade')
const before = 600
const after = 700

/** By age. */
export function archivesOfOlderBuilds (): string[] {
  return readdirSync(fixtures).filter(name => name.endsWith('.tar.gz')).sort()
}

/** What the builds have left is taken up by today's, and what comes then is added to it. */
export async function takeUpAll (t: Test, archives: readonly string[]): Promise<void> {
  const server = await startMariadb()
  t.teardown(server.stop)
  t.ok(archives.length > 0)

  for (const archive of archives) {
    await t.test(`of ${basename(archive, '.tar.gz')}`, async t => {
      const directory = await takeUp(t, archive, server)
      t.teardown(async () => { await server.query('DROP DATABASE log') })
      const daemons = await startAll(t, directory)
      appendLines(directory, before, after)

      await t.test('nothing is lost, and nothing is there twice', async t => { await compareStores(t, directory, server) })
      await t.test('tables have what today\'s have', async t => { await compareTables(t, directory, server) })
      if (archive === archives[0]) await t.test('the commands for operators make sense of it', async t => { await runCommands(t, directory) })
      await t.test('nobody says that anything is wrong, and all stop in order', async t => { await stopAll(t, daemons) })
    })
  }
}

function unpack (t: Test, archive: string): string {
  const directory = t.testdir({})
  execFileSync('tar', ['-xzf', join(fixtures, archive), '-C', directory])
  return directory
}

/** An upgrade moves nothing: what the state says of files, by path and inode, is made to be of those that were unpacked. */
async function takeUp (t: Test, archive: string, server: Mariadb): Promise<string> {
  const directory = unpack(t, archive)
  const was = readFileSync(join(directory, 'directory'), 'utf8').trim()
  for (const file of readdirSync(join(directory, 'state')).filter(name => name.endsWith('.sqlite'))) {
    const db = new Database(join(directory, 'state', file))
    for (const { source, position } of db.prepare<[], { source: string, position: string }>('SELECT source, position FROM position').all()) {
      const path = /^(?:file|written):(.*)$/.exec(source)?.[1]?.replace(was, directory)
      if (path !== undefined) db.prepare('UPDATE position SET source = ?, position = ? WHERE source = ?').run(source.replace(was, directory), position.replace(/^\d+/, String(statSync(path).ino)), source)
    }
    db.close()
  }
  await server.query('CREATE DATABASE log')
  execFileSync('mariadb', ['--no-defaults', `--socket=${server.socket}`, '--user=root', 'log'], { input: readFileSync(join(directory, 'mysql.sql')) })
  writeFileSync(join(directory, 'my.cnf'), `[client]\nuser = root\nsocket = ${server.socket}\n`, { mode: 0o600 })
  return directory
}

async function startAll (t: Test, directory: string): Promise<Map<string, OldDaemon>> {
  const daemons = new Map(instancesIn(directory).map(instance => [instance, startInstance(executable, directory, instance)]))
  t.teardown(async () => { for (const daemon of daemons.values()) await daemon.kill() })
  await Promise.all([...daemons.values()].map(async daemon => { await daemon.logged('ready') }))
  return daemons
}

async function compareStores (t: Test, directory: string, server: Mariadb): Promise<void> {
  const expected = validBelow(after)
  const events = join(directory, 'stores', 'events.sqlite')
  const errors = after - expected.length
  await until('MySQL has all', async () => Number((await server.query('SELECT COUNT(*) AS n FROM Upgraded_1', 'log'))[0]?.['n']) >= expected.length, 60_000)
  await until('SQLite has all', () => Number(valueIn(events, 'SELECT COUNT(*) FROM Upgraded_1')) >= expected.length, 60_000)
  await until('MySQL has the errors', async () => Number((await server.query('SELECT COUNT(*) AS n FROM EventError_14035058', 'log'))[0]?.['n']) >= errors, 60_000)

  const rows = await server.query('SELECT event_n AS n, uuid FROM Upgraded_1 ORDER BY event_n', 'log')
  t.strictSame(rows.map(({ n }) => Number(n)), expected, 'MySQL')
  t.equal(new Set(rows.map(({ uuid }) => uuid)).size, expected.length, 'numbers went on: no uuid is there twice')
  t.equal(valueIn(events, 'SELECT json_group_array(event_n) FROM (SELECT event_n FROM Upgraded_1 ORDER BY event_n)'), JSON.stringify(expected), 'SQLite')
  t.equal(Number((await server.query('SELECT COUNT(*) AS n FROM EventError_14035058', 'log'))[0]?.['n']), errors)

  // of journaled streams, each record is in the file once, and in order
  if (!isJournaled(directory)) return
  const lines = (): string[] => readFileSync(join(directory, 'stores', 'all-events.log'), 'utf8').split('\n').slice(0, -1)
  await until('the file has all', () => lines().length >= after, 60_000)
  t.strictSame(lines().map(line => (JSON.parse(line) as { seqId: number }).seqId), Array.from({ length: after }, (_, n) => n), 'the file, with numbers that go on')
}

/** Columns, with their types, that today's build would make; an older table may have more. */
async function compareTables (t: Test, directory: string, server: Mariadb): Promise<void> {
  const { stdout } = await vanadium(directory, 'schema', 'ddl', 'Upgraded/1', '--schemas', 'schemas')
  await server.query('CREATE DATABASE today')
  t.teardown(async () => { await server.query('DROP DATABASE today') })
  execFileSync('mariadb', ['--no-defaults', `--socket=${server.socket}`, '--user=root', 'today'], { input: stdout })
  const columns = async (database: string): Promise<string[]> => (await server.query(`SELECT CONCAT(column_name, ' ', column_type) AS c FROM information_schema.columns WHERE table_schema = '${database}' AND table_name = 'Upgraded_1'`)).map(({ c }) => String(c))
  const today = await columns('today')
  const there = await columns('log')

  t.ok(today.length > 5)
  t.strictSame(today.filter(column => !there.includes(column)), [], 'what is missing')
}

async function runCommands (t: Test, directory: string): Promise<void> {
  const state = ['--state', 'state']
  const files = [...state, '--config', 'vanadium.d']
  const commands: Array<[args: string[], says: RegExp]> = [
    [['status', ...state], /consumer +mysql +up/],
    [['check', 'jobs', ...files], /^OK/],
    [['check', 'ledger', ...state], /^OK: the books balance/],
    [['purge', ...files, '--schemas', 'schemas', '--dry-run'], /Upgraded_1 +Upgraded +delete/]
  ]
  const ofJournals: typeof commands = [
    [['check', 'lag', ...state], /^OK/],
    [['journal', 'ls', ...state], /all-events +[0-9a-f]{16} .* 700 [^]* mysql /],
    [['report', ...state, '--day', 'today', '--format', 'json'], /^\{/]
  ]
  await Promise.all([...commands, ...(isJournaled(directory) ? ofJournals : [])].map(async ([args, says]) => {
    const { code, stdout, stderr } = await vanadium(directory, ...args)
    t.match({ code, stdout }, { code: 0, stdout: says }, args.join(' '))
    t.notMatch(stderr, /"bug:|"level":"error"/, args.join(' '))
  }))
}

function isJournaled (directory: string): boolean {
  return instancesIn(directory).includes('forwarders/all-events')
}

async function stopAll (t: Test, daemons: ReadonlyMap<string, OldDaemon>): Promise<void> {
  const ends = await Promise.all([...daemons].map(async ([instance, daemon]) => [instance, await daemon.kill('SIGTERM')]))
  t.strictSame(ends, [...daemons.keys()].map(instance => [instance, 0]))
  t.strictSame([...daemons.values()].flatMap(({ log }) => log.filter(({ level }) => level === 'error')), [])
}

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function vanadium (directory: string, ...args: string[]): Promise<Outcome> {
  return await new Promise(resolve => {
    execFile(process.execPath, [executable, ...args], { cwd: directory }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}
