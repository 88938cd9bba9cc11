import { copyFileSync, rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { needsDpkg } from '../helpers/deb.js'
import { builtPackage } from '../helpers/package.js'
import { bootHost, needsSystemdHost, type Outcome, type SystemdHost } from '../helpers/systemd-host.js'

interface Row { readonly name: string, readonly state: string, readonly isWell: boolean, readonly why: string[] }

/** A short topology: each call of vanadiumctl, and each start of a daemon, takes its second. */
const instances = {
  'forwarders/raw': '--input udp://127.0.0.1:8421\n--output tcp://127.0.0.1:8431?journal=raw&replay=8731&subscribers=table\n--count\n',
  'consumers/table': '--input tcp://127.0.0.1:8431?as=table\n--output file:///var/log/vanadium/raw.log\n'
}
const units = ['vanadium-forwarder@raw', 'vanadium-consumer@table']

// one host for all: what comes later finds what was before
t.test('vanadiumctl, on a host on which the package is installed', { skip: needsSystemdHost !== false ? needsSystemdHost : needsDpkg }, async t => {
  const host = await installedHost(t)
  const show = async (unit: string, property: string): Promise<string> => (await host.must('systemctl', 'show', '--property', property, '--value', unit)).trim()
  const ctl = async (...args: string[]): Promise<Outcome> => await host.run('vanadiumctl', ...args)
  const rows = async (): Promise<Row[]> => JSON.parse((await ctl('status', '--json')).stdout) as Row[]

  t.test('start --dry-run says what it would do, and does nothing', async t => {
    const { code, stdout, stderr } = await ctl('start', '--dry-run')

    t.equal(code, 0, stdout + stderr)
    t.equal(stdout.match(/^would enable /mg)?.length, 3)
    t.equal(stdout.match(/^would start /mg)?.length, 2)
    t.equal(await host.must('sh', '-c', 'find /etc/systemd -path "*.wants/vanadium*"'), '')
  })

  t.test('status before that: none runs, and how each is started', async t => {
    const { code, stdout } = await ctl('status')

    t.equal(code, 2)
    t.match(stdout, /^consumer\/table +stopped, not enabled/m)
    t.match(stdout, /^2 of 2 not well: /m)
  })

  t.test('start enables and starts what argument files define; status and check jobs agree that all is well', async t => {
    const { code, stdout, stderr } = await ctl('start')

    t.equal(code, 0, stdout + stderr)
    t.match(stdout, /^2 of 2 run$/m)
    for (const unit of units) t.equal(await show(unit, 'UnitFileState'), 'enabled')
    t.equal(await show('vanadium.target', 'UnitFileState'), 'enabled', 'they start with the host')
    await well(t, host)
    t.match(await host.run('vanadium', 'check', 'jobs'), { code: 0, stdout: /^OK: all 2 instances run/ })
    t.match((await ctl('start')).stdout, /^there is nothing to do$/m)
  })

  t.test('restart restarts who is good, and leaves alone who has a mistake', async t => {
    const file = '/etc/vanadium.d/consumers/table'
    const text = host.read(file)
    const pids = await Promise.all(units.map(async unit => await show(unit, 'MainPID')))
    host.write(file, `${text}--fsync sometimes\n`)

    const { code, stdout } = await ctl('restart')
    host.write(file, text)

    t.equal(code, 78)
    t.match(stdout, new RegExp(`^${file}:3: invalid values; .*sometimes`, 'm'))
    t.match(stdout, /^consumer\/table is left as it is: its configuration is wrong$/m)
    t.match(stdout, /^1 of 1 run$/m)
    const now = await Promise.all(units.map(async unit => await show(unit, 'MainPID')))
    t.strictSame(now.map((pid, at) => pid === pids[at]), [false, true])
  })

  t.test('restart of all: publishers have stopped before their subscribers do, and start after them', async t => {
    const before = await Promise.all(units.map(async unit => await show(unit, 'MainPID')))
    const time = async (unit: string, what: string): Promise<number> => Number(await show(unit, `${what}TimestampMonotonic`))

    t.match(await ctl('restart'), { code: 0, stdout: /^2 of 2 run$/m })

    t.strictSame((await Promise.all(units.map(async unit => await show(unit, 'MainPID')))).map((pid, at) => pid === before[at]), [false, false])
    const [publisher = '', subscriber = ''] = units
    t.ok(await time(publisher, 'InactiveEnter') <= await time(subscriber, 'ActiveExit'), 'stopped')
    t.ok(await time(publisher, 'InactiveExit') >= await time(subscriber, 'ActiveEnter'), 'started')
  })

  t.test('start starts what is new, and stops and disables what is gone', async t => {
    const file = '/etc/vanadium.d/consumers/copy'
    host.write(file, '--input tcp://127.0.0.1:8431?as=copy\n--output file:///var/log/vanadium/copy.log\n')

    const started = await ctl('start')
    t.match(started, { code: 0, stdout: /^enable consumer\/copy\nstart consumer\/copy\n(start, after .*\n)*3 of 3 run\n$/ })

    rmSync(host.path(file))
    t.match((await rows()).find(({ name }) => name === 'consumer/copy'), { state: 'runs', isWell: false, why: [`${file} is gone; vanadiumctl start stops and disables it`] })
    t.match(await ctl('reload'), { code: 0, stdout: /^consumer\/copy: \S+ is gone, and it runs; /m })
    t.match(await ctl('start'), { code: 0, stdout: new RegExp(`^stop and disable consumer/copy: ${file} is gone\n(stop, after .*\n)*2 of 2 run\n$`) })
    t.equal(await show('vanadium-consumer@copy', 'ActiveState'), 'inactive')
    t.equal(await host.must('sh', '-c', 'find /etc/systemd -name "*@copy*"'), '')
  })

  t.test('reload is refused with a mistake anywhere; else it waits until daemons have', async t => {
    host.write('/etc/vanadium/registry.d/bad.yaml', 'schemas:\n  DemoButtonClick:\n    sampling: { rate: 7 }\n')
    const refused = await ctl('reload')
    t.equal(refused.code, 78)
    t.match(refused.stdout, /^\/etc\/vanadium\/registry\.d\/bad\.yaml:3: .*\nnothing is reloaded: the configuration is wrong\n$/)
    rmSync(host.path('/etc/vanadium/registry.d/bad.yaml'))

    const reloads = async (): Promise<number> => (await host.must('journalctl', '--output=cat', '--unit=vanadium-*')).split('"message":"reloaded"').length - 1
    const before = await reloads()
    const { code, stdout, stderr } = await ctl('reload')
    t.equal(code, 0, stdout + stderr)
    t.match(stdout, /^2 of 2 have reloaded$/m)
    t.equal(await reloads(), before + 2)
  })

  t.test('names that mean nothing are refused with those that there are; tail gives JSON lines to programs', async t => {
    t.match(await ctl('stop', 'nobody'), { code: 78, stderr: /there is no instance \\"nobody\\"; there are forwarder\/raw, consumer\/table; / })

    const { code, stdout } = await ctl('tail', 'forwarders', '--follow=false', '--lines', '5')
    const lines = stdout.trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
    t.equal(code, 0)
    t.ok(lines.length > 0)
    for (const { daemon } of lines) t.equal(daemon, 'forwarder')
  })

  t.test('who may not is told so, and that root may', async t => {
    const { code, stderr } = await host.run('runuser', '-u', 'nobody', '--', 'vanadiumctl', 'stop')

    t.equal(code, 78)
    t.match(stderr, /run this as root/)
    t.equal(await show('vanadium-forwarder@raw', 'ActiveState'), 'active')
  })

  t.test('stop waits until all have stopped', async t => {
    const { code, stdout } = await ctl('stop')

    t.equal(code, 0)
    t.match(stdout, /^2 of 2 stopped$/m)
    t.ok((await rows()).every(({ state, isWell }) => state === 'stopped' && !isWell))
    t.match(await ctl('stop'), { code: 0, stdout: 'nothing was running\n' })
  })

  t.test('start neither starts nor enables who has a mistake', async t => {
    const [file, fresh] = ['/etc/vanadium.d/consumers/table', '/etc/vanadium.d/consumers/new']
    host.write(file, `${host.read(file)}--fsync sometimes\n`)
    host.write(fresh, '--input tcp://127.0.0.1:8431?as=new\n--outptu file:///var/log/vanadium/new.log\n')

    const { code, stdout } = await ctl('start')

    t.equal(code, 78)
    t.match(stdout, /^start forwarder\/raw\nconsumer\/new is left as it is: .*\nconsumer\/table is left as it is: .*\n(start, after .*\n)*1 of 1 run\n$/m)
    t.equal(await show('vanadium-forwarder@raw', 'ActiveState'), 'active')
    t.equal(await show('vanadium-consumer@table', 'ActiveState'), 'inactive')
    t.match([await show('vanadium-consumer@new', 'ActiveState'), await show('vanadium-consumer@new', 'UnitFileState')], ['inactive', 'disabled'])
    t.match((await ctl('status')).stdout, /^consumer\/new: \/etc\/vanadium\.d\/consumers\/new:2: unknown argument: outptu/m)
  })
})

/** Without a database; ends with the test. */
async function installedHost (t: Test): Promise<SystemdHost> {
  const host = await bootHost(t)
  // this machine may have, or have had, an installation of its own
  await host.must('sh', '-c', 'rm -rf /var/lib/vanadium /var/log/vanadium /run/vanadium /etc/vanadium /etc/vanadium.d /usr/lib/vanadium /usr/lib/systemd/system/vanadium*')
  copyFileSync(builtPackage(), host.path('/root/vanadium.deb'))
  await host.must('dpkg', '--install', '/root/vanadium.deb')
  await host.must('sh', '-c', 'rm /etc/vanadium.d/*/*')
  for (const [name, text] of Object.entries(instances)) host.write(`/etc/vanadium.d/${name}`, text)
  return host
}

async function well (t: Test, host: SystemdHost): Promise<void> {
  const status = await host.run('vanadiumctl', 'status')

  t.equal(status.code, 0, status.stdout + status.stderr)
  t.match(status.stdout, /^all 2 are well$/m)
}
