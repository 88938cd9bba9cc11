import t from 'tap'
import { builtInReaders } from '../../lib/readers/index.js'
import { builtInWriters } from '../../lib/writers/index.js'
import { isLoopback } from '../../lib/zmq/loopback.js'
import { testContext } from '../helpers/context.js'
import { startDaemon } from '../helpers/daemon.js'

const readers = builtInReaders()
const writers = builtInWriters()

for (const [host, expected] of [
  ['127.0.0.1', true], ['127.0.0.2', true], ['127.255.255.255', true], ['::1', true], ['0:0:0:0:0:0:0:1', true], ['::ffff:127.0.0.1', true],
  ['localhost', true], ['LocalHost', true],
  [null, false], ['*', false], ['0.0.0.0', false], ['::', false], ['128.0.0.1', false], ['10.0.0.1', false], ['192.168.1.1', false],
  ['::2', false], ['fe80::1', false], ['::ffff:10.0.0.1', false], ['eth0', false], ['lo0', false], ['localhost.example.org', false],
  ['127.1', false], ['0', false], ['127.0.0.1;10.0.0.1', false], ['127.0.0.1.example.org', false]
] as const) {
  t.test(`${host} is ${expected ? '' : 'not '}loopback`, async t => {
    t.equal(isLoopback(host, true), expected)
    t.equal(isLoopback(host, false), expected)
  })
}

t.test('"lo" is an interface for who binds, and some host or other for who connects', async t => {
  t.equal(isLoopback('lo', true), true)
  t.equal(isLoopback('lo', false), false)
  // ZeroMQ knows no such interface
  t.equal(isLoopback('LO', true), false)
  t.throws(() => writers.check('tcp://lo:1?connect=true'), { code: 'bad-uri', message: /lo is not loopback \(127\.0\.0\.1, ::1, localhost\), and there are no keys/ })
})

const keys = 'curve=/k/a.secret'

t.test('a socket that is not on loopback needs keys, or insecure=true', async t => {
  const good = [
    ['w', 'tcp://127.0.0.1:1'], ['w', 'tcp://localhost:1'], ['w', 'tcp://[::1]:1'], ['w', 'tcp://lo:1'], ['w', 'ipc:///x'],
    ['w', 'tcp://*:1?insecure=true'], ['w', 'tcp://*:1?insecure=true&journal=a&replay=2'],
    ['w', `tcp://*:1?${keys}&clients=/k/c`], ['w', `tcp://eth0:1?${keys}&clients=/k/c&journal=a`], ['w', `tcp://127.0.0.1:1?${keys}&clients=/k/c`],
    ['w', 'tcp://127.0.0.1:1?connect=true'], ['w', 'tcp://h.example.org:1?connect=true&insecure=true'], ['w', `tcp://h.example.org:1?connect=true&${keys}&server-key=/k/s`],
    ['r', 'tcp://h.example.org:1'], ['r', 'tcp://10.0.0.1:1?as=a'], ['r', `tcp://h.example.org:1?${keys}&server-key=/k/s&as=a`],
    ['r', 'tcp://127.0.0.1:1?bind=true'], ['r', 'tcp://*:1?bind=true&insecure=true'], ['r', `tcp://*:1?bind=true&${keys}&clients=/k/c`]
  ] as const
  for (const [kind, uri] of good) t.doesNotThrow(() => (kind === 'r' ? readers : writers).check(uri), `${kind} ${uri}`)

  const bad: ReadonlyArray<readonly [kind: 'r' | 'w', uri: string, why: RegExp]> = [
    ['w', 'tcp://*:1', /\* is not loopback \(.*\), and there are no keys.*curve=FILE&clients=FILE.*insecure=true/],
    ['w', 'tcp://:1', /host or the port is missing/],
    ['w', 'tcp://0.0.0.0:1', /0\.0\.0\.0 is not loopback/],
    ['w', 'tcp://[::]:1', /not loopback/],
    ['w', 'tcp://eth0:1?insecure=false', /eth0 is not loopback/],
    ['w', 'tcp://10.0.0.1:1?journal=a&replay=2', /not loopback/],
    ['w', 'filter:tcp://*:1?function=f', /not loopback/],
    ['w', 'tcp://h.example.org:1?connect=true', /h\.example\.org is not loopback.*reads along.*curve=FILE&server-key=FILE/],
    ['r', 'tcp://*:1?bind=true', /\* is not loopback/],
    ['w', `tcp://*:1?${keys}&clients=/k/c&insecure=true`, /insecure=true contradicts curve/],
    ['w', 'tcp://127.0.0.1:1?insecure=true', /127\.0\.0\.1 is; leave it out/],
    ['r', 'tcp://h.example.org:1?insecure=true', /insecure=true is for who binds or publishes/],
    ['w', `tcp://*:1?${keys}`, /"clients" is missing/],
    ['w', 'tcp://*:1?clients=/k/c', /"curve" is missing/],
    ['w', `tcp://*:1?${keys}&clients=/k/c&server-key=/k/s`, /"server-key" is for a socket that connects/],
    ['r', `tcp://h.example.org:1?${keys}`, /"server-key" is missing/],
    ['r', 'tcp://h.example.org:1?server-key=/k/s', /"curve" is missing/],
    ['r', `tcp://h.example.org:1?${keys}&clients=/k/c`, /"clients" is for a socket that binds/],
    ['w', 'tcp://*:1?curve=&clients=/k/c', /"curve" is ""/],
    ['w', `ipc:///x?${keys}&clients=/k/c`, /"curve" is for tcp: streams/],
    ['w', 'ipc:///x?insecure=true', /"insecure" is for tcp: streams/],
    ['r', 'ipc:///x?server-key=/k/s', /"server-key" is for tcp: streams/]
  ]
  for (const [kind, uri, why] of bad) t.throws(() => (kind === 'r' ? readers : writers).check(uri), { name: 'ConfigError', code: 'bad-uri', message: why }, `${kind} ${uri}`)
})

t.test('a daemon says so at --config-check already: exit 78', async t => {
  const daemon = startDaemon(t, 'forwarder', '--config-check', '--input', 'stdin://', '--output', 'tcp://*:0?journal=a')

  t.equal(await daemon.ended, 78)
  t.match(daemon.log.at(-1), { level: 'error', message: /\* is not loopback/ })
})

t.test('insecure=true is a warning at every start, for each stream', async t => {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  await writers.open('tcp://*:0?insecure=true', ctx)
  await writers.open('tcp://*:0?insecure=true&journal=a', ctx)
  await readers.open('tcp://*:0?insecure=true&bind=true', ctx)
  await writers.open('tcp://127.0.0.1:0', ctx)

  t.equal(ctx.logged().filter(line => line['level'] === 'warn' && /no keys.*insecure=true/.test(String(line['message']))).length, 3)
})
