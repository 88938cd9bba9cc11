import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { agree, balanced, feeds } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost } from '../helpers/installed-host.js'
import { projectRoot } from '../helpers/shared.js'

t.test('a host on which things change', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)
  host.write('/etc/vanadium/schemas/README', 'schemas of ours\n')
  for (const file of ['processors/server-side', 'processors/client-side', 'consumers/mysql']) {
    host.write(`/etc/vanadium.d/${file}`, `${host.read(`/etc/vanadium.d/${file}`)}\n--schemas /etc/vanadium/schemas\n`)
  }
  // the one that is shipped is for machines with more to do than this one
  for (const role of ['forwarder', 'processor', 'consumer', 'monitor']) host.write(`/etc/systemd/system/vanadium-${role}@.service.d/watchdog.conf`, '[Service]\nWatchdogSec=20\n')
  await host.must('systemctl', 'daemon-reload')
  await host.must('vanadiumctl', 'start')
  await host.untilActive()

  t.test('starts a daemon that hangs again, one of each role, and nothing is lost', async t => {
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

    await balanced(t, host, sent.count)
    await agree(t, host)
    t.strictSame(await restarted(), stopped.toSorted(), 'those and no others')
  })

  t.test('knows a new revision after vanadiumctl reload, under load, and no record is lost', async t => {
    const sent = await feeds(t, host, 40)
    const before = await host.stored('server')
    await host.until('events are stored', async () => (await host.stored('server')).length > before.length)
    const pids = await Promise.all(host.units().map(async unit => await host.show(unit, 'MainPID')))

    host.write('/etc/vanadium/schemas/DemoButtonClick/2.yaml', readFileSync(join(projectRoot, 'schemas/DemoButtonClick/1.yaml'), 'utf8'))
    t.match(await host.run('vanadiumctl', 'reload'), { code: 0 })
    await sent.revision(2)
    await host.until('events of the new revision are stored', async () => (await host.query('SELECT COUNT(*) FROM DemoButtonClick_2 GROUP BY wiki')).length === 2)
    await sent.stop()

    await balanced(t, host, sent.count)
    await agree(t, host)
    t.strictSame(await Promise.all(host.units().map(async unit => await host.show(unit, 'MainPID'))), pids, 'the same processes')
  })

  t.test('stops in time under load, with everything flushed', async t => {
    await feeds(t, host, 40, 2)
    const before = (await host.stored('server')).length
    await host.until('events are stored', async () => (await host.stored('server')).length > before)

    t.match(await host.run('vanadiumctl', 'stop'), { code: 0 })

    for (const unit of host.units()) t.match([await host.show(unit, 'ActiveState'), await host.show(unit, 'Result')], ['inactive', 'success'], `${unit}: not killed`)
    await agree(t, host)
    await balanced(t, host)
  })

  async function restarted (): Promise<string[]> {
    const found = await Promise.all(host.units().map(async unit => await host.show(unit, 'NRestarts') === '0' ? [] : [unit]))
    return found.flat().sort()
  }
})
