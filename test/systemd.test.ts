import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { executable } from './helpers/daemon.js'
import { projectRoot } from './helpers/shared.js'

const shipped = join(projectRoot, 'systemd')
const roles = ['forwarder', 'processor', 'consumer', 'monitor']
const needsSystemd = spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'needs systemd-analyze: Debian package systemd'

t.test('systemd takes the units of the production topology as they are, and finds no circle in their order', { skip: needsSystemd }, async t => {
  const directory = install(t)

  t.equal(verify(directory), '')
})

t.test('a misspelt setting, a missing executable and a circle would be found', { skip: needsSystemd }, async t => {
  const misspelt = install(t, (_name, unit) => unit.replace('RestartSec=', 'RestartSecs='))
  const missing = install(t, (_name, unit) => unit.replaceAll(process.execPath, '/nonexistent/vanadium'))
  const circle = install(t, (name, unit) => name === 'vanadium-processor@.service' ? unit.replace('[Service]', 'After=vanadium-forwarder@%i.service\n[Service]') : unit)

  t.match(verify(misspelt), /Unknown key.* 'RestartSecs'/)
  t.match(verify(missing), /\/nonexistent\/vanadium is not executable/)
  t.match(verify(circle), /ordering cycle/)
})

t.test('a daemon is started again however often it ends, but not when its configuration is wrong', async t => {
  for (const role of roles) {
    const settings = settingsOf(role)

    t.match(settings, {
      Type: ['notify'],
      NotifyAccess: ['main'],
      WatchdogSec: ['1min'],
      LimitCORE: ['0'],
      Restart: ['always'],
      StartLimitIntervalSec: ['0'],
      RestartPreventExitStatus: ['78'],
      ExecStart: [`/usr/bin/vanadium ${role} --name %i @/etc/vanadium.d/${role}s/%i`],
      PartOf: ['vanadium.target'],
      WantedBy: ['vanadium.target']
    }, role)
    t.ok(Number(settings['TimeoutStopSec']) > 20, 'systemd waits longer than the daemon, which gives up by itself')
    t.match(settings['ExecStartPre'], [`-/usr/bin/vanadium config check --log /etc/vanadium.d/${role}s/%i`], 'of a failing ExecStartPre= systemd does not look at RestartPreventExitStatus=')
    t.match(settings['ExecReload'], [`/usr/bin/vanadium config check --all --log /etc/vanadium.d/${role}s/%i`, '/bin/kill -HUP $MAINPID'], 'the check comes first')
  }
})

t.test('the units of the daemons differ in role and order only, and in the credentials of consumers', async t => {
  const [first, ...others] = roles.map(role => readUnit(role).replaceAll(role, 'role').replace(/^\[Unit\][^]*\n(?=\[Service\])/m, '').replace(/\n#[^\n]*(?:\n(?:Load|Set)Credential=.*)+/, ''))

  for (const other of others) t.equal(other, first)
})

t.test('make check prints how exposed a host is by each unit, and fails when that gets worse', { skip: needsSystemd }, async t => {
  const shut = 'ProtectKernelLogs=yes\n'
  const units = (change: (unit: string) => string): string => {
    const directory = mkdtempSync(join(tmpdir(), 'vanadium-units-'))
    t.teardown(() => { rmSync(directory, { recursive: true }) })
    for (const name of ['vanadium-monitor@.service', 'exposure.txt']) cpSync(join(shipped, name), join(directory, name))
    const file = join(directory, 'vanadium-monitor@.service')
    writeFileSync(file, change(readFileSync(file, 'utf8')))
    return directory
  }

  const as = exposure(shipped)
  t.equal(as.status, 0, as.stdout + as.stderr)
  for (const name of readdirSync(shipped).filter(name => name.endsWith('.service'))) t.match(as.stdout, new RegExp(`${name} +[012]\\.\\d`), name)
  if (as.stdout.includes('not compared')) return

  const worse = exposure(units(unit => unit.replace(shut, '')))
  t.equal(worse.status, 1)
  t.match(worse.stdout, /vanadium-monitor@\.service +[12]\.\d {2}worse than 1\.\d/)
  const bad = exposure(units(unit => unit.replace(/^(?:Private|Protect|Restrict|SystemCall).*\n/gm, '')))
  t.equal(bad.status, 1)
  t.match(bad.stdout, /vanadium-monitor@\.service +[3-9]\.\d {2}above 2\.0/)
  const better = units(unit => unit.replace(shut, `${shut}PrivateNetwork=yes\nIPAddressDeny=any\n`))
  t.equal(exposure(better).status, 0)
  t.match(exposure(better).stdout, /vanadium-monitor@\.service +[01]\.\d {2}better than 1\.\d; \.ci\/exposure --take-over keeps it so/)
  t.equal(exposure('--take-over', better).status, 0)
  t.notMatch(exposure(better).stdout, /better/)
  const unknown = units(unit => unit)
  rmSync(join(unknown, 'exposure.txt'))
  t.equal(exposure(unknown).status, 1)
  t.match(exposure(unknown).stdout, /not in .*exposure\.txt/)
})

t.test('where systemd-analyze is missing, make check says so; in CI it fails', async t => {
  // with all that the script needs, and no systemd
  const directory = t.testdir({})
  for (const command of ['bash', 'dirname']) symlinkSync(spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim(), join(directory, command))
  const run = (CI: string): ReturnType<typeof exposure> => spawnSync(join(projectRoot, '.ci', 'exposure'), { encoding: 'utf8', env: { PATH: directory, CI } })

  t.match(run(''), { status: 0, stderr: /not looked at, systemd-analyze is missing/ })
  t.match(run('true'), { status: 1, stderr: /not looked at, systemd-analyze is missing/ })
})

t.test('a timed command is run by its timer alone, when it should be, with options that the command takes', { skip: needsSystemd }, async t => {
  for (const [name, next] of [['report', '2014-05-22 00:20:00'], ['owners', '2014-05-21 09:35:00'], ['purge', '2014-05-22 03:15:00'], ['backup', '2014-05-22 05:15:00'], ['backup-verify', '2014-05-25 09:15:00'], ['backup-rehearse', '2014-06-02 09:15:00']] as const) {
    const service = readFileSync(join(shipped, `vanadium-${name}.service`), 'utf8')
    const calendar = /^OnCalendar=(.*)$/m.exec(readFileSync(join(shipped, `vanadium-${name}.timer`), 'utf8'))?.[1] ?? ''
    const [, command = ''] = /^ExecStart=\/usr\/bin\/vanadium (.*)$/m.exec(service) ?? []

    const { stdout } = spawnSync('systemd-analyze', ['calendar', '--base-time=2014-05-21 09:31:00 UTC', calendar], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } })
    const check = spawnSync(process.execPath, [executable, ...command.split(' '), ...name.startsWith('backup') ? ['--config', join(projectRoot, 'etc', 'vanadium', 'backup.yaml.example')] : [], '--config-check'], { encoding: 'utf8' })

    t.match(stdout, new RegExp(`Next elapse: \\w+ ${next} UTC`))
    t.match(service, /^Type=oneshot$/m)
    t.notMatch(service, /WantedBy=/)
    t.equal(check.status, 0, check.stderr)
  }
})

t.test('a credential whose file is missing keeps no unit from starting, and none is given to who has no use for it', async t => {
  const units = readdirSync(shipped).filter(name => name.endsWith('.service')).map(name => ({ name, text: readFileSync(join(shipped, name), 'utf8') }))
  for (const { name, text } of units) {
    const loaded = [...text.matchAll(/^LoadCredential=([^:]+):(.*)$/gm)].map(([, id = '', path]) => [id, path])
    const set = [...text.matchAll(/^SetCredential=([^:]+):(.*)$/gm)].map(([, id = '', value]) => [id, value])
    t.strictSame(set, loaded.map(([id]) => [id, '-']), name)
    t.strictSame(loaded.map(([, path]) => path), loaded.map(([id]) => `/etc/vanadium/${id}`), name)
  }

  const given = Object.fromEntries(units.map(({ name, text }) => [name, [...text.matchAll(/^LoadCredential=([^:]+):/gm)].map(([, id]) => id)]).filter(([, ids]) => ids?.length !== 0))
  t.strictSame(given, {
    'vanadium-backup-rehearse.service': ['scratch.cnf', 'rsync-password'], 'vanadium-backup-verify.service': ['backup.cnf', 'rsync-password'], 'vanadium-backup.service': ['backup.cnf', 'rsync-password'],
    'vanadium-consumer@.service': ['my.cnf'], 'vanadium-owners.service': ['smtp-password'], 'vanadium-purge.service': ['purge.cnf', 'my.cnf'], 'vanadium-report.service': ['smtp-password']
  })
})

/** A unit directory like that of an installed host on which every instance of etc/vanadium.d is enabled. */
function install (t: Test, change: (name: string, unit: string) => string = (_name, unit) => unit): string {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-units-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  cpSync(join(projectRoot, 'etc', 'systemd', 'system'), directory, { recursive: true })
  for (const name of readdirSync(shipped).filter(name => /\.(service|target|timer)$/.test(name))) {
    const unit = readFileSync(join(shipped, name), 'utf8').replaceAll('/usr/bin/vanadium', process.execPath)
    writeFileSync(join(directory, name), change(name, unit))
  }
  const wants = join(directory, 'vanadium.target.wants')
  mkdirSync(wants)
  for (const role of roles) {
    for (const instance of readdirSync(join(projectRoot, 'etc', 'vanadium.d', `${role}s`))) {
      symlinkSync(`../vanadium-${role}@.service`, join(wants, `vanadium-${role}@${instance}.service`))
    }
  }
  return directory
}

function exposure (...args: string[]): { status: number | null, stdout: string, stderr: string } {
  return spawnSync(join(projectRoot, '.ci', 'exposure'), args, { encoding: 'utf8' })
}

/** What systemd has to say about our units; it mentions others of the host too. */
function verify (directory: string): string {
  const units = readdirSync(directory).filter(name => /\.(service|target|timer)$/.test(name)).map(name => join(directory, name))
  const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], { encoding: 'utf8' })
  return (stdout + stderr).split('\n').filter(line => line.includes('vanadium')).join('\n')
}

function readUnit (role: string): string {
  return readFileSync(join(shipped, `vanadium-${role}@.service`), 'utf8')
}

function settingsOf (role: string): Record<string, string[]> {
  const settings: Record<string, string[]> = {}
  for (const [, name = '', value = ''] of readUnit(role).matchAll(/^(\w+)=(.*)$/gm)) (settings[name] ??= []).push(value)
  return settings
}
