import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { lockBackup } from '../../../lib/backup/lock.js'
import { backedUpHost, hourOfDay, needsRsync } from '../../helpers/backed-up-host.js'
import { needsMariadb } from '../../helpers/mariadb.js'

const skip = needsMariadb === false ? needsRsync : needsMariadb

t.test('a sample is restored, compared and dropped again', { skip }, async t => {
  const host = await backedUpHost(t)
  await host.store({ 'all.log-20260101': [...host.lines('Edit', hourOfDay(3, 10), 90), ...host.lines('Click', hourOfDay(2, 11), 30)], 'all.log': host.lines('Edit', hourOfDay(1, 10), 60) })
  t.match(await host.backup('run'), { code: 0 })
  const scratch = `mysql://root@127.0.0.1:${host.mariadb.port}/scratch`
  const rehearse = async (...args: string[]): ReturnType<typeof host.backup> => await host.backup('rehearse', '--scratch', scratch, ...args)
  const databases = async (): Promise<string> => JSON.stringify(await host.mariadb.query("SHOW DATABASES LIKE 'scratch%'"))
  const dump = join('tables', host.database, 'Edit_1', `${new Date(hourOfDay(1, 0)).toISOString().slice(0, 10)}.sql.gz`)

  /** As somebody would who can write to a destination: its manifest says the same. */
  function forge (t: Test, path: string, content: Buffer): void {
    for (const [name, changed] of [[path, content], [`${path}.manifest.json`, readFileSync(host.copied(`${path}.manifest.json`), 'utf8').replace(/"sha256":"[0-9a-f]+"/, `"sha256":"${hash('sha256', content)}"`)]] as const) {
      const bytes = readFileSync(host.copied(name))
      t.teardown(() => { writeFileSync(host.copied(name), bytes) })
      writeFileSync(host.copied(name), changed)
    }
  }

  await t.test('what is restored is what it was', async t => {
    const done = await rehearse('--json')
    const { done: counts, ...report } = JSON.parse(done.text) as { done: { rows: number, lines: number, tables: number }, outcome: string, findings: unknown[], from: string }
    t.match(report, { outcome: 'done', from: join(host.directory, 'disk') })
    t.strictSame(report.findings, [])
    t.match(counts, { lines: 60 })
    t.ok(counts.rows >= 90, `${counts.rows} rows: a day of both tables, and what vanadium notes for itself`)
    t.equal(done.code, 0)
    t.equal(await databases(), '[]', 'it was dropped')
  })

  await t.test('more of it, also from an rsync destination', async t => {
    const done = await rehearse('--sample', '2', '--from', host.remoteName)
    t.match(done, { code: 0, text: /180 lines of 2 archives\.\nWhat was restored is what it was\.$/m })
  })

  await t.test('a dump that has lost a row, a line that no processor would take', async t => {
    forge(t, dump, gzipSync(gunzipSync(readFileSync(host.copied(dump))).toString().replace(/'text of 7'/, "'text of 8'")))
    const archive = host.copied(join('files', readdirSync(host.copied('files')).find(name => name.startsWith('all.log-2') && !/20260101|manifest/.test(name)) ?? ''))
    const lines = readFileSync(archive, 'utf8')
    writeFileSync(archive, lines.replace('"seqId":123', '"seqId":999'))
    t.teardown(() => { writeFileSync(archive, lines) })
    const { code, text: printed } = await rehearse()
    t.equal(code, 2)
    t.match(printed, /^DAMAGED: .*: tables\/.*\/Edit_1\/.*\.sql\.gz: what was restored is not what it was; Edit_1 \d{4}-\d\d-\d\dT10$/m)
    t.match(printed, /^DAMAGED: .*: files\/.*: a processor would not take all of its lines: its uuid is [0-9a-f]{32}, and should be [0-9a-f]{32}; line 3$/m)
    t.match(printed, /NOT what it was/)
  })

  await t.test('a dump that is not what its manifest says is not read', async t => {
    const bytes = readFileSync(host.copied(dump))
    t.teardown(() => { writeFileSync(host.copied(dump), bytes) })
    writeFileSync(host.copied(dump), gzipSync('DROP TABLE Edit_1;\n'))
    const { code, text } = await rehearse()
    t.equal(code, 2)
    t.match(text, new RegExp(`^DAMAGED: .*: ${dump}: it cannot be restored: its bytes are not those of its manifest\nDAMAGED: .*: ${dump}: what was restored is not what it was; Edit_1 \\d{4}-\\d\\d-\\d\\dT10 \\(60\\)$`, 'm'))
  })

  await t.test('what is meant for the client and not for the server is refused, and nothing is run', async t => {
    const ran = join(host.directory, 'ran')
    const schema = join(dirname(dump), 'schema.sql')
    forge(t, schema, Buffer.from(`\\! touch ${ran}\n${readFileSync(host.copied(schema), 'utf8')}`))
    const { code, text } = await rehearse()
    t.equal(code, 2)
    t.match(text, new RegExp(`^DAMAGED: .*: ${schema}: it cannot be restored: .*sandbox`, 'm'))
    t.notOk(existsSync(ran))
  })

  await t.test('not beside another command of backups', async t => {
    t.teardown(lockBackup(host.staged('')))
    t.match(await rehearse(), { code: 78, errors: /is in use by another vanadium backup/ })
  })

  await t.test('a database with tables of somebody else is left alone', async t => {
    await host.mariadb.query('CREATE DATABASE scratch')
    await host.mariadb.query('CREATE TABLE mine (a INT)', 'scratch')
    t.match(await rehearse(), { code: 78, errors: /that database has tables that no rehearsal made, as mine/ })
    t.strictSame(await host.mariadb.query('SHOW TABLES', 'scratch'), [{ Tables_in_scratch: 'mine' }])
    await host.mariadb.query('DROP DATABASE scratch')
  })

  await t.test('one that a rehearsal has left is used, and the one that is backed up never is', async t => {
    await host.mariadb.query('CREATE DATABASE scratch')
    await host.mariadb.query('CREATE TABLE vanadium_rehearsal (made DATETIME)', 'scratch')
    t.match(await rehearse(), { code: 0 })
    t.equal(await databases(), '[]')
    t.match(await host.backup('rehearse', '--scratch', host.databaseName), { code: 78 })
    t.strictSame(await host.mariadb.query('SELECT COUNT(*) AS n FROM Edit_1', host.database), [{ n: 150 }])
  })
})
