import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import mysql from 'mysql2/promise'
import t from 'tap'
import { filledHost, needsRsync } from '../../helpers/backed-up-host.js'
import { startDaemon } from '../../helpers/daemon.js'
import { needsMariadb } from '../../helpers/mariadb.js'
import { until } from '../../helpers/wait.js'

const skip = needsMariadb === false ? needsRsync : needsMariadb

t.test('tables that are lost come back, row by row', { skip }, async t => {
  const { host, hour } = await filledHost(t)
  const { mariadb, database } = host
  const restore = async (...args: string[]): ReturnType<typeof host.vanadium> => await host.vanadium('backup', 'restore', '--config', host.config, '--state', host.state, '--into', host.databaseName, ...args)
  const rows = async (): Promise<unknown[]> => await Promise.all(['Edit_1', 'Click_1', 'vanadium_schemas'].map(async table => await mariadb.query(`SELECT * FROM ${table} ORDER BY ${table === 'vanadium_schemas' ? 1 : 'uuid'}`, database).then(rows => rows.map(({ id, ...row }) => row))))
  const lose = async (): Promise<void> => {
    await mariadb.query(`DROP DATABASE ${database}`)
    await mariadb.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`)
  }
  const before = await rows()
  const day = hour.gz.slice(0, 10)
  const dump = join('tables', database, 'Edit_1', `${day}.sql.gz`)

  await t.test('what would be restored is only told', async t => {
    const { code, text } = await restore('--dry-run')
    t.equal(code, 0)
    t.match(text, new RegExp(`^Would be restored from .*/disk:\ntable +days +rows +first +last\nClick_1 +3 +180 +${day} `))
    t.strictSame(await rows(), before)
  })

  await t.test('a table that has rows is refused, and nothing is done', async t => {
    t.match(await restore(), { code: 78, errors: /Click_1, Edit_1, .*have rows already/ })
    t.strictSame(await rows(), before)
  })

  await t.test('all of them, into an empty database; also from a destination that rsync reaches', async t => {
    for (const from of [host.copied('').replace(/\/$/, ''), host.remoteName]) {
      await lose()
      const { code, text, errors } = await restore('--from', from)
      t.equal(code, 0, errors)
      t.match(text, /: 542 rows of 7 days of 3 tables\.\nWhat was restored is what was backed up, row by row\.$/m)
      t.strictSame(await rows(), before)
      t.strictSame(await mariadb.query("SHOW TABLES LIKE 'vanadium_restore'", database), [])
    }
  })

  await t.test('one that somebody dropped, while others are in use', async t => {
    await mariadb.query('DROP TABLE Click_1', database)
    t.match(await restore('--table', 'Click_1'), { code: 0, text: /180 rows of 3 days of 1 tables/ })
    t.strictSame(await rows(), before)
    t.match(await restore('--table', 'Klick_1'), { code: 78, errors: /--table Klick_1: .*there are Click_1, Edit_1/ })
  })

  await t.test('killed, the same command goes on', async t => {
    await lose()
    const holder = await mysql.createConnection({ socketPath: mariadb.socket, user: 'root', database })
    // as if one was interrupted already: tables are not looked into
    await holder.query('CREATE TABLE vanadium_restore (begun DATETIME NOT NULL)')
    await holder.query('CREATE TABLE Edit_1 (id INT)')
    await holder.query('LOCK TABLES Edit_1 WRITE')
    const restoring = startDaemon(t, 'backup', 'restore', '--config', host.config, '--into', host.databaseName)
    const waiting = async (): Promise<boolean> => (await mariadb.query("SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata lock' AND INFO LIKE '%Edit_1%'")).length > 0
    await until('the restore waits for the second table', waiting)
    restoring.child.kill('SIGKILL')
    await restoring.ended
    await holder.query('DROP TABLE Edit_1')
    await holder.end()
    t.strictSame(await mariadb.query('SELECT COUNT(*) AS n FROM Click_1', database), [{ n: 180 }])

    t.match(await restore(), { code: 0, text: /: 542 rows/ })
    t.strictSame(await rows(), before)
  })

  await t.test('a dump that is gone, and one that is not what it was', async t => {
    const bytes = readFileSync(host.copied(dump))
    writeFileSync(host.copied(dump), gzipSync(gunzipSync(bytes).toString().replace("'text of 7'", "'text of 8'")))
    const gone = dump.replace('Edit_1', 'Click_1')
    rmSync(host.copied(gone))
    await lose()
    const { code, text } = await restore()
    t.equal(code, 2)
    t.match(text, new RegExp(`^DAMAGED: .*${day}\\.sql\\.gz: what was restored is not what it was; Edit_1 ${hour.gz}`, 'm'))
    t.match(text, new RegExp(`^MISSING: .*/disk: ${gone}: it is not there`, 'm'))
    t.match(text, /NOT all that was backed up/)
  })

  await t.test('a server that is away, an account that may not write: said, and exit 1', async t => {
    await lose()
    await mariadb.query("CREATE USER reader@'%'")
    await mariadb.query(`GRANT SELECT ON ${database}.* TO reader@'%'`)
    t.match(await host.vanadium('backup', 'restore', '--config', host.config, '--state', host.state, '--into', host.databaseName.replace('root@', 'reader@')), { code: 1, text: /^Not done: .*command denied.*; the same command goes on\.$/m })
  })
})
