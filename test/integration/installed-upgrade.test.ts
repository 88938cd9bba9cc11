import t from 'tap'
import { laterVersion } from '../helpers/deb.js'
import { agree, balanced, feeds } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost } from '../helpers/installed-host.js'
import { builtPackage } from '../helpers/package.js'

const nextVersion = '99.0.0'
const edited = '/etc/vanadium.d/consumers/all-events-log'
const monitor = 'vanadium-monitor@all.service'

t.test('the package', { skip: needsInstalledHost }, async t => {
  const next = laterVersion(t, builtPackage(), nextVersion, {})
  const host = await installedHost(t)
  host.write(edited, `${host.read(edited)}\n# of this host\n--flush-interval 0.5\n`)
  const text = host.read(edited)
  await host.must('vanadiumctl', 'start')
  await host.untilActive()

  t.test('of a newer version keeps what was edited, restarts what ran and nothing else, and loses nothing', async t => {
    await host.must('vanadiumctl', 'stop', 'monitor/all')
    const running = host.units().filter(unit => unit !== monitor)
    const pids = await Promise.all(running.map(async unit => await host.show(unit, 'MainPID')))
    const sent = await feeds(t, host, 40)
    await host.until('events are stored', async () => (await host.stored('server')).length > 0 && (await host.stored('client')).length > 0)

    await host.install(next)

    t.match(await host.must('dpkg-query', '--show', 'vanadium'), nextVersion)
    t.equal(host.read(edited), text)
    await host.untilActive(running)
    const afterwards = await Promise.all(running.map(async unit => await host.show(unit, 'MainPID')))
    t.strictSame(afterwards.filter(pid => pids.includes(pid)), [], 'what ran was restarted')
    t.equal(await host.show(monitor, 'ActiveState'), 'inactive', 'what was stopped stays so')
    await agree(t, host)
    const before = [(await host.stored('server')).length, (await host.stored('client')).length] as const
    await host.until('events are stored by the new version', async () => (await host.stored('server')).length > before[0] && (await host.stored('client')).length > before[1])
    await host.must('vanadiumctl', 'start')
    await sent.stop()
    // what was sent while the forwarders were restarted nobody took
    await balanced(t, host)
    await agree(t, host)
  })
})
