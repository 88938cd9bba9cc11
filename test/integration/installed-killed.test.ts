import t from 'tap'
import { agree, agreeing, balanced, feeds, gaps, killed } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost, type Way } from '../helpers/installed-host.js'

t.test('a host whose daemons are killed under load', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)
  await host.must('vanadiumctl', 'start')
  await host.untilActive()

  t.test('has them started again, whichever it was, and loses nothing and stores nothing twice', async t => {
    const jobs = agreeing(host)
    const sent = await feeds(t, host, 40)
    const [first = '', ...others] = host.units().filter(unit => !/forwarder@(server|client)-side/.test(unit))
    // each alone would take minutes; make chaos does that, too
    await killed(t, host, first)
    for (const role of ['processor', 'consumer', 'monitor']) await Promise.all(others.filter(unit => unit.startsWith(`vanadium-${role}@`)).map(async unit => { await killed(t, host, unit) }))
    await sent.stop()
    await jobs.end(t)

    await balanced(t, host, sent.count)
    await agree(t, host)
  })

  t.test('loses nothing of what the forwarders of datagrams had taken when those are killed', async t => {
    const sent = await feeds(t, host, 40)
    await Promise.all((['server', 'client'] as Way[]).map(async way => { await killed(t, host, `vanadium-forwarder@${way}-side.service`) }))
    await sent.stop()

    // what was sent while they were away nobody took
    await balanced(t, host)
    await gaps(t, host, sent.count, 1)
    await agree(t, host)
    t.strictSame((await host.logged()).filter(({ level }) => level === 'error'), [])
  })
})
