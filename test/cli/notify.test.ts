// seen to fail when drive does not say that it turns ("an idle daemon"), when it says so by a timer ("hung"), when the environment keeps
// NOTIFY_SOCKET, when a full queue swallows what has to arrive, and when a check of the configuration speaks
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openNotifier } from '../../lib/cli/notify.js'
import { testContext } from '../helpers/context.js'
import { startDaemonIn, type Daemon } from '../helpers/daemon.js'
import { listen, type NotifySocket } from '../helpers/notify-socket.js'
import { freePort } from '../helpers/ports.js'
import { until } from '../helpers/wait.js'

const watchdogUs = 2_000_000

interface Watched {
  readonly daemon: Daemon
  readonly heard: NotifySocket
}

function startWatched (t: Test, ...args: string[]): Watched {
  const heard = listen(t)
  return { heard, daemon: startDaemonIn({ NOTIFY_SOCKET: heard.path, WATCHDOG_USEC: String(watchdogUs) }, t, ...args) }
}

/** Each of them does not what it should. */
const plugIns = `
  const params = { type: 'object', properties: {}, additionalProperties: false }
  const never = new Promise(() => {})
  const nothing = { write: async () => {}, flush: async () => {}, close: async () => {} }
  export default vanadium => {
    const writer = (scheme, of) => { vanadium.writer({ schemes: [scheme], summary: 'Hangs.', examples: [scheme + '://'], params, open: async () => ({ ...nothing, ...of }) }) }
    writer('well', {})
    writer('write-hangs', { write: async () => { await never } })
    writer('flush-hangs', { flush: async () => { await never } })
    writer('blocks', { write: async () => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) } })
    vanadium.reader({
      schemes: ['commit-hangs'], summary: 'Hangs.', examples: ['commit-hangs://'], params,
      open: async (_uri, _params, ctx) => {
        const inner = await ctx.openReader('stdin://')
        return {
          async * [Symbol.asyncIterator] () {
            for await (const { count, payload } of inner) {
              const taken = new Map([['-', count]])
              yield { count, payload, lines: () => [], position: 'here', provenance: { stream: 's', source: 's', position: 'here', timeMs: Date.now(), taken, schemas: taken } }
            }
          },
          commit: async () => { await never },
          close: async () => { await inner.close() }
        }
      }
    })
    vanadium.log.info('environment', { left: Object.keys(process.env).filter(name => /^(NOTIFY|WATCHDOG)_/.test(name)) })
  }`

function plugInDirectory (t: Test): string {
  return t.testdir({ 'plug-in.mjs': plugIns })
}

// one daemon for all: what comes later finds what was before
t.test('a daemon tells systemd', async t => {
  const directory = t.testdir({ 'plug-in.mjs': plugIns, 'registry.yaml': 'schemas: {}\n' })
  const registry = join(directory, 'registry.yaml')
  const { daemon, heard } = startWatched(t, 'forwarder', '--plugins', directory, '--registry', registry, '--input', 'stdin://', '--output', 'well://')

  t.test('that it is ready when it says so, that it is well while it is idle, and in words what it does', async t => {
    await heard.heard('READY=1')
    await heard.again('WATCHDOG=1', 4)
    await heard.heard(/^STATUS=0 records\/s, \d+ MB$/)

    t.match(await daemon.logged('environment'), { left: [] }, 'its children cannot speak in its place')
    t.match(heard.lines, ['STATUS=starting: opening well://', 'STATUS=starting: opening stdin://', /^STATUS=/, 'READY=1'])
    t.ok(daemon.log.some(({ message }) => message === 'ready'))
  })

  t.test('that a reload is begun, ended, and has worked; or not, and why', async t => {
    daemon.child.kill('SIGHUP')
    await heard.heard(/^STATUS=.* MB; reloaded 20\d\d-\d\d-\d\dT[\d:]+Z$/)
    await until('it is over', () => heard.count('READY=1') === 2)
    const began = heard.lines.indexOf('RELOADING=1')
    writeFileSync(registry, 'schemas: {\n')
    daemon.child.kill('SIGHUP')
    const failed = await heard.heard(/^STATUS=.* MB; reload failed /)

    t.match(heard.lines[began + 1], /^MONOTONIC_USEC=\d{4,}$/)
    t.match(failed, new RegExp(`reload failed 20[-\\dT:]+Z: ${registry}:\\d+: `))
    t.ok(began < heard.lines.lastIndexOf('READY=1'))
  })

  t.test('that it is stopping, at once, and what still runs', async t => {
    t.equal(await daemon.stop(), 0)
    await heard.heard('STATUS=stopping: stdin://')

    const stopping = heard.lines.indexOf('STOPPING=1')
    t.ok(stopping > heard.lines.indexOf('READY=1'))
    t.match(heard.lines.slice(stopping), ['STOPPING=1', 'STATUS=stopping: the main loop'])
  })
})

t.test('the watchdog hears nothing any more of a daemon that hangs', async t => {
  const plugIns = plugInDirectory(t)
  const start = (input: string, output: string): Watched => startWatched(t, 'forwarder', '--plugins', plugIns, '--input', input, '--output', output)
  const idle = start('stdin://', 'well://')
  const hung = new Map([
    ['a writer', start('stdin://', 'write-hangs://')],
    ['a flush', start('stdin://', 'flush-hangs://')],
    ['a reader that is told that all is safe', start('commit-hangs://', 'well://')],
    ['the loop of events', start('stdin://', 'blocks://')]
  ])
  await Promise.all([idle, ...hung.values()].map(async ({ heard }) => { await heard.again('WATCHDOG=1', 1) }))

  for (const { daemon } of hung.values()) daemon.child.stdin.write('a record\n')
  // on a busy machine one may hang later than another
  const heardOf = (): string => [...hung].map(([what, { heard }]) => `${what} ${heard.count('WATCHDOG=1')}`).join(', ')
  await until(`nothing is heard any more of ${[...hung.keys()].join(', ')}`, async () => {
    const before = heardOf()
    await idle.heard.again('WATCHDOG=1', 4)
    return heardOf() === before
  })
})

t.test('a database that is away is waited for: ready, well, and said in words', async t => {
  const port = await freePort()
  const { daemon, heard } = startWatched(t, 'consumer', '--input', 'stdin://', '--output', `mysql://root@127.0.0.1:${port}/log?batch-rows=10`)

  await heard.heard('READY=1')
  await heard.again('WATCHDOG=1', 3)

  t.ok(daemon.log.filter(({ message }) => message === 'waiting for the store').length >= 3, 'each attempt is progress')
  t.match(heard.status(), new RegExp(`^waiting for mysql://root@127\\.0\\.0\\.1:${port}/log: connect ECONNREFUSED 127\\.0\\.0\\.1:${port} \\(\\d+ s\\); 0 records/s`))
})

t.test('bad configuration is what the status says last; a check of the configuration says nothing', async t => {
  const bad = startWatched(t, 'forwarder', '--input', 'stdin://', '--output', 'nowhere://')
  const checked = startWatched(t, 'forwarder', '--config-check', '--input', 'stdin://', '--output', 'nowhere://')

  t.equal(await bad.daemon.ended, 78)
  t.equal(await checked.daemon.ended, 78)

  const { message } = bad.daemon.log.at(-1) ?? {}
  t.match(message, /nowhere/)
  await bad.heard.heard(`STATUS=${message}`)
  t.notOk(bad.heard.lines.includes('READY=1'))
  t.strictSame(checked.heard.lines, [])
})

function openHere (t: Test, environment: Record<string, string>): { notifier: ReturnType<typeof openNotifier>, logged: () => Array<Record<string, unknown>> } {
  const ctx = testContext()
  const notifier = openNotifier(environment, ctx.log)
  t.teardown(async () => {
    notifier.end()
    await ctx.end()
  })
  return { notifier, logged: ctx.logged }
}

t.test('before it is ready, progress makes systemd wait longer', async t => {
  const heard = listen(t)
  const { notifier } = openHere(t, { NOTIFY_SOCKET: heard.path, WATCHDOG_USEC: '400000' })

  notifier.progress()
  await heard.heard('EXTEND_TIMEOUT_USEC=60000000')
  notifier.ready()
  notifier.progress()
  await heard.heard('WATCHDOG=1')

  t.strictSame(heard.lines, ['EXTEND_TIMEOUT_USEC=60000000', 'READY=1', 'WATCHDOG=1'])
})

t.test('a watchdog that is for another process is not fed', async t => {
  const [other, own] = [listen(t), listen(t)]
  const notOurs = openHere(t, { NOTIFY_SOCKET: other.path, WATCHDOG_USEC: '400000', WATCHDOG_PID: '1' }).notifier
  const ours = openHere(t, { NOTIFY_SOCKET: own.path, WATCHDOG_USEC: '400000', WATCHDOG_PID: String(process.pid) }).notifier
  for (const notifier of [notOurs, ours]) notifier.ready()
  const feeding = setInterval(() => { for (const notifier of [notOurs, ours]) notifier.progress() }, 20)
  t.teardown(() => { clearInterval(feeding) })

  await own.again('WATCHDOG=1', 5)

  t.strictSame(other.lines, ['READY=1'])
})

t.test('what has to arrive is sent again when the queue of systemd is full', async t => {
  const heard = listen(t)
  const { notifier } = openHere(t, { NOTIFY_SOCKET: heard.path })
  // nobody reads before this function waits
  for (let n = 0; n < 2000; n++) notifier.status(`status ${n}`)
  notifier.ready()
  t.strictSame(heard.lines, [])

  await heard.heard('READY=1')

  t.ok(heard.lines.length < 2000, 'the queue was full')
})

t.test('a socket that is gone, one that has no path, and none at all: nothing happens, and a process ends that has nothing else to do', async t => {
  const environment = { NOTIFY_SOCKET: '/nonexistent/notify', WATCHDOG_USEC: '1000000' }
  const abstract = openHere(t, { NOTIFY_SOCKET: '@/org/example/notify' })
  for (const { notifier } of [openHere(t, environment), abstract, openHere(t, {})]) {
    notifier.status('well')
    notifier.ready()
    notifier.reloading()
    notifier.reloaded()
    notifier.stopping()
    notifier.progress()
  }
  t.strictSame(environment, {})
  t.match(abstract.logged(), [{ level: 'warn', message: 'systemd cannot be told anything: its socket has no path', notify_socket: '@/org/example/notify' }])

  const heard = listen(t)
  const script = `import { openNotifier } from ${JSON.stringify(join(import.meta.dirname, '..', '..', 'lib', 'cli', 'notify.js'))}
    const notifier = openNotifier(process.env, { warn () {} })
    notifier.ready()
    notifier.progress()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { env: { ...process.env, NOTIFY_SOCKET: heard.path, WATCHDOG_USEC: '60000000' } })
  t.teardown(() => { child.kill('SIGKILL') })
  t.strictSame(await once(child, 'exit'), [0, null])
  await heard.heard('READY=1')
})
