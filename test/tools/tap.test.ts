import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parseOptions } from '../../lib/cli/options.js'
import { builtInReaders } from '../../lib/readers/index.js'
import { builtInWriters } from '../../lib/writers/index.js'
import { tap } from '../../tools/tap.js'
import { executable } from '../helpers/daemon.js'
import { bindPublisher, shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'
import { eventOf, last, records } from './tap/records.js'

interface Tap {
  readonly child: ChildProcess
  readonly printed: string[]
  readonly errors: string[]
  readonly ended: Promise<number | string>
}

function start (t: Test, ...args: string[]): Tap {
  const child = spawn(process.execPath, [executable, 'tap', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: string[] = []
  const errors: string[] = []
  createInterface(child.stdout).on('line', line => { printed.push(line) })
  createInterface(child.stderr).on('line', line => { errors.push(line) })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, printed, errors, ended }
}

t.test('tap shows what passes by until it is stopped, and tells how much that was', async t => {
  const publisher = await bindPublisher(t)
  const { child, printed, errors, ended } = start(t, '--input', publisher.endpoint, '--schema', 'Edit', '--where', '!(event.duration < 100)')
  await publisher.joined()

  await publisher.send(...records, last)
  await until('the last one is printed', () => printed.includes(last))
  child.kill('SIGINT')

  t.equal(await ended, 0)
  t.same(printed, [records[1], records[3], last])
  t.same(errors, ['7 seen, 3 shown'])
})

t.test('several streams are shown as one, and --pretty spreads records over lines', async t => {
  const [one, other] = [await bindPublisher(t), await bindPublisher(t)]
  const { printed, ended } = start(t, '--input', one.endpoint, other.endpoint, '--pretty', '--count', '2')
  await Promise.all([one.joined(), other.joined()])

  await one.send('{"a":1}')
  await other.send('{"a":2,"b":"\u009b2J"}')

  t.equal(await ended, 0)
  t.same([...printed].sort(), ['{', '{', '  "a": 1', '  "a": 2,', '  "b": "\\u009b2J"', '}', '}'].sort())
})

t.test('what cannot be meant is refused', async t => {
  for (const [args, message] of [
    [['--valid', '--invalid'], /--valid and --invalid leave nothing/],
    [['--json', '--pretty'], /--json and --pretty are two forms/],
    [['--sample', '2'], /--sample 2: give a share from 0 to 1/],
    [['--count', '0'], /--count 0: give a number of records/],
    [['--input', 'nowhere:'], /there is no reader for "nowhere:"/],
    [['--input', 'tcp://127.0.0.1:8610?as=me'], /for a subscriber with a name the publisher keeps what it has not fetched; leave out "as"/],
    [['--input', 'filter:tcp://127.0.0.1:8610?as=me&function=f'], /leave out "as"/]
  ] as const) {
    const parsed = parseOptions(tap, args, 80)
    t.throws(() => typeof parsed === 'string' || tap.prepare(parsed.own, { readers: builtInReaders(), writers: builtInWriters() }, parsed.common), { message }, args.join(' '))
  }
})

t.test('a mistake in an expression is pointed at', async t => {
  const { errors, ended } = start(t, '--where', 'event.action = "init"')

  t.equal(await ended, 78)
  t.same(errors, ['vanadium tap: --where: write == for "is equal to"', '  event.action = "init"', '               ^'])
})

t.test('a terminal that takes nothing does not hold up the publisher', async t => {
  const publisher = await bindPublisher(t)
  const child = spawn(process.execPath, [executable, 'tap', '--input', publisher.endpoint], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const ended = once(child, 'close')
  await publisher.joined()
  const record = eventOf('Edit', 1, { text: 'x'.repeat(100_000) })

  // nobody reads its standard output
  for (let n = 0; n < 500; n++) await publisher.send(record)

  t.equal(child.exitCode, null, 'it still runs')
  child.stdout.resume()
  child.kill('SIGTERM')
  t.same(await ended, [0, null])
})

// seen to fail when what has arrived is handed over first, as daemons do: that takes ten seconds
t.test('a stream that flows on does not hold up the end', async t => {
  const publisher = await bindPublisher(t)
  const { child, printed, errors, ended } = start(t, '--input', `${publisher.endpoint}?hwm=100000`, '--json')
  await publisher.joined()
  let flows = true
  const flow = (async () => {
    while (flows) {
      await publisher.send(eventOf('Edit', 1))
      await setTimeout(1)
    }
  })()
  await until('something is printed', () => printed.length > 0)

  child.kill('SIGINT')

  t.equal(await ended, 0)
  flows = false
  await flow
  t.match(errors, [/^[\d,]+ seen, [\d,]+ shown$/])
  t.equal(errors.length, 1)
})

t.test('while nothing comes, tap says where it looks', async t => {
  const { child, errors, ended } = start(t, '--input', `ipc://${shortDirectory(t)}/nobody`)

  await until('it is told', () => errors.some(text => /^nothing has come yet from ipc:\/\/.*nobody: is it published there\?/.test(text)))
  child.kill('SIGINT')

  t.equal(await ended, 0)
})
