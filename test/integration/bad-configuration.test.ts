import { join } from 'node:path'
import t from 'tap'
import { startDaemon } from '../helpers/daemon.js'

const good = ['--input', 'stdin://', '--output', 'stdout://']

t.test('what the operator got wrong ends with 78 and a message that says what is allowed', async t => {
  const directory = t.testdir({ 'loud.args': '--output stdout://\n--input tcp://127.0.0.1:0\n--input stdin://\n', 'broken.args': '--input\nstdin://\n--outptu stdout://\n', state: 'a file, not a directory' })
  const cases: Array<[string, string[], RegExp]> = [
    ['unknown option', ['forwarder', ...good, '--conut'], /conut.*--count/],
    ['missing option', ['forwarder', '--input', 'stdin://'], /output/],
    ['option without its value', ['forwarder', '--input', '--output', 'stdout://'], /input/],
    ['option twice', ['processor', ...good, '--format', '%q', '--format', '%j'], /--format is given 2 times/],
    ['stray argument', ['consumer', '--input', 'stdin://', '--output', 'stdout://', 'tcp://127.0.0.1:1'], /unexpected argument "tcp:\/\/127.0.0.1:1"/],
    ['not a number', ['forwarder', ...good, '--interval', 'soon'], /--interval/],
    ['log level', ['forwarder', ...good, '--log-level', 'loud'], /loud.*error.*debug/s],
    ['not a URI', ['forwarder', '--input', 'nonsense', '--output', 'stdout://'], /"nonsense" is no stream URI/],
    ['unknown scheme', ['forwarder', '--input', 'smtp://x', '--output', 'stdout://'], /no reader for "smtp:".*stdin/],
    ['unknown URI option', ['forwarder', '--input', 'tcp://127.0.0.1:1?hvm=1', '--output', 'stdout://'], /unknown option "hvm"; allowed options: .*hwm/],
    ['bad URI option', ['forwarder', '--input', 'tcp://127.0.0.1:1?hwm=many', '--output', 'stdout://'], /option "hwm" is "many"/],
    ['bad port', ['forwarder', '--input', 'tcp://127.0.0.1:99999', '--output', 'stdout://'], /port "99999"/],
    ['missing port', ['forwarder', '--input', 'udp://127.0.0.1', '--output', 'stdout://'], /port is missing/],
    ['bad format', ['processor', ...good, '--format', '%q %z'], /no specifier "%z"/],
    ['schema directory', ['forwarder', ...good, '--schemas', join(directory, 'nowhere')], /--schemas .*nowhere/],
    ['argument file that is not there', ['forwarder', `@${join(directory, 'nowhere')}`], /nowhere.*argument file/],
    ['argument file with a mistake', ['forwarder', `@${join(directory, 'broken.args')}`], /broken\.args:3: .*outptu/],
    ['argument file with a bad value', ['forwarder', `@${join(directory, 'loud.args')}`], /^\S+loud\.args:2: tcp:\/\/127\.0\.0\.1:0: port 0 can be bound/],
    ['plug-in directory', ['forwarder', ...good, '--plugins', join(directory, 'nowhere')], /nowhere/],
    ['state directory', ['forwarder', ...good, '--count', '--state', join(directory, 'state')], /--state .*state/],
    ['statsd address', ['monitor', '--input', 'stdin://', '--statsd', 'nowhere'], /--statsd "nowhere": give HOST:PORT/]
  ]
  for (const [name, args, message] of cases) {
    const daemon = startDaemon(t, ...args)
    daemon.child.stdin.end()
    t.equal(await daemon.ended, 78, name)
    t.match(daemon.log.find(line => line.level === 'error')?.message, message, name)
  }
})

t.test('a good configuration passes the check without opening anything', async t => {
  const daemon = startDaemon(t, 'processor', '--format', '%q %{recvFrom}s', '--input', 'tcp://127.0.0.1:1', '--output', 'tcp://127.0.0.1:2', '--config-check')

  t.equal(await daemon.ended, 0)
})
