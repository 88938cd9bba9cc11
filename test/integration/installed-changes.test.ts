import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { agree, agreeing, balanced, feeds } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost } from '../helpers/installed-host.js'
import { projectRoot } from '../helpers/shared.js'

t.test('a host on which things change', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)
  host.write('/etc/vanadium/schemas/README', 'schemas of ours\n')
  for (const file of ['processors/server-side', 'processors/client-side', 'consumers/mysql']) {
    host.write(`/etc/vanadium.d/${file}`, `${host.read(`/etc/vanadium.d/${file}`)}\n--schemas /etc/vanadium/schemas\n`)
  }
  await host.must('vanadiumctl', 'start')
  await host.untilActive()

  t.test('knows a new revision after vanadiumctl reload, under load, and no record is lost', async t => {
    const sent = await feeds(t, host, 40)
    const before = await host.stored('server')
    await host.until('events are stored', async () => (await host.stored('server')).length > before.length)
    const pids = await Promise.all(host.units().map(async unit => await host.show(unit, 'MainPID')))

    host.write('/etc/vanadium/schemas/DemoButtonClick/2.yaml', readFileSync(join(projectRoot, 'schemas/DemoButtonClick/1.yaml'), 'utf8'))
    const reloaded = await host.run('vanadiumctl', 'reload')
    t.equal(reloaded.code, 0, reloaded.stdout + reloaded.stderr)
    await sent.revision(2)
    await host.until('events of the new revision are stored', async () => (await host.query('SELECT COUNT(*) FROM DemoButtonClick_2 GROUP BY wiki')).length === 2)
    await sent.stop()

    await balanced(t, host, sent.count)
    await agree(t, host)
    t.strictSame(await Promise.all(host.units().map(async unit => await host.show(unit, 'MainPID'))), pids, 'the same processes')
  })

  t.test('stops in time under load, with everything flushed', async t => {
    const jobs = agreeing(host)
    await feeds(t, host, 40, 2)
    const before = (await host.stored('server')).length
    await host.until('events are stored', async () => (await host.stored('server')).length > before)

    t.match(await host.run('vanadiumctl', 'stop'), { code: 0 })
    await jobs.end(t)

    for (const unit of host.units()) t.match([await host.show(unit, 'ActiveState'), await host.show(unit, 'Result')], ['inactive', 'success'], `${unit}: not killed`)
    await agree(t, host)
    await balanced(t, host)
  })
})
