import { copyFileSync, rmSync } from 'node:fs'
import t from 'tap'
import { laterVersion, needsDpkg } from '../helpers/deb.js'
import { builtPackage } from '../helpers/package.js'
import { bootHost, needsSystemdHost } from '../helpers/systemd-host.js'

const files = {
  'forwarders/raw': '--input udp://127.0.0.1:8421\n--output tcp://127.0.0.1:8431?journal=raw&replay=8731&subscribers=table\n--count\n',
  'consumers/table': '--input tcp://127.0.0.1:8431?as=table\n--output file:///var/log/vanadium/raw.log\n'
}
const [forwarder, consumer] = ['vanadium-forwarder@raw.service', 'vanadium-consumer@table.service']

t.test('an upgrade, on a host on which systemd runs', { skip: needsSystemdHost !== false ? needsSystemdHost : needsDpkg }, async t => {
  const host = await bootHost(t)
  const deb = builtPackage()
  copyFileSync(deb, host.path('/root/first.deb'))
  copyFileSync(laterVersion(t, deb, '99.0.0', {}), host.path('/root/later.deb'))
  const pid = async (unit: string): Promise<string> => (await host.must('systemctl', 'show', '--property', 'MainPID', '--value', unit)).trim()
  // this machine may have, or have had, an installation of its own
  await host.must('sh', '-c', 'rm -rf /var/lib/vanadium /var/log/vanadium /run/vanadium /etc/vanadium /etc/vanadium.d /usr/lib/vanadium /usr/lib/systemd/system/vanadium*')
  await host.must('dpkg', '--install', '/root/first.deb')
  rmSync(host.path('/etc/vanadium.d'), { recursive: true })
  for (const [name, text] of Object.entries(files)) host.write(`/etc/vanadium.d/${name}`, text)
  await host.must('vanadiumctl', 'start')

  /** Resolves with what the package itself said; it is installed whatever that is. */
  async function install (deb: string): Promise<string> {
    const { code, stderr } = await host.run('dpkg', '--install', `/root/${deb}.deb`)
    t.equal(code, 0, stderr)
    t.match(await host.must('dpkg', '--status', 'vanadium'), /^Status: install ok installed$/m)
    return stderr.split('\n').filter(line => line.startsWith('vanadium: ') || line.startsWith('/etc/vanadium.d/')).join('\n')
  }

  t.test('leaves a daemon alone whose argument file the new version refuses, says file and line, and restarts the others', async t => {
    const before = [await pid(forwarder), await pid(consumer)] as const
    host.write('/etc/vanadium.d/consumers/table', `${files['consumers/table']}--no-such-option\n`)

    const said = await install('later')

    t.match(said, /^\/etc\/vanadium\.d\/consumers\/table:3: .*no-such-option.*\nvanadium: vanadium-consumer@table\.service is not restarted, [^\n]*$/)
    t.not(await pid(forwarder), before[0])
    t.equal(await pid(consumer), before[1])
    t.equal(await host.must('systemctl', 'is-active', forwarder, consumer), 'active\nactive\n')
    host.write('/etc/vanadium.d/consumers/table', files['consumers/table'])
  })

  t.test('names a daemon that does not start again, restarts the others, and is done all the same', async t => {
    const before = await pid(forwarder)
    host.write(`/etc/systemd/system/${consumer}.d/broken.conf`, '[Service]\nExecStart=\nExecStart=/bin/false\nRestart=no\n')

    const said = await install('first')

    t.equal(said, `vanadium: ${consumer} has failed; systemctl status ${consumer} says why`)
    t.equal(await host.must('systemctl', 'is-active', forwarder), 'active\n')
    t.not(await pid(forwarder), before)
  })

  // seen to fail without deb-systemd-invoke
  t.test('restarts nothing where policy-rc.d forbids it', async t => {
    host.write('/usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755)
    const before = await pid(forwarder)

    await install('later')

    t.equal(await pid(forwarder), before)
    t.equal(await host.must('systemctl', 'is-active', forwarder), 'active\n')
  })
})
