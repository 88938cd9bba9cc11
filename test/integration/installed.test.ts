import t from 'tap'
import { agree, balanced, feeds } from '../helpers/installed-checks.js'
import { installedHost, needsInstalledHost, passwords } from '../helpers/installed-host.js'

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
    const sent = await feeds(t, host, 40)
    await host.until('events of both ways are stored', async () => Math.min((await host.stored('server')).length, (await host.stored('client')).length) > 50)
    await sent.stop()

    await balanced(t, host, sent.count)
    await agree(t, host)
    t.match(await host.run('vanadiumctl', 'status'), { code: 0, stdout: /all 10 are well/ })
    t.equal(host.units().length, 10)
  })

  t.test('knows of each unit when it is ready and whether it works, has it say so in words, and lets it do little', async t => {
    for (const unit of host.units()) {
      t.equal(await host.show(unit, 'Type'), 'notify', unit)
      t.not(await host.show(unit, 'WatchdogUSec'), '0', unit)
      t.match(await host.show(unit, 'StatusText'), /records\/s/, unit)
      const { stdout } = await host.run('systemd-analyze', 'security', '--no-pager', '--threshold=20', unit)
      t.ok(Number(/exposure level for .*: ([\d.]+)/.exec(stdout)?.[1]) <= 2, stdout.trim().split('\n').at(-1) ?? unit)
    }
    t.equal((await host.must('systemctl', 'list-units', '--plain', '--no-legend', '--failed')), '')
  })

  t.test('runs timed commands, with credentials that only root can read', async t => {
    host.write('/etc/vanadium/purge.cnf', `[client]\nuser = vanadium_purge\npassword = ${passwords.PURGE}\n`, 0o600)
    await host.must('systemctl', 'start', 'vanadium-purge')

    t.equal(await host.show('vanadium-purge', 'ExecMainStatus'), '0')
    t.match(await host.must('journalctl', '--output', 'cat', '--unit', 'vanadium-purge'), /^Report: /m)
  })

  t.test('logs JSON and no error; passwords are in no log and no command line', async t => {
    const lines = await host.logged('vanadium-*@*')
    const commands = await host.must('sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')
    const everything = await host.must('journalctl', '--output', 'export') + JSON.stringify(lines)

    t.equal(lines.filter(({ message }) => message === 'ready').length, 10)
    t.strictSame(lines.filter(({ level }) => level === 'error'), [])
    t.match(commands, /vanadium consumer --name mysql/)
    for (const password of Object.values(passwords)) t.notOk((everything + commands).includes(password), password.replace(/./g, '*'))
  })
})
