import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import mysql from 'mysql2/promise'
import t, { type Test } from 'tap'
import { executable } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { optout } from '../helpers/optout.js'
import { write } from '../helpers/replay.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const gone = 'optedout-7f3a'

function place (t: Test): { directory: string, args: string[] } {
  const directory = shortDirectory(t)
  mkdirSync(join(directory, 'schemas', 'ByName'), { recursive: true })
  writeFileSync(join(directory, 'schemas', 'ByName', '1.json'), '{"properties":{"userId":{"type":"string"}}}')
  const registry = write(join(directory, 'registry.yaml'), ['schemas: { ByName: { user: event.userId } }'])
  return { directory, args: ['--stdin', '--state', directory, '--schemas', join(directory, 'schemas'), '--registry', registry, '--optout-key', join(directory, 'optout.key'), '--config', directory] }
}

function startErasing (t: Test, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [executable, 'optout', 'erase', ...args], { stdio: ['pipe', 'ignore', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdin?.end(`${gone}\n`)
  return child
}

async function kill (child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

function line (user: string, i: number): string {
  return JSON.stringify({ schema: 'ByName', revision: 1, wiki: 'enwiki', seqId: i, event: { userId: user } })
}

// seen to fail when what is half written has the name of the file
t.test('killed while it writes a file, it leaves that as it was; the same command goes on', async t => {
  const { directory, args } = place(t)
  const logs = join(directory, 'logs')
  mkdirSync(logs)
  const lines = Array.from({ length: 3000 }, (_, i) => `${line(i % 3 === 0 ? gone : 'stays', i)}\n`)
  const before = lines.join('')
  const expected = lines.filter(line => !line.includes(gone)).join('')
  const files = ['a.log.1', 'b.log.1.gz'].map(name => join(logs, name))
  for (const file of files) writeFileSync(file, file.endsWith('.gz') ? gzipSync(before) : before)
  const contents = (): string[] => files.map(file => file.endsWith('.gz') ? gunzipSync(readFileSync(file)).toString() : readFileSync(file, 'utf8'))

  for (const file of files) {
    const child = startErasing(t, [...args, '--files', join(logs, '*')])
    await until(`${file} is written anew`, () => existsSync(`${file}.purging`) || child.exitCode !== null, 60_000)
    await kill(child)
    t.ok(contents().every(content => content === before || content === expected), 'each is the one or the other')
  }
  const { code, printed } = await optout('erase', [gone], ...args, '--files', join(logs, '*'))

  t.equal(code, 0, printed)
  t.match(printed, /nothing is left$/m)
  t.ok(contents().every(content => content === expected))
  t.strictSame(readdirSync(logs).sort(), ['a.log.1', 'b.log.1.gz'])
})

t.test('killed in the middle of a table, it goes on', { skip: needsMariadb }, async t => {
  const { directory, args } = place(t)
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()
  await mariadb.query('CREATE TABLE ByName_1 (id INT PRIMARY KEY AUTO_INCREMENT, uuid CHAR(32) UNIQUE, timestamp CHAR(14), event_userId VARCHAR(100))', database)
  await mariadb.query(`INSERT INTO ByName_1 (uuid, timestamp, event_userId) SELECT MD5(seq), '20140521093001', IF(seq % 4 = 0, 'stays', '${gone}') FROM seq_1_to_2000`, database)
  const rows = async (user: string): Promise<number> => Number((await mariadb.query(`SELECT COUNT(*) AS n FROM ByName_1 WHERE event_userId = '${user}'`, database))[0]?.['n'])
  // it does not get past a row that somebody else has locked
  const other = await mysql.createConnection({ host: '127.0.0.1', port: mariadb.port, user: 'root', database })
  t.teardown(() => { other.destroy() })
  await other.query('START TRANSACTION')
  await other.query('SELECT id FROM ByName_1 WHERE id = 1501 FOR UPDATE')
  const all = [...args, '--store', `mysql://root@127.0.0.1:${mariadb.port}/${database}`, '--defaults-file', write(join(directory, 'purge.cnf'), ['[client]'])]

  const child = startErasing(t, all)
  await until('some are erased', async () => await rows(gone) < 1500, 60_000)
  await kill(child)
  const left = await rows(gone)
  await other.query('ROLLBACK')
  const again = await optout('erase', [gone], ...all)

  t.ok(left > 0, `${left} rows were left`)
  t.match(again, { code: 0, printed: /^[1-9][\d,]* rows erased in 1 places, nothing is left$/m })
  t.equal(await rows('stays'), 500)
  t.equal(await rows(gone), 0)
})
