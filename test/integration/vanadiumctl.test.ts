import { rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { installedHost, needsInstalledHost, type InstalledHost } from '../helpers/installed-host.js'
import type { Outcome } from '../helpers/systemd-host.js'

interface Row { readonly name: string, readonly state: string, readonly isWell: boolean, readonly why: string[] }

// one host for all: what comes later finds what was before
t.test('vanadiumctl, on a host on which the package is installed', { skip: needsInstalledHost }, async t => {
  const host = await installedHost(t)
  const ctl = async (...args: string[]): Promise<Outcome> => await host.run('vanadiumctl', ...args)
  const rows = async (): Promise<Row[]> => JSON.parse((await ctl('status', '--json')).stdout) as Row[]

  t.test('start --dry-run says what it would do, and does nothing', async t => {
    const { code, stdout, stderr } = await ctl('start', '--dry-run')

    t.equal(code, 0, stdout + stderr)
    t.equal(stdout.match(/^would enable /mg)?.length, 10)
    t.equal(stdout.match(/^would start /mg)?.length, 10)
    t.equal(await host.must('sh', '-c', 'find /etc/systemd -path "*.wants/vanadium*"'), '')
  })

  t.test('status before that: none runs, and how each is started', async t => {
    const { code, stdout } = await ctl('status')

    t.equal(code, 2)
    t.match(stdout, /^consumer\/mysql +stopped, not enabled/m)
    t.match(stdout, /^10 of 10 not well: /m)
  })

  t.test('start enables and starts what argument files define; status and check jobs agree that all is well', async t => {
    const { code, stdout, stderr } = await ctl('start')

    t.equal(code, 0, stdout + stderr)
    t.match(stdout, /^10 of 10 run$/m)
    for (const unit of host.units()) t.equal(await host.show(unit, 'UnitFileState'), 'enabled')
    await well(t, host)
    t.match((await ctl('status')).stdout, /^consumer\/mysql +runs .*MiB\n/m)
    t.match((await ctl('start')).stdout, /^there is nothing to do$/m)
  })

  t.test('a mistake keeps restart from its instance; started all the same it fails, and status names file and line', async t => {
    const file = '/etc/vanadium.d/consumers/mysql'
    const text = host.read(file)
    const pid = await host.show('vanadium-consumer@mysql', 'MainPID')
    host.write(file, `${text}\n--fsync sometimes\n`)
    const line = host.read(file).split('\n').indexOf('--fsync sometimes') + 1

    const restarted = await ctl('restart', 'consumers')
    t.equal(restarted.code, 78)
    t.match(restarted.stdout, new RegExp(`^${file}:${line}: invalid values; .*sometimes`, 'm'))
    t.match(restarted.stdout, /^consumer\/mysql is left as it is: its configuration is wrong$/m)
    t.match(restarted.stdout, /^3 of 3 run$/m)
    t.equal(await host.show('vanadium-consumer@mysql', 'MainPID'), pid)

    await host.run('systemctl', 'restart', 'vanadium-consumer@mysql')
    await host.until('it has failed', async () => await host.show('vanadium-consumer@mysql', 'ActiveState') === 'failed')
    const { code, stdout } = await ctl('status')
    t.equal(code, 2)
    t.match(stdout, /^consumer\/mysql +failed: exit code 78, bad configuration/m)
    t.match(stdout, new RegExp(`^consumer/mysql: ${file}:${line}: invalid values; `, 'm'))
    t.match(stdout, /^1 of 10 not well: consumer\/mysql$/m)
    t.match((await host.run('vanadium', 'check', 'jobs')).stdout, /^CRITICAL: consumer mysql is down/)
    t.match((await host.logged('vanadium-consumer@mysql')).at(-1)?.message, `${file}:${line}: invalid values`, 'its own last word says so, too')

    host.write(file, text)
    t.equal((await ctl('start', 'mysql')).code, 0)
    await well(t, host)
  })

  t.test('start starts what is new, and stops and disables what is gone', async t => {
    const file = '/etc/vanadium.d/consumers/copy'
    host.write(file, '--input tcp://127.0.0.1:8600\n--output sqlite:///var/lib/vanadium/copy.sqlite\n')

    const started = await ctl('start')
    t.match(started, { code: 0, stdout: /^enable consumer\/copy\nstart consumer\/copy\n11 of 11 run\n$/ })

    rmSync(host.path(file))
    t.match((await rows()).find(({ name }) => name === 'consumer/copy'), { state: 'runs', isWell: false, why: [`${file} is gone; vanadiumctl start stops and disables it`] })
    t.match(await ctl('reload'), { code: 0, stdout: /^consumer\/copy: \S+ is gone, and it runs; / })
    t.match(await ctl('start'), { code: 0, stdout: new RegExp(`^stop and disable consumer/copy: ${file} is gone\n10 of 10 run\n$`) })
    t.equal(await host.show('vanadium-consumer@copy', 'ActiveState'), 'inactive')
    t.equal(await host.must('sh', '-c', 'find /etc/systemd -name "*@copy*"'), '')
    await well(t, host)
  })

  t.test('reload is refused with a mistake anywhere; else it waits until daemons have', async t => {
    host.write('/etc/vanadium/registry.d/bad.yaml', 'schemas:\n  DemoButtonClick:\n    sampling: { rate: 7 }\n')
    const refused = await ctl('reload')
    t.equal(refused.code, 78)
    t.match(refused.stdout, /^\/etc\/vanadium\/registry\.d\/bad\.yaml:3: .*\nnothing is reloaded: the configuration is wrong\n$/)
    rmSync(host.path('/etc/vanadium/registry.d/bad.yaml'))

    const before = (await host.logged()).filter(({ message }) => message === 'reloaded').length
    const { code, stdout, stderr } = await ctl('reload')
    t.equal(code, 0, stdout + stderr)
    t.match(stdout, /^10 of 10 have reloaded$/m)
    t.equal((await host.logged()).filter(({ message }) => message === 'reloaded').length, before + 10)
  })

  t.test('names that mean nothing are refused with those that there are; tail gives JSON lines to programs', async t => {
    t.match(await ctl('stop', 'nobody'), { code: 78, stderr: /there is no instance \\"nobody\\"; there are forwarder\/all-events, / })

    const { code, stdout } = await ctl('tail', 'processors', '--follow=false', '--lines', '5')
    const lines = stdout.trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
    t.equal(code, 0)
    t.ok(lines.length > 0)
    for (const { daemon } of lines) t.equal(daemon, 'processor')
  })

  t.test('who may not is told so, and that root may', async t => {
    const { code, stderr } = await host.run('runuser', '-u', 'nobody', '--', 'vanadiumctl', 'stop')

    t.equal(code, 78)
    t.match(stderr, /run this as root/)
    await well(t, host)
  })

  t.test('stop waits until all have stopped', async t => {
    const { code, stdout } = await ctl('stop')

    t.equal(code, 0)
    t.match(stdout, /^10 of 10 stopped$/m)
    t.ok((await rows()).every(({ state, isWell }) => state === 'stopped' && !isWell))
    t.match(await ctl('stop'), { code: 0, stdout: 'nothing was running\n' })
  })
})

async function well (t: Test, host: InstalledHost): Promise<void> {
  const status = await host.run('vanadiumctl', 'status')
  const check = await host.run('vanadium', 'check', 'jobs', '--warning-restarts', '2')

  t.equal(status.code, 0, status.stdout + status.stderr)
  t.match(status.stdout, /^all 10 are well$/m)
  t.equal(check.code, 0, check.stdout)
}
