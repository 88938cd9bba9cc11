import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { until } from '../helpers/wait.js'

interface Line { level: string, message: string, [field: string]: unknown }

interface Process {
  readonly child: ChildProcess
  readonly lines: Line[]
  /** Resolves when that many lines have this message. */
  logged (message: string, times?: number): Promise<void>
  /** Exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
}

const script = join(import.meta.dirname, '..', 'fixtures', 'life-cycle.js')

function startProcess (t: Test, behaviour: string): Process {
  const child = spawn(process.execPath, [script, behaviour], { stdio: ['ignore', 'ignore', 'pipe'] })
  const lines: Line[] = []
  createInterface({ input: child.stderr }).on('line', text => { lines.push(JSON.parse(text) as Line) })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const logged = async (message: string, times = 1): Promise<void> => {
    await until(`"${message}" is logged`, () => lines.filter(line => line.message === message).length >= times)
  }
  return { child, lines, logged, ended }
}

async function startReady (t: Test, behaviour: string): Promise<Process> {
  const started = startProcess(t, behaviour)
  await started.logged('ready')
  return started
}

function released ({ lines }: Process): unknown[] {
  return lines.filter(line => line.message === 'released').map(line => line.what)
}

function messages ({ lines }: Process): string[] {
  return lines.map(line => line.message)
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} stops: the work ends, what was opened is released last-in-first-out, exit 0`, async t => {
    const daemon = await startReady(t, 'until it is stopped')

    daemon.child.kill(signal)

    t.equal(await daemon.ended, 0)
    t.strictSame(released(daemon), ['third', 'second', 'first'])
    t.strictSame(messages(daemon), ['ready', 'stopping', 'released', 'released', 'released', 'stopped'])
    t.match(daemon.lines[1], { level: 'info', why: signal })
  })
}

t.test('a second signal gives up at once, with 1, and says what was still running', async t => {
  const daemon = await startReady(t, 'for ever')

  daemon.child.kill('SIGTERM')
  await daemon.logged('stopping')
  daemon.child.kill('SIGINT')

  t.equal(await daemon.ended, 1)
  t.match(daemon.lines.at(-1), { level: 'error', message: /^gave up/, why: 'second SIGINT', still_running: 'the main loop' })
  t.strictSame(released(daemon), [])
})

t.test('it gives up at the deadline, after saying what it waits for', async t => {
  const daemon = await startReady(t, 'for ever')

  daemon.child.kill('SIGTERM')

  t.equal(await daemon.ended, 1)
  t.match(daemon.lines.find(line => line.message === 'still stopping'), { level: 'info', still_running: 'the main loop' })
  t.match(daemon.lines.at(-1), { level: 'error', message: /^gave up/, why: 'not stopped within 0.4 s' })
})

t.test('a wait that nothing can end is given up at the deadline too, instead of an exit without a word', async t => {
  const daemon = await startReady(t, 'for ever, with nothing that keeps it alive once it is stopped')

  daemon.child.kill('SIGTERM')

  t.equal(await daemon.ended, 1)
  t.match(daemon.lines.at(-1), { message: /^gave up/, still_running: 'the main loop' })
})

t.test('a release that hangs after the work ended by itself is given up too', async t => {
  const daemon = startProcess(t, 'nothing, then a release hangs')

  t.equal(await daemon.ended, 1)
  t.match(daemon.lines.at(-1), { level: 'error', message: /^gave up/, still_running: 'the one that hangs' })
})

t.test('a release that fails is logged, the others still run, exit 1', async t => {
  const daemon = await startReady(t, 'until it is stopped, then a release fails')

  daemon.child.kill('SIGTERM')

  t.equal(await daemon.ended, 1)
  t.strictSame(released(daemon), ['third', 'second', 'first'])
  t.match(daemon.lines.find(line => line.level === 'error'), { message: 'could not release', what: 'the one that fails', error: { message: 'it cannot be closed', stack: /life-cycle/ } })
})

t.test('what is opened during a release is released before what was opened earlier', async t => {
  const daemon = await startReady(t, 'until it is stopped, then a release opens another')

  daemon.child.kill('SIGTERM')

  t.equal(await daemon.ended, 0)
  t.strictSame(released(daemon), ['late', 'third', 'second', 'first'])
})

t.test('ending by itself is an orderly stop', async t => {
  const daemon = startProcess(t, 'until it ends by itself')

  t.equal(await daemon.ended, 0)
  t.match(daemon.lines[1], { message: 'stopping', why: 'all is done' })
  t.strictSame(released(daemon), ['third', 'second', 'first'])
})

for (const bug of ['an exception that nobody catches', 'a rejection that nobody catches']) {
  t.test(`${bug} is a bug: exit 70, with its stack in the log`, async t => {
    const daemon = startProcess(t, bug)

    t.equal(await daemon.ended, 70)
    t.match(daemon.lines.at(-1), { level: 'error', message: /^bug/, error: { name: 'TypeError', message: 'a bug', stack: /fixtures.life-cycle/ } })
  })
}

t.test('SIGHUP reloads, one at a time; a reload that fails leaves the others and the daemon running', async t => {
  const daemon = await startReady(t, 'slow reloads')

  daemon.child.kill('SIGHUP')
  await daemon.logged('reload begins')
  daemon.child.kill('SIGHUP')
  await daemon.logged('reloaded', 2)
  daemon.child.kill('SIGTERM')

  t.equal(await daemon.ended, 0)
  t.match(daemon.lines.find(line => line.level === 'error'), { message: /^could not reload/, reason: 'the file is bad' })
  const reloads = messages(daemon).filter(message => message.startsWith('reload '))
  t.strictSame(reloads, ['reload begins', 'reload ends', 'reload begins', 'reload ends'])
})
