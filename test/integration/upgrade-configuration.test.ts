import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { checkRegistry } from '../../lib/registry/registry.js'
import { startDaemon, type Daemon } from '../helpers/daemon.js'
import { projectRoot } from '../helpers/shared.js'

const fixtures = join(projectRoot, 'test', 'fixtures', 'upgrade')
const archives = readdirSync(fixtures).filter(name => name.endsWith('.tar.gz')).sort()

t.test('the argument files and registries that older builds came with are good', async t => {
  // those of today have tests of their own
  const today = join(projectRoot, 'etc', 'vanadium.d')
  const seen = new Set(readdirSync(today).flatMap(role => readdirSync(join(today, role)).map(name => role + readFileSync(join(today, role, name), 'utf8'))))
  const isOf = seen.size
  t.ok(archives.length > 0)

  for (const archive of archives) {
    const shipped = unpack(t, archive)
    for (const role of readdirSync(join(shipped, 'vanadium.d'))) {
      for (const name of readdirSync(join(shipped, 'vanadium.d', role))) {
        const text = readFileSync(join(shipped, 'vanadium.d', role, name), 'utf8')
        if (seen.has(role + text)) continue
        seen.add(role + text)
        const daemon = check(t, role, text, 0o640)
        t.equal(await daemon.ended, 0, `${basename(archive, '.tar.gz')} ${role}/${name}: ${JSON.stringify(daemon.log.slice(-1))}`)
      }
    }
    if (readdirSync(shipped).includes('registry.yaml')) t.doesNotThrow(() => checkRegistry(join(shipped, 'registry.yaml')), archive)
  }
  t.ok(seen.size > isOf + 10)
})

t.test('what older builds let pass and today\'s does not is refused with what to do about it', async t => {
  const exposed = check(t, 'consumers', '--input stdin://\n--output mysql://127.0.0.1/log?defaults-file=/etc/vanadium/my.cnf\n', 0o644)
  const inUri = check(t, 'forwarders', '--input stdin://\n--output tcp://me:sEcReT@127.0.0.1:8600\n', 0o640)
  const open = check(t, 'forwarders', '--input stdin://\n--output tcp://*:8600\n', 0o640)

  t.equal(await open.ended, 78)
  t.match(open.log.at(-1), { level: 'error', message: /is not loopback .*give curve=.* or insecure=true if that is meant$/ })
  t.equal(await exposed.ended, 78)
  t.match(exposed.log.at(-1), { level: 'error', message: /my\.cnf has mode 0644 and belongs to user \d+, but everybody on this host may read it; chmod 0640 / })
  t.equal(await inUri.ended, 78)
  t.match(inUri.log.at(-1), { level: 'error', message: /arguments:2: tcp:\/\/me:\*\*\*@127\.0\.0\.1:8600: a password does not belong on a command line or into an argument file/ })
  t.notMatch(JSON.stringify([exposed.log, inUri.log]), /sEcReT/)
})

function unpack (t: Test, archive: string): string {
  const directory = t.testdir({})
  execFileSync('tar', ['-xzf', join(fixtures, archive), '-C', directory, 'shipped'])
  return join(directory, 'shipped')
}

/** A daemon with an argument file as it is, but for the place of my.cnf, which has the mode. */
function check (t: Test, role: string, text: string, mode: number): Daemon {
  const directory = mkdtempSync(join(tmpdir(), 'vanadium-upgrade-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  const [account, file] = [join(directory, 'my.cnf'), join(directory, 'arguments')]
  writeFileSync(account, '[client]\npassword = sEcReT\n', { mode })
  writeFileSync(file, text.replaceAll('/etc/vanadium/my.cnf', account))
  return startDaemon(t, role.replace(/s$/, ''), `@${file}`, '--config-check')
}
