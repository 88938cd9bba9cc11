import { readdirSync } from 'node:fs'
import t from 'tap'
import { editTable, eventLine, insertRows } from '../helpers/backup-host.js'
import { credentialsOf, installedHost, needsInstalledHost, passwords } from '../helpers/installed-host.js'
import { findProgram } from '../helpers/programs.js'

const needed = needsInstalledHost !== false ? needsInstalledHost : findProgram('rsync') === undefined ? 'needs rsync: Debian package rsync' : false

t.test('the unit of the backup, as it is shipped, on a host with the package', { skip: needed }, async t => {
  const host = await installedHost(t)
  const ms = Date.now() - 2 * 86_400_000
  const sql = [editTable, insertRows(0, 100, ms)].join(';\n')
  host.write('/root/rows.sql', sql)
  await host.must('sh', '-c', 'mariadb log < /root/rows.sql')
  host.write('/var/log/vanadium/all-events.log-20261101', eventLine(ms, 1) + eventLine(ms, 2))
  await host.must('chown', 'vanadium:vanadium', '/var/log/vanadium/all-events.log-20261101')
  await host.must('cp', '/etc/vanadium/backup.yaml.example', '/etc/vanadium/backup.yaml')
  host.write('/etc/vanadium/backup.cnf', credentialsOf(host, 'vanadium_backup', passwords.BACKUP), 0o600)
  await host.must('install', '-d', '-o', 'vanadium', '/backup', '/backup/vanadium')

  await t.test('it backs up what the example says, as a user who may not read the password, and leaves none behind', async t => {
    t.match(await host.run('vanadium', 'config', 'check', '--all'), { code: 0 })

    const { code } = await host.run('systemctl', 'start', 'vanadium-backup')

    const log = await host.must('journalctl', '--unit', 'vanadium-backup', '--output', 'cat')
    t.equal(code, 0, log)
    t.match(log, /Tables: \d+ dumps made \(\d+ rows, .*\n.*Files: 1 files made \(2 lines/)
    const names = readdirSync(host.path('/backup/vanadium'), { recursive: true }) as string[]
    t.match(names, /tables\/log\/Edit_1\/\d{4}-\d\d-\d\d\.sql\.gz/)
    t.ok(names.includes('files/all-events.log-20261101.manifest.json'))
    const places = ['/var/backups/vanadium', '/backup', '/var/lib/vanadium']
    t.match(await host.run('grep', '-rq', passwords.BACKUP, ...places), { code: 1 }, 'the password is in no file')
    t.match(await host.run('sh', '-c', `find ${places.join(' ')} -name '*.gz' -exec zgrep -q ${passwords.BACKUP} {} + `), { code: 1 }, 'nor in what is compressed')
    t.notMatch(log, passwords.BACKUP)
  })

  await t.test('one that fails is seen by systemd; the timers can be enabled', async t => {
    await host.must('sh', '-c', "mariadb log -e 'DELETE FROM Edit_1 WHERE event_n = 5'")
    await host.run('systemctl', 'start', 'vanadium-backup')

    t.equal(await host.show('vanadium-backup.service', 'Result'), 'exit-code')
    t.equal(await host.show('vanadium-backup.service', 'ExecMainStatus'), '2')
    await host.must('systemctl', 'enable', '--now', 'vanadium-backup.timer', 'vanadium-backup-verify.timer', 'vanadium-backup-rehearse.timer')
    t.equal(await host.show('vanadium-backup.timer', 'ActiveState'), 'active')
  })

  await t.test('what is copied can be restored as the page says', async t => {
    host.write('/etc/vanadium/restore.cnf', '[client]\nuser = root\n', 0o600)
    await host.must('sh', '-c', 'zcat /var/backups/vanadium/tables/log/Edit_1/*.sql.gz | mariadb --defaults-extra-file=/etc/vanadium/restore.cnf log')

    t.strictSame(await host.query('SELECT COUNT(*) FROM Edit_1'), [['100']])
    await host.must('systemctl', 'start', 'vanadium-backup')
  })
})
