import t from 'tap'
import { agree, agreeing, balanced, feeds } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost } from '../helpers/installed-host.js'

t.test('a host on which daemons hang', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)
  // the one that is shipped is for machines with more to do than this one
  for (const role of ['forwarder', 'processor', 'consumer', 'monitor']) host.write(`/etc/systemd/system/vanadium-${role}@.service.d/watchdog.conf`, '[Service]\nWatchdogSec=20\n')
  await host.must('systemctl', 'daemon-reload')
  await host.must('vanadiumctl', 'start')
  await host.untilActive()

  t.test('starts a daemon that hangs again, one of each role, and nothing is lost', async t => {
    const jobs = agreeing(host)
    const sent = await feeds(t, host, 40)
    await host.until('events are stored', async () => (await host.stored('server')).length > 0 && (await host.stored('client')).length > 0)
    const stopped = ['forwarder@all-events', 'processor@server-side', 'consumer@mysql', 'monitor@all'].map(name => `vanadium-${name}.service`)
    const pids = await Promise.all(stopped.map(async unit => await host.show(unit, 'MainPID')))
    await host.must('kill', '-STOP', ...pids)
    for (const [i, unit] of stopped.entries()) {
      await host.until(`${unit} was started again`, async () => await host.show(unit, 'NRestarts') === '1' && await host.show(unit, 'ActiveState') === 'active', 120_000)
      t.not(await host.show(unit, 'MainPID'), pids[i])
      t.match(await host.must('journalctl', '--output', 'cat', '--unit', unit), /Watchdog timeout/)
    }
    await sent.stop()
    await jobs.end(t)

    await balanced(t, host, sent.count)
    await agree(t, host)
    t.strictSame(await restarted(), stopped.toSorted(), 'those and no others')
  })

  async function restarted (): Promise<string[]> {
    const found = await Promise.all(host.units().map(async unit => await host.show(unit, 'NRestarts') === '0' ? [] : [unit]))
    return found.flat().sort()
  }
})
