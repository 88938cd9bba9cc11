import t from 'tap'
import { agree, agreeing, balanced, feeds } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost } from '../helpers/installed-host.js'

const mysql = 'vanadium-consumer@mysql.service'
const files = 'vanadium-consumer@all-events-log.service'
const argumentFile = '/etc/vanadium.d/consumers/all-events-log'

// one host, whose database is away in the meantime
t.test('a host whose database is away for longer than ten restarts, and than the watchdog waits', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)
  // the one that is shipped is twice as long, and so would be the test
  host.write('/etc/systemd/system/vanadium-consumer@.service.d/watchdog.conf', '[Service]\nWatchdogSec=30\n')
  await host.must('systemctl', 'daemon-reload')
  await host.must('vanadiumctl', 'start')
  await host.untilActive()
  const sent = await feeds(t, host, 40)
  await host.until('events are stored', async () => (await host.stored('server')).length > 0 && (await host.stored('client')).length > 0)
  const pid = await host.show(mysql, 'MainPID')
  await host.must('systemctl', 'stop', 'mariadb')
  const sinceMs = Date.now()
  const jobs = agreeing(host)

  t.test('a wrong argument file is not taken by vanadiumctl: what runs goes on', async t => {
    const [good, runs] = [host.read(argumentFile), await host.show(files, 'MainPID')]
    host.write(argumentFile, good.replace('--output', '--outptu'))
    const line = good.split('\n').findIndex(line => line.startsWith('--output')) + 1

    const refused = await host.run('vanadiumctl', 'restart', 'consumer/all-events-log')
    const check = await host.run('vanadium', 'config', 'check', argumentFile)
    host.write(argumentFile, good)

    t.match(refused, { code: 78, stdout: `${argumentFile}:${line}` })
    t.match(refused.stdout, /outptu/)
    t.match(check, { code: 78, stdout: `${argumentFile}:${line}` })
    t.equal(await host.show(files, 'MainPID'), runs)
    t.equal(await host.show(files, 'ActiveState'), 'active')
  })

  t.test('a daemon with a wrong argument file ends with 78 and is not started again, status names file and line; corrected it starts', async t => {
    const good = host.read(argumentFile)
    host.write(argumentFile, good.replace(/^--output .*$/m, '--output file:///var/log/vanadium/all-events.log?fsnyc=yes'))
    const line = good.split('\n').findIndex(line => line.startsWith('--output')) + 1

    await host.run('systemctl', 'restart', files)
    await host.until('it has failed', async () => await host.show(files, 'ActiveState') === 'failed')
    const restarts = await host.show(files, 'NRestarts')
    const status = await host.run('vanadiumctl', 'status')
    await agree(t, host)

    t.equal(await host.show(files, 'ExecMainStatus'), '78')
    t.equal(status.code, 2)
    t.match(status.stdout, `${argumentFile}:${line}`)
    t.match(status.stdout, /fsnyc/)
    const errors = (await host.logged(files)).filter(({ level }) => level === 'error')
    t.match(errors.filter(({ daemon }) => daemon === 'consumer'), [{ message: /fsnyc/, name: 'all-events-log' }], 'one start, one error')
    t.match(errors.filter(({ daemon }) => daemon !== 'consumer'), [{ message: /fsnyc/, daemon: 'config check' }], 'the check before it says so, too')

    // longer than a restart would take: until the database has been away for long enough
    await host.until('longer than ten restarts and the watchdog', () => Date.now() - sinceMs > awayMs, awayMs + 60_000)
    t.equal(await host.show(files, 'ActiveState'), 'failed')
    t.equal(await host.show(files, 'NRestarts'), restarts, 'systemd has not tried again')

    host.write(argumentFile, good)
    t.match(await host.run('vanadiumctl', 'start'), { code: 0, stdout: /10 of 10 run/ })
    await agree(t, host)
  })

  t.test('the consumer is there all the while, says what it waits for, and catches up', async t => {
    await jobs.end(t)
    t.ok(awayMs > 10 * await milliseconds('RestartUSec') && awayMs > await milliseconds('WatchdogUSec'), 'it was away for long enough')
    t.equal(await host.show(mysql, 'MainPID'), pid, 'the same process')
    t.equal(await host.show(mysql, 'NRestarts'), '0')
    t.match(await host.show(mysql, 'StatusText'), /waiting for/)

    await host.must('systemctl', 'start', 'mariadb')
    await sent.stop()
    await balanced(t, host, sent.count)

    t.equal(await host.show(mysql, 'MainPID'), pid, 'the same process')
    await host.until('all are well', async () => (await host.run('vanadiumctl', 'status')).code === 0)
    await agree(t, host)
  })

  async function milliseconds (property: string): Promise<number> {
    const text = await host.show(mysql, property)
    const parts = [...text.matchAll(/(\d+)(min|s|ms)\b/g)].map(([, n, unit]) => Number(n) * (unit === 'min' ? 60_000 : unit === 's' ? 1000 : 1))
    t.ok(parts.length > 0, `${property}: ${text}`)
    return parts.reduce((sum, ms) => sum + ms, 0)
  }
})

const awayMs = 36_000
