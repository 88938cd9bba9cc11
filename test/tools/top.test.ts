import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { executable } from '../helpers/daemon.js'
import { bindPublisher } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'
import { errorAbout, eventOf } from './tap/records.js'

const needsScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true ? false : 'needs script: Debian package bsdutils'

// xterm control sequences
const enter = '\x1b[?1049h'
const leave = '\x1b[?25h\x1b[?1049l'

interface Running {
  readonly child: ChildProcess
  /** All that was printed so far. */
  printed (): string
  readonly ended: Promise<number | string>
}

function run (t: Test, program: string, args: readonly string[]): Running {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm' } })
  let printed = ''
  child.stdout.on('data', (bytes: Buffer) => { printed += bytes.toString() })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, printed: () => printed, ended }
}

/** In a terminal of that size; what it tells about itself at the end is the shell's. */
function onTerminal (t: Test, height: number, after: string, ...args: string[]): Running {
  const command = [process.execPath, executable, 'top', ...args].map(arg => `'${arg}'`).join(' ')
  return run(t, 'script', ['-qec', `stty rows ${height} cols 100; ${command}; ${after}`, '/dev/null'])
}

/** Of the top that reads a stream: it is no child of ours but script's. */
function pidOf (endpoint: string): number {
  const line = spawnSync('ps', ['-eo', 'pid=,args=']).stdout.toString().split('\n').find(line => line.trim().replace(/^\d+ /, '').startsWith(`${process.execPath} `) && line.includes(endpoint))
  return Number.parseInt(line ?? '', 10)
}

t.test('without a terminal top prints a table each interval', async t => {
  const publisher = await bindPublisher(t)
  const { printed, ended } = run(t, process.execPath, [executable, 'top', '--input', publisher.endpoint, '--interval', '0.5', '--count', '30', '--sort', 'n'])
  await publisher.joined()
  await publisher.send(eventOf('Edit', 1), eventOf('Edit', 2), errorAbout('DemoButtonClick', 3), errorAbout('None', 4))

  await until('all have come', () => /^all .* 2 +2 +50\.0 % /m.test(printed()))

  t.match(printed(), /^\d{4}-\d\d-\d\dT[\d:.]+Z\nschema +now\/s +1 min\/s +5 min\/s +valid +invalid +share +bytes\/s +last seen\n/)
  t.match(printed(), /^\(unknown\) .* 0 +1 +100\.0 % .*\nDemoButtonClick .* 0 +1 +100\.0 % .*\nEdit .* 2 +0 +0\.0 % /m)
  t.notMatch(printed(), new RegExp(String.fromCharCode(27)), 'nothing steers a terminal')
  t.equal(await ended, 0)
})

// seen to fail when the screen is not left
t.test('on a terminal top takes the whole of it, sorts at a key, and gives it back at q', { skip: needsScript }, async t => {
  const publisher = await bindPublisher(t)
  const { child, printed, ended } = onTerminal(t, 10, 'stty -a', '--input', publisher.endpoint, '--interval', '0.2')
  await publisher.joined()
  await publisher.send(...Array.from({ length: 20 }, (_, n) => eventOf(`Name${n}`, n)), errorAbout('DemoButtonClick', 99))

  await until('the table is there', () => printed().includes('by rate') && printed().includes('… and 17 more'))
  child.stdin?.write('i')
  await until('it is sorted', () => /by invalid[^]*DemoButtonClick .* 0 +1 +100\.0 %/.test(printed()))
  child.stdin?.write('xq')

  t.equal(await ended, 0)
  t.ok(printed().includes(enter))
  const after = printed().slice(printed().indexOf(leave) + leave.length)
  t.match(after, / icanon\b[^]* echo\b/, 'the shell gets its terminal back')
  t.notMatch(after, /-icanon| -echo /)
})

for (const [how, end] of [
  ['SIGTERM', 'SIGTERM'],
  ['Ctrl-C', '\x03']
] as const) {
  t.test(`on a terminal top gives it back at ${how}`, { skip: needsScript }, async t => {
    const publisher = await bindPublisher(t)
    const { child, printed, ended } = onTerminal(t, 10, 'stty -a', '--input', publisher.endpoint)
    await publisher.joined()
    await until('the screen is there', () => printed().includes('by rate'))

    if (end === 'SIGTERM') {
      process.kill(pidOf(publisher.endpoint), 'SIGTERM')
    } else {
      child.stdin?.write(end)
    }

    t.equal(await ended, 0)
    t.ok(printed().includes(leave))
    t.notMatch(printed().slice(printed().indexOf(leave)), /-icanon| -echo /)
  })
}
