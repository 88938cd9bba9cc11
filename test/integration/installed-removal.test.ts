import { existsSync, readdirSync } from 'node:fs'
import t from 'tap'
import { agree, balanced, feeds } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost } from '../helpers/installed-host.js'
import { builtPackage } from '../helpers/package.js'

const edited = '/etc/vanadium.d/consumers/all-events-log'

// one host for all: what comes later finds what was before
t.test('the package', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)
  host.write(edited, `${host.read(edited)}\n# of this host\n`)
  const text = host.read(edited)
  await host.must('vanadiumctl', 'start')
  await host.untilActive()

  t.test('removed while events flow, leaves configuration and data, and nothing that runs', async t => {
    const sent = await feeds(t, host, 40)
    await host.until('events are stored', async () => (await host.stored('server')).length > 0 && (await host.stored('client')).length > 0)

    await host.must('dpkg', '--remove', 'vanadium')
    await sent.stop()

    t.equal(await processes(), '')
    t.equal(await host.must('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'vanadium*@*'), '')
    t.equal(host.read(edited), text)
    t.equal(states().length, 10, 'the state of each instance')
    t.ok((await host.stored('server')).length > 0)
  })

  t.test('installed again, goes on where it was', async t => {
    await host.install(builtPackage())
    await host.must('vanadiumctl', 'start')
    await host.untilActive()
    const sent = await feeds(t, host, 40)
    const before = (await host.stored('server')).length
    await host.until('events are stored', async () => (await host.stored('server')).length > before)
    await sent.stop()

    await balanced(t, host)
    await agree(t, host)
  })

  t.test('purged, takes what it brought, keeps events and secrets, and says so', async t => {
    const { code, stdout, stderr } = await host.run('dpkg', '--purge', 'vanadium')

    t.equal(code, 0, stderr)
    t.match(stdout + stderr, /kept.*\/var\/lib\/vanadium/s)
    t.equal(await processes(), '')
    t.notOk(existsSync(host.path(edited)))
    t.notOk(existsSync(host.path('/usr/lib/vanadium')))
    t.ok(existsSync(host.path('/etc/vanadium/my.cnf')))
    t.equal(states().length, 10)
    t.ok(existsSync(host.path('/var/log/vanadium/all-events.log')))
  })

  async function processes (): Promise<string> {
    return await host.must('find', '/proc', '-maxdepth', '1', '-name', '[0-9]*', '-user', 'vanadium')
  }

  function states (): string[] {
    return readdirSync(host.path('/var/lib/vanadium')).filter(name => /^(forwarder|processor|consumer|monitor)-.*\.sqlite$/.test(name))
  }
})
