import t from 'tap'
import { agree, balanced, feeds, killed } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost, type Way } from '../helpers/installed-host.js'

// one host for all: what comes later finds what was before
t.test('a host on which the package is installed', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)

  t.test('runs nothing before it is told to', async t => {
    t.equal(await host.must('systemctl', 'list-units', '--plain', '--no-legend', 'vanadium*'), '')
    t.equal(await host.must('sh', '-c', 'find /etc/systemd -path "*.wants/vanadium*"'), '')
  })

  t.test('runs the production topology of /etc/vanadium.d, and events come into tables and files', async t => {
    t.match(await host.run('vanadiumctl', 'start'), { code: 0, stdout: /10 of 10 run/ })
    await host.untilActive()
    const sent = await feeds(t, host, 60)
    await host.until('events of both ways are stored', async () => Math.min((await host.stored('server')).length, (await host.stored('client')).length) > 50)
    await sent.stop()

    await balanced(t, host, sent.count)
    await agree(t, host)
    t.equal(host.units().length, 10)
    for (const unit of host.units()) t.equal(await host.show(unit, 'Type'), 'notify', unit)
  })

  t.test('loses nothing and stores nothing twice when a daemon is killed under load, whichever', async t => {
    const sent = await feeds(t, host, 60)
    const [first = '', ...others] = host.units().filter(unit => !/forwarder@(server|client)-side/.test(unit))
    // each alone would take minutes; make chaos does that, too
    await killed(t, host, first)
    for (const role of ['processor', 'consumer', 'monitor']) await Promise.all(others.filter(unit => unit.startsWith(`vanadium-${role}@`)).map(async unit => { await killed(t, host, unit) }))
    await sent.stop()

    await balanced(t, host, sent.count)
    await agree(t, host)
  })

  t.test('loses of what a forwarder of datagrams had taken nothing when that is killed', async t => {
    const sent = await feeds(t, host, 60)
    for (const way of ['server', 'client'] as Way[]) await killed(t, host, `vanadium-forwarder@${way}-side.service`)
    await sent.stop()

    // what was sent while it was away nobody took
    await balanced(t, host)
    await agree(t, host)
  })

  t.test('has logged nothing but JSON, and no error', async t => {
    const lines = await host.logged()

    t.ok(lines.length > 100)
    t.strictSame(lines.filter(({ level }) => level === 'error'), [])
  })
})
