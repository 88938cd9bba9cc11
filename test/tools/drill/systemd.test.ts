import t from 'tap'
import type { DrillReport } from '../../../tools/drill/report.js'
import { installedHost, needsInstalledHost, passwords } from '../../helpers/installed-host.js'

const reports = '/var/lib/vanadium/drills'

t.test('a drill on an installed host ends a unit, and starts it again', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)
  // two consumers of one host share a lease as those of two do
  const own = host.read('/etc/vanadium.d/consumers/mysql').replace(/^(--output mysql:\S+)$/m, '$1&lease=events&lease-seconds=8')
  host.write('/etc/vanadium.d/consumers/mysql', own)
  host.write('/etc/vanadium.d/consumers/other', own.replace('as=mysql', 'as=other').replace('mysql-refused', 'other-refused'))
  await host.must('vanadiumctl', 'start')
  await host.untilActive()
  await host.until('both share the lease', async () => (await host.query('SELECT member FROM vanadium_lease_members')).length === 2)
  await host.must('mariadb', '-e', 'GRANT UPDATE (wanted_by) ON log.vanadium_leases TO canary@localhost')
  host.write('/etc/vanadium/canary.cnf', `[client]\nuser = canary\npassword = ${passwords.CANARY}\n`, 0o600)
  const args = ['drill', 'failover', '--read', 'mysql://127.0.0.1/log?defaults-file=/etc/vanadium/canary.cnf', '--lease', 'events', '--send', 'udp://127.0.0.1:8421', '--within', '60', '--lag', '60', '--no-mail', '--yes', '--again']
  await host.until('a canary is stored', async () => (await host.run('vanadium', 'check', 'canary', '--send', 'udp://127.0.0.1:8421', '--read', args[3] ?? '')).code === 0)

  for (const how of ['stop', 'kill', 'freeze']) {
    await t.test(how, async t => {
      const [[writer = ''] = []] = await host.query('SELECT instance FROM vanadium_leases JOIN vanadium_lease_members USING (name) WHERE member = holder')

      const { code, stdout, stderr } = await host.run('vanadium', ...args, ...how === 'stop' ? [] : ['--how', how], '--json')

      t.equal(code, 0, stdout + stderr)
      const report = JSON.parse(stdout) as DrillReport
      t.match(report, { outcome: 'passed', how, isRestored: true, canaries: { missing: [], doubled: [] } })
      t.match(report.writer, new RegExp(`/${writer}$`))
      t.match((await host.run('systemctl', 'is-active', 'vanadium-consumer@mysql', 'vanadium-consumer@other')).stdout, 'active\nactive\n')
    })
  }

  t.match(await host.must('vanadium', 'check', 'drill'), /^OK: 0 d ago: fail-over drill passed/)
  t.match(await host.must('ls', reports), /^\d{8}T\d{6}Z-failover\.html\n/)
})
