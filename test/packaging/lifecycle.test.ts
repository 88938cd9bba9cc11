import { copyFileSync } from 'node:fs'
import t from 'tap'
import { laterVersion, needsDpkg } from '../helpers/deb.js'
import { needsOwnRoot, ownRoot } from '../helpers/own-root.js'
import { builtPackage } from '../helpers/package.js'

const event = '1 EventLogging {"schema":"DemoButtonClick","revision":1,"wiki":"testwiki","recvFrom":"me","timestamp":1400000000,"event":{"button":"save","clicks":1}}'
const line = '--flush-interval 1\n'

t.test('the package on a host on which no systemd runs', { skip: needsOwnRoot === false ? needsDpkg : needsOwnRoot }, async t => {
  const host = await ownRoot(t)
  const deb = builtPackage()
  const put = (file: string, name: string): void => { copyFileSync(file, host.path(`/tmp/${name}.deb`)) }
  put(deb, 'first')
  put(laterVersion(t, deb, '8.0.0', {
    'etc/vanadium.d/consumers/all-events-log': text => text + line,
    'etc/vanadium/registry.yaml': text => `${text}# new\n`
  }), 'second')
  put(laterVersion(t, deb, '9.0.0', { 'etc/vanadium.d/consumers/mysql': text => text + line, 'etc/vanadium.d/monitors/all': text => text + line }), 'third')
  const cat = (path: string): string => host.run(`cat ${path}`)
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(host.run('dpkg -s vanadium'))?.[1]
  const everywhere = 'find /etc /usr /var/lib /var/log /run -xdev -name "*vanadium*" | sort'
  // what other tests, or an operator, may have left on this machine
  host.run('rm -rf /etc/vanadium /etc/vanadium.d /var/lib/vanadium /var/log/vanadium')
  const before = host.run(everywhere)
  // not what takes long and is not looked at
  host.run('echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/fast && rm -f /var/lib/man-db/auto-update')

  t.test('is installed: user, directories, nothing enabled', async t => {
    // from here on it is there: none that the libraries are compiled for
    host.run('printf "#!/bin/sh\\nexit 9\\n" > /usr/local/bin/node && chmod 755 /usr/local/bin/node')

    host.run('dpkg -i /tmp/first.deb')

    t.equal(field('Status'), 'install ok installed')
    t.match(host.run('getent passwd vanadium'), /^vanadium:x:\d+:\d+:.*:\/var\/lib\/vanadium:\/usr\/sbin\/nologin\n$/)
    t.equal(host.run('stat -c "%U:%G %a %n" /etc/vanadium /etc/vanadium.d /var/lib/vanadium /var/log/vanadium /run/vanadium'), [
      'root:vanadium 755 /etc/vanadium', 'root:root 755 /etc/vanadium.d', 'vanadium:vanadium 750 /var/lib/vanadium', 'vanadium:vanadium 750 /var/log/vanadium', 'vanadium:vanadium 700 /run/vanadium', ''
    ].join('\n'))
    // as systemd does it at the first boot of an image
    host.run('systemctl preset --preset-mode=enable-only vanadium.target vanadium-purge.timer vanadium-varnishncsa.service')
    t.equal(host.run('find /etc/systemd/system -name "vanadium*" -type l'), '')
    t.match(host.run('vanadium --version'), /^\d+\.\d+\.\d+\n$/)
    t.equal(host.run('dpkg --verify vanadium'), '', 'every file as it was packed')
  })

  t.test('works: as its user, into a table, and by its manual', async t => {
    const printed = host.run(`echo '${event}' | runuser -u vanadium -- vanadium processor --format '%{seqId}d EventLogging %j' --input stdin:// --output 'tcp://127.0.0.1:18610?journal=j&replay=18611' --output stdout:// 2> /tmp/log || cat /tmp/log`)

    t.match(JSON.parse(printed), { schema: 'DemoButtonClick', event: { clicks: 1 } })
    t.equal(host.run('stat -c %U /var/lib/vanadium/processor-processor.sqlite').trim(), 'vanadium')
    t.match(host.run('man -P cat vanadium-consumer | head -5'), /vanadium-consumer - stores a stream/)
    t.match(host.run('bash -c \'. /usr/share/bash-completion/completions/vanadium; COMP_LINE="vanadium cons" COMP_POINT=13 COMP_WORDS=(vanadium cons); _vanadium; echo $COMPREPLY\''), /^consumer$/m)
  })

  t.test('is upgraded without a question: what was edited, deleted or added stays, what was not is new', async t => {
    host.run('echo "# mine" >> /etc/vanadium.d/consumers/mysql')
    host.run('rm /etc/vanadium.d/monitors/all')
    host.run('echo "--input stdin://" > /etc/vanadium.d/consumers/own')
    host.run('install -m 640 -g vanadium /dev/null /etc/vanadium/my.cnf && echo password > /etc/vanadium/my.cnf')
    host.run('systemctl enable vanadium.target vanadium-consumer@mysql vanadium-purge.timer')
    const enabled = host.run('find /etc/systemd/system -name "vanadium*" -type l | sort')

    host.run('dpkg -i /tmp/second.deb')

    t.match(cat('/etc/vanadium.d/consumers/mysql'), /# mine\n$/)
    t.match(cat('/etc/vanadium.d/consumers/all-events-log'), /--flush-interval 1\n$/)
    t.match(cat('/etc/vanadium/registry.yaml'), /# new\n$/)
    t.equal(host.try('test -e /etc/vanadium.d/monitors/all').code, 1)
    t.equal(cat('/etc/vanadium.d/consumers/own'), '--input stdin://\n')
    t.equal(cat('/etc/vanadium/my.cnf'), 'password\n')
    t.equal(enabled.trim().split('\n').length, 3)
    t.equal(host.run('find /etc/systemd/system -name "vanadium*" -type l | sort'), enabled, 'what was enabled is')
    t.equal(host.run('find /etc/vanadium* -name "*.dpkg-*"'), '')
  })

  t.test('lets an operator keep what both have changed, with the new file beside, which is no instance', async t => {
    t.not(host.try('dpkg -i /tmp/third.deb').code, 0, 'dpkg wants to ask')

    host.run('dpkg --force-confold --configure vanadium')

    t.match(cat('/etc/vanadium.d/consumers/mysql'), /# mine\n$/)
    t.match(cat('/etc/vanadium.d/consumers/mysql.dpkg-dist'), /--flush-interval 1\n$/)
    t.equal(host.try('test -e /etc/vanadium.d/monitors/all').code, 1, 'what was deleted stays deleted')
    t.equal(field('Version'), '9.0.0')
  })

  t.test('respects modes that an operator has set, and may be configured again', async t => {
    host.run('dpkg-statoverride --update --add root root 0700 /etc/vanadium')

    host.run('dpkg-reconfigure vanadium')

    t.equal(host.run('stat -c "%G %a" /etc/vanadium').trim(), 'root 700')
    host.run('dpkg-statoverride --remove /etc/vanadium && dpkg-reconfigure vanadium')
    t.equal(host.run('stat -c "%G %a" /etc/vanadium').trim(), 'vanadium 755')
  })

  t.test('says when what "make install" has put there is used in its place', async t => {
    t.notMatch(host.run('dpkg-reconfigure vanadium'), /make uninstall/)
    host.run('touch /usr/local/bin/vanadium')

    const said = host.run('dpkg-reconfigure vanadium && rm /usr/local/bin/vanadium')

    t.match(said, /^vanadium: .* below \/usr\/local .*"make uninstall"/m)
  })

  t.test('is removed: disabled, with configuration, state and logs left, with which it can be installed again', async t => {
    host.run('runuser -u vanadium -- sh -c "echo event > /var/log/vanadium/all-events.log"')

    host.run('dpkg -r vanadium')

    t.equal(host.run('find /etc/systemd/system -name "vanadium*" -type l'), '')
    t.equal(host.try('test -e /usr/lib/vanadium -o -e /usr/bin/vanadium').code, 1)
    t.match(cat('/etc/vanadium.d/consumers/mysql'), /# mine\n$/)
    t.equal(cat('/var/log/vanadium/all-events.log'), 'event\n')
    t.equal(host.run('logrotate -d /etc/logrotate.d/vanadium > /dev/null 2>&1; echo $?'), '0\n', 'what is left of it does not fail')
    t.ok(host.run('ls /var/lib/vanadium').includes('processor-processor.sqlite'))

    host.run('dpkg -i --force-confold /tmp/third.deb')
    t.match(cat('/etc/vanadium.d/consumers/mysql'), /# mine\n$/)
    t.equal(host.run('stat -c "%U %G %a" /etc/vanadium /var/lib/vanadium'), 'root vanadium 755\nvanadium vanadium 750\n')
  })

  t.test('is purged: its configuration goes; events, state and secrets stay until somebody deletes them, which is said', async t => {
    const said = host.run('dpkg -P vanadium')

    t.match(said, /^vanadium: kept, .*: \/etc\/vanadium \/etc\/vanadium\.d \/var\/lib\/vanadium \/var\/log\/vanadium /m)
    t.equal(cat('/var/log/vanadium/all-events.log'), 'event\n')
    t.ok(host.run('ls /var/lib/vanadium').includes('processor-processor.sqlite'))
    t.equal(host.run('find /etc/vanadium /etc/vanadium.d -type f | sort'), '/etc/vanadium.d/consumers/own\n/etc/vanadium/my.cnf\n', 'only what the package did not bring')
    t.equal(host.try('test -e /run/vanadium').code, 1)
  })

  t.test('leaves nothing of which there was nothing', async t => {
    host.run('rm -r /etc/vanadium /etc/vanadium.d /var/lib/vanadium /var/log/vanadium')
    host.run('dpkg -i /tmp/first.deb')

    const said = host.run('dpkg -P vanadium')

    t.notMatch(said, /kept/)
    t.equal(host.run(everywhere), before)
  })
})
