import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { projectRoot } from '../helpers/shared.js'
import { bootHost, leftBy, needsSystemdHost } from '../helpers/systemd-host.js'
import { until } from '../helpers/wait.js'

t.test('a host of the test\'s own', { skip: needsSystemdHost }, async t => {
  const host = await bootHost(t)

  t.test('runs units, and keeps what they say', async t => {
    host.write('/etc/systemd/system/speaker@.service', '[Service]\nType=oneshot\nUser=nobody\nRemainAfterExit=yes\nExecStart=/bin/echo I am %i\n')
    await host.must('systemctl', 'start', 'speaker@one', 'speaker@two')

    t.match(await host.run('systemctl', 'is-active', 'speaker@three'), { code: 3, stdout: 'inactive\n' })
    await host.until('the journal has it', async () => (await host.must('journalctl', '-u', 'speaker@two', '-o', 'cat')).includes('I am two\n'))
  })

  t.test('gives units credentials that only root can read', async t => {
    host.write('/etc/secret', 'hush', 0o600)
    const said = await host.must('systemd-run', '--quiet', '--wait', '--pipe', '--property', 'User=nobody', '--property', 'LoadCredential=secret:/etc/secret', 'sh', '-c', 'cat $CREDENTIALS_DIRECTORY/secret')

    t.equal(said, 'hush')
  })

  t.test('changes nothing of this machine, and starts nothing that this machine would', async t => {
    host.write('/usr/bin/something', '#!/bin/sh\necho "$@" >&2\nexit 5\n', 0o755)

    t.strictSame(await host.run('something', 'a b', 'c'), { code: 5, stdout: '', stderr: 'a b c\n' })
    t.notOk(existsSync('/usr/bin/something'))
    t.notOk(existsSync('/etc/systemd/system/speaker@.service'))
    t.match(await host.run('sh', '-c', 'echo 1 > /proc/sys/kernel/panic'), { stderr: /Read-only/ })
    t.equal(await host.must('systemctl', 'list-units', '--no-legend', '--plain', '--failed'), '')
    t.notMatch(await host.must('systemctl', 'list-units', '--no-legend', '--plain'), /mariadb|varnish|icinga|carbon|cron|apt/)
  })

  t.test('has a network of its own, in which programs of the test can be', async t => {
    const listening = await host.must('sh', '-c', 'cat /proc/net/tcp /proc/net/udp')
    const program = host.spawn(process.execPath, '-e', `require('net').connect(1, '127.0.0.1').on('error', ({ code }) => { console.log(code, require('fs').existsSync('${projectRoot}')) })`)
    const [line] = await once(createInterface({ input: program.stdout ?? process.stdin }), 'line') as [string]

    t.equal(listening.trim().split('\n').length, 2, 'nobody listens there: only the headings')
    t.equal(line, 'ECONNREFUSED true', 'loopback is up')
  })

  t.test('is gone when it is stopped: processes, mounts, cgroups, directories', async t => {
    host.write('/etc/systemd/system/sleeper.service', '[Service]\nExecStart=/bin/sleep 98765.4\n')
    await host.must('systemctl', 'start', 'sleeper')
    await host.stop()

    t.notOk(existsSync(`/proc/${host.pid}`))
    t.strictSame(leftBy(process.pid), [])
  })
})

t.test('a host ends with a test that is killed, and the next one sweeps up after it', { skip: needsSystemdHost }, async t => {
  const holder = spawn(process.execPath, [join(projectRoot, 'dist/test/fixtures/host-holder.js')], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { holder.kill('SIGKILL') })
  const [pid] = await once(createInterface({ input: holder.stdout }), 'line') as [string]

  t.ok(existsSync(`/proc/${pid}`))
  holder.kill('SIGKILL')
  await until('process 1 is gone', () => !existsSync(`/proc/${pid}`))
  t.notSame(leftBy(holder.pid ?? 0), [], 'a directory or a cgroup')
  await bootHost(t)
  t.strictSame(leftBy(holder.pid ?? 0), [])
})
