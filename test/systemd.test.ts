import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { executable } from './helpers/daemon.js'
import { projectRoot } from './helpers/shared.js'

const shipped = join(projectRoot, 'systemd')
const roles = ['forwarder', 'processor', 'consumer', 'monitor']
const timed = ['report', 'owners', 'purge']
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
      Restart: ['always'],
      StartLimitIntervalSec: ['0'],
      RestartPreventExitStatus: ['78'],
      ExecStart: [`/usr/bin/vanadium ${role} --name %i @/etc/vanadium.d/${role}s/%i`],
      PartOf: ['vanadium.target'],
      WantedBy: ['vanadium.target']
    }, role)
    t.ok(Number(settings['TimeoutStopSec']) > 20, 'systemd waits longer than the daemon, which gives up by itself')
    t.notOk(settings['ExecStartPre'], 'of a failing ExecStartPre= systemd does not look at RestartPreventExitStatus=')
  }
})

t.test('the units of the daemons differ in role and order only, and in the credentials of consumers', async t => {
  const [first, ...others] = roles.map(role => readUnit(role).replaceAll(role, 'role').replace(/^\[Unit\][^]*\n(?=\[Service\])/m, '').replace(/\n#[^\n]*(?:\n(?:Load|Set)Credential=.*)+\n/, ''))

  for (const other of others) t.equal(other, first)
})

t.test('what a daemon or a timed command could do to its host is bounded: exposure of 2.0 or better', { skip: needsSystemd }, async t => {
  const directory = install(t)

  for (const unit of [...roles.map(role => `${role}@`), ...timed]) {
    const { status, stdout } = spawnSync('systemd-analyze', ['security', '--no-pager', '--offline=true', '--threshold=20', join(directory, `vanadium-${unit}.service`)], { encoding: 'utf8' })

    t.equal(status, 0, stdout.trim().split('\n').at(-1) ?? unit)
  }
})

t.test('a timed command is run by its timer alone, when it should be, with options that the command takes', { skip: needsSystemd }, async t => {
  for (const [name, next] of [['report', '2014-05-22 00:20:00'], ['owners', '2014-05-21 09:35:00'], ['purge', '2014-05-22 03:15:00']] as const) {
    const service = readFileSync(join(shipped, `vanadium-${name}.service`), 'utf8')
    const calendar = /^OnCalendar=(.*)$/m.exec(readFileSync(join(shipped, `vanadium-${name}.timer`), 'utf8'))?.[1] ?? ''
    const [, command = ''] = /^ExecStart=\/usr\/bin\/vanadium (.*)$/m.exec(service) ?? []

    const { stdout } = spawnSync('systemd-analyze', ['calendar', '--base-time=2014-05-21 09:31:00 UTC', calendar], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } })
    const check = spawnSync(process.execPath, [executable, ...command.split(' '), '--config-check'], { encoding: 'utf8' })

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
