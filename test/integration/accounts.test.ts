import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import mysql from 'mysql2/promise'
import { createLog } from '../../lib/log.js'
import { openMysqlPurge } from '../../lib/purge/mysql.js'
import type { Rules } from '../../lib/purge/store.js'
import { parseUri } from '../../lib/stream/uri.js'
import { schemasOf } from '../helpers/context.js'
import { runCheck, type CheckOutput } from '../helpers/check-command.js'
import { startDaemon } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { numberedEvent, schemaText, storedNumbers } from '../helpers/numbered-events.js'
import { purgedHost } from '../helpers/purge-command.js'
import { projectRoot } from '../helpers/shared.js'

const shipped = readFileSync(join(projectRoot, 'examples/mysql/vanadium-accounts.sql'), 'utf8')
const example = readFileSync(join(projectRoot, 'etc/vanadium/my.cnf.example'), 'utf8')
const needsClient = existsSync('/usr/bin/mariadb') ? needsMariadb : 'needs the client of MariaDB: Debian package mariadb-client'

t.test('the accounts of examples/mysql', { skip: needsClient }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const directory = t.testdir({ schemas: { Counted: { '1.json': schemaText() }, Other: { '1.json': schemaText() } } })
  const client = ['/usr/bin/mariadb', '--no-defaults', '--user=root', `--socket=${server.socket}`] as const
  const [program, ...args] = client

  t.test('are not made while a password is missing', async t => {
    const { status, stderr } = spawnSync(program, args, { input: shipped, encoding: 'utf8' })

    t.equal(status, 1)
    t.match(stderr, /syntax.*WRITER_PASSWORD/s)
    t.strictSame(await server.query("SELECT User FROM mysql.user WHERE User IN ('vanadium', 'analyst', 'canary')"), [])
  })

  t.test('are made, twice if need be', async () => {
    const sql = shipped.replaceAll(/IDENTIFIED BY WRITER_PASSWORD/g, "IDENTIFIED BY 'writes'").replaceAll(/IDENTIFIED BY PURGE_PASSWORD/g, "IDENTIFIED BY 'purges'").replaceAll(/IDENTIFIED BY BACKUP_PASSWORD/g, "IDENTIFIED BY 'copies'").replaceAll(/IDENTIFIED BY SCRATCH_PASSWORD/g, "IDENTIFIED BY 'tries'").replaceAll(/IDENTIFIED BY ANALYST_PASSWORD/g, "IDENTIFIED BY 'reads'").replaceAll(/IDENTIFIED BY CANARY_PASSWORD/g, "IDENTIFIED BY 'sings'").replaceAll(/IDENTIFIED BY REPLICATION_PASSWORD/g, "IDENTIFIED BY 'looks'")
    for (let time = 0; time < 2; time++) execFileSync(program, args, { input: sql })
  })

  t.test('let the consumer make and alter tables and store rows, with the my.cnf that is shipped', async t => {
    const credentials = join(directory, 'my.cnf')
    writeFileSync(credentials, example.replace('"change me"', '"writes"') + `socket = ${server.socket}\n`, { mode: 0o640 })
    const file = join(directory, 'events.log')

    async function consume (lines: string[]): Promise<void> {
      writeFileSync(file, lines.map(line => `${line}\n`).join(''))
      const consumer = startDaemon(t, 'consumer', '--schemas', join(directory, 'schemas'), '--input', `file://${file}`, '--output', `mysql:///log?defaults-file=${credentials}`)
      // what is refused is waited for; the reason is more use than a test that hangs
      t.equal(await consumer.logged(({ level }) => level === 'error').then(({ reason }) => reason, async () => await consumer.ended), 0)
      t.strictSame(consumer.log.filter(({ level }) => level === 'error' || level === 'warn'), [])
    }

    await consume([numberedEvent(0), numberedEvent(1), numberedEvent(1), numberedEvent(100, { schema: 'Other' })])
    writeFileSync(join(directory, 'schemas/Counted/1.json'), schemaText({ gained: { type: 'string', format: 'date-time' } }))
    await consume([numberedEvent(1), numberedEvent(2)])

    t.strictSame(await storedNumbers(server, 'log'), [0, 1, 2])
    t.strictSame(await storedNumbers(server, 'log', 'Other_1'), [100])
    t.ok((await server.query('SHOW INDEX FROM Counted_1', 'log')).some(({ Column_name: name }) => name === 'event_gained'))
    t.match(await server.query('SELECT event_n FROM Counted ORDER BY id', 'log'), [{ event_n: 0 }, { event_n: 1 }, { event_n: 2 }])
  })

  t.test('let the consumer make and replace a view, and no more than that', async t => {
    const writer = await mysql.createConnection({ socketPath: server.socket, user: 'vanadium', password: 'writes', database: 'log' })
    t.teardown(async () => { await writer.end() })
    for (let time = 0; time < 2; time++) await writer.query('CREATE OR REPLACE VIEW Counted AS SELECT * FROM Counted_1')
    t.match((await writer.query('SHOW CREATE VIEW Counted'))[0], [{ View: 'Counted' }])

    for (const statement of ['DELETE FROM Counted_1', 'SELECT * FROM mysql.user', 'SET GLOBAL read_only = 1', 'CREATE DATABASE more', 'CREATE USER more']) {
      await t.rejects(writer.query(statement), { message: /denied/i }, statement)
    }
    await server.query('SET GLOBAL read_only = 1')
    await t.rejects(writer.query("INSERT INTO Counted_1 (uuid) VALUES ('x')"), { code: 'ER_OPTION_PREVENTS_STATEMENT' })
    await server.query('SET GLOBAL read_only = 0')
  })

  t.test('let analysts read tables and views, and write nothing', async t => {
    const analyst = await mysql.createConnection({ host: '127.0.0.1', port: server.port, user: 'analyst', password: 'reads', database: 'log' })
    t.teardown(async () => { await analyst.end() })

    for (const table of ['Counted', 'Counted_1']) t.match((await analyst.query(`SELECT event_n FROM ${table} ORDER BY id`))[0], [{ event_n: 0 }, { event_n: 1 }, { event_n: 2 }])
    t.match((await analyst.query('SHOW CREATE VIEW Counted'))[0], [{ View: 'Counted' }])
    for (const statement of ["INSERT INTO Counted_1 (uuid) VALUES ('x')", 'UPDATE Counted_1 SET wiki = 1', 'DELETE FROM Counted_1', 'DROP VIEW Counted', 'DROP TABLE Counted_1', 'CREATE TABLE mine (n INT)', 'ALTER TABLE Counted_1 ADD COLUMN mine INT', 'SELECT * FROM mysql.user']) {
      await t.rejects(analyst.query(statement), { message: /command denied/ }, statement)
    }
  })

  t.test('let the purge count and strip old rows, and take no table away', async t => {
    await server.query('CREATE TABLE Old_1 LIKE Counted_1', 'log')
    await server.query("INSERT INTO Old_1 (uuid, timestamp, wiki, event_n) VALUES ('old', '20010101000000', 'dewiki', 5)", 'log')
    const credentials = join(directory, 'purge.cnf')
    writeFileSync(credentials, `[client]\nuser = vanadium_purge\npassword = purges\nsocket = ${server.socket}\n`, { mode: 0o600 })
    const store = openMysqlPurge(parseUri('mysql:///log'), { defaultsFile: credentials, schemas: schemasOf([]), log: createLog({ level: 'error' }) })
    t.teardown(store.close)
    const aggregate = { by: ['wiki'], of: ['event.n'] }
    const rules: Rules = { nowMs: Date.now(), mostDays: 36_500, names: [], of: schema => ({ days: schema === 'Old' ? 90 : 36_500, keep: ['wiki'], anonymise: new Map(), aggregate, longer: null }) }
    const works = []
    for await (const { place, rows } of store.purge(rules, new AbortController().signal)) works.push({ place, rows })

    t.strictSame(works, [{ place: 'Old_daily', rows: 1 }, { place: 'Old_1', rows: 1 }])
    const purge = await mysql.createConnection({ socketPath: server.socket, user: 'vanadium_purge', password: 'purges', database: 'log' })
    t.teardown(async () => { await purge.end() })
    for (const statement of ['DROP TABLE Old_1', 'TRUNCATE TABLE Old_1', 'SELECT * FROM mysql.user']) await t.rejects(purge.query(statement), { message: /denied/i }, statement)
  })

  t.test('let the backup read everything and write nothing, and the rehearsal have a database of its own', async t => {
    const link = async (user: string, password: string): Promise<mysql.Connection> => {
      const opened = await mysql.createConnection({ socketPath: server.socket, user, password })
      t.teardown(async () => { await opened.end() })
      return opened
    }
    const [backup, scratch] = [await link('vanadium_backup', 'copies'), await link('vanadium_scratch', 'tries')]

    for (const statement of ['SELECT * FROM log.Counted_1', 'SELECT * FROM log.Other_1', 'SHOW CREATE TABLE log.Counted_1']) await backup.query(statement)
    for (const statement of ["INSERT INTO log.Counted_1 (uuid) VALUES ('x')", 'DELETE FROM log.Counted_1', 'DROP TABLE log.Counted_1', 'SELECT * FROM mysql.user', 'LOCK TABLES log.Counted_1 READ']) await t.rejects(backup.query(statement), { message: /denied/i }, statement)
    for (const statement of ['CREATE DATABASE vanadium_scratch', 'CREATE TABLE vanadium_scratch.a (a INT)', 'DROP DATABASE vanadium_scratch']) await scratch.query(statement)
    for (const statement of ['SELECT * FROM log.Counted_1', 'CREATE DATABASE other', 'CREATE DATABASE vanadiumXscratch', 'DROP DATABASE log']) await t.rejects(scratch.query(statement), { message: /denied/i }, statement)
  })

  t.test('let the canary read its own table, before there is one and afterwards, and nothing else', async t => {
    const canary = await mysql.createConnection({ socketPath: server.socket, user: 'canary', password: 'sings', database: 'log' })
    t.teardown(async () => { await canary.end() })
    await t.rejects(canary.query('SELECT * FROM Canary_1'), { code: 'ER_NO_SUCH_TABLE' })
    await t.rejects(canary.query('CREATE TABLE Canary_1 (n INT)'), { message: /command denied/ })
    const credentials = join(directory, 'canary.cnf')
    writeFileSync(credentials, `[client]\nuser = canary\npassword = sings\nsocket = ${server.socket}\n`, { mode: 0o600 })
    const check = async (): Promise<CheckOutput> => await runCheck('canary', '--send', `file://${join(directory, 'front.log')}`, '--read', `mysql:///log?defaults-file=${credentials}`, '-t', '4')
    const before = await check()

    await server.query('CREATE TABLE Canary_1 (id INT, uuid CHAR(32), timestamp CHAR(14), event_uuid CHAR(32), event_host VARCHAR(255), event_front VARCHAR(255), event_sent BIGINT)', 'log')
    const after = await check()

    t.match(before, { code: 2, line: /^CRITICAL: no table of canaries yet: Table 'log.Canary_1' doesn't exist$/ })
    t.match(after, { code: 2, line: /^CRITICAL: no row after .*, nor any before of this front$/ })
    for (const statement of ['INSERT INTO Canary_1 (id) VALUES (1)', 'DELETE FROM Canary_1', 'DROP TABLE Canary_1', 'SELECT * FROM Counted_1', 'SELECT * FROM vanadium_positions', 'SELECT * FROM mysql.user']) {
      await t.rejects(canary.query(statement), { message: /command denied/ }, statement)
    }
  })

  t.test('let vanadium purge delete, count and strip, in place of the account of the consumer', async t => {
    const host = purgedHost(t, { schemas: { Counted: { retention: { keep: ['event.n'], aggregate: { by: ['wiki'] } } } } })
    host.define('consumers/mysql', '--input tcp://127.0.0.1:8610?as=mysql', `--output mysql:///log?defaults-file=${join(directory, 'my.cnf')}`)
    const credentials = join(directory, 'host.cnf')
    writeFileSync(credentials, `[client]\nuser = vanadium_purge\npassword = purges\nsocket = ${server.socket}\n`, { mode: 0o640 })
    const schemas = ['--schemas', join(directory, 'schemas')]

    const refused = await host.purge(...schemas)
    const done = await host.purge(...schemas, '--defaults-file', credentials)
    const proof = await host.purge(...schemas, '--defaults-file', credentials, '--prove')

    t.match(refused, { code: 1, text: /Not done: .*command denied/ })
    t.equal(done.code, 0, done.text + done.errors)
    t.match(done.text, /Counted_1 +Counted +strip +3 /)
    t.match(done.text, /Other_1 +Other +delete +1 /)
    t.match(await server.query('SELECT event_n, wiki FROM Counted_1 ORDER BY id', 'log'), [{ event_n: 0, wiki: null }, { event_n: 1, wiki: null }, { event_n: 2, wiki: null }])
    t.match(await server.query('SELECT * FROM Counted_daily', 'log'), [{ wiki: /./ }])
    t.equal(proof.code, 0, proof.text + proof.errors)
  })
})
