import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { statusOf } from '../../../tools/status/daemons.js'
import { startReady, type Daemon } from '../../helpers/daemon.js'
import { freePort } from '../../helpers/ports.js'
import { shortDirectory } from '../../helpers/streams.js'
import { until } from '../../helpers/wait.js'
import { runCheck, type CheckOutput } from '../../helpers/check-command.js'

interface Host {
  /** Defines an instance by an argument file. */
  define (path: string, ...args: string[]): void
  start (daemon: string, instance: string): Promise<Daemon>
  check (...args: string[]): Promise<CheckOutput>
  readonly directory: string
}

function hostOf (t: Test): Host {
  const directory = shortDirectory(t)
  const [config, state] = [join(directory, 'vanadium.d'), join(directory, 'state')]
  mkdirSync(state)
  return {
    directory,
    define (path, ...args) {
      mkdirSync(dirname(join(config, path)), { recursive: true })
      writeFileSync(join(config, path), `${args.join('\n')}\n`)
    },
    async start (daemon, instance) {
      const started = await startReady(t, daemon, '--name', instance, '--state', state, `@${join(config, `${daemon}s`, instance)}`)
      await until('it has a pulse', () => hasPulse(state, started))
      return started
    },
    check: async (...args) => await runCheck('jobs', '--config', config, '--state', state, ...args)
  }
}

function hasPulse (state: string, { child }: Daemon): boolean {
  try {
    return statusOf(state).some(({ pid }) => pid === child.pid)
  } catch {
    return false
  }
}

/** A consumer that has nothing to remember, and a forwarder that never gets a record. */
async function defined (t: Test): Promise<Host> {
  const host = hostOf(t)
  const stream = `tcp://127.0.0.1:${await freePort()}`
  host.define('forwarders/raw', `--input udp://127.0.0.1:${await freePort()}`, `--output ${stream}`)
  host.define('consumers/log', `--input ${stream}`, '--output stdout://')
  return host
}

// seen to fail when drive opens no ledger before the first record
t.test('an instance that never got a record runs, one that was killed does not, and it says which', async t => {
  const host = await defined(t)

  const never = await host.check()
  const forwarder = await host.start('forwarder', 'raw')
  const half = await host.check('-v')
  const consumer = await host.start('consumer', 'log')
  const good = await until('both run', async () => {
    const found = await host.check('-v')
    return found.code === 0 ? found : null
  })
  consumer.child.kill('SIGKILL')
  await consumer.ended
  const killed = await host.check()

  t.match(never, { code: 2, line: 'CRITICAL: 2 of 2 down: forwarder raw, consumer log' })
  t.strictSame(never.details, ['forwarder raw is down; it never ran here', 'consumer log is down; it never ran here'])
  t.match(half, { code: 2, line: 'CRITICAL: consumer log is down' })
  t.match(half.details[0], /^forwarder raw runs; started \d+ s ago$/)
  t.match(good, { code: 0, line: 'OK: all 2 instances run; started within 10 min: forwarder raw, consumer log', stderr: '' })
  t.strictSame([good.figures.get('running'), good.figures.get('restarts')], ['2', '0'])
  t.match(good.figures.get('forwarder-raw.pulse'), /^\d+s$/)
  t.match(killed, { code: 2, line: 'CRITICAL: consumer log is down' })
  t.match(killed.details[0], /^consumer log is down; last seen \d+ s ago$/)
  t.equal(await forwarder.stop(), 0)
})

// seen to fail when the pulse is not looked at
t.test('one that is stopped, and holds its lock, is stuck: first a warning, then critical; woken, it is well', async t => {
  const host = await defined(t)
  const [forwarder] = [await host.start('forwarder', 'raw'), await host.start('consumer', 'log')]

  forwarder.child.kill('SIGSTOP')
  const warning = await until('its pulse is missed', async () => {
    const found = await host.check('-w', '6', '-c', '60')
    return found.code === 1 ? found : null
  })
  const critical = await host.check('-w', '3', '-c', '6')
  forwarder.child.kill('SIGCONT')
  const woken = await until('it has a pulse', async () => {
    const found = await host.check('-w', '6', '-c', '60')
    return found.code === 0 ? found : null
  })

  t.match(warning.line, /^WARNING: forwarder raw is stuck, or its disk is full: no pulse for \d+ s$/)
  t.match(critical.line, /^CRITICAL: forwarder raw is stuck/)
  t.match(woken.line, /^OK: all 2 instances run/)
})

t.test('restarts that nobody asked for are counted, orderly ones are not', async t => {
  const host = await defined(t)
  await host.start('consumer', 'log')

  await (await host.start('forwarder', 'raw')).stop()
  for (let kill = 0; kill < 3; kill++) {
    const daemon = await host.start('forwarder', 'raw')
    daemon.child.kill('SIGKILL')
    await daemon.ended
  }
  await host.start('forwarder', 'raw')
  const found = await host.check()
  const strict = await host.check('--critical-restarts', '2')
  const lenient = await host.check('--warning-restarts', '10')

  t.match(found, { code: 1, line: 'WARNING: forwarder raw died 3 times within a day' })
  t.strictSame([found.figures.get('restarts'), found.figures.get('forwarder-raw.restarts'), found.figures.get('consumer-log.restarts')], ['3', '3', '0'])
  t.match(strict.code, 2)
  t.match(lenient.code, 0)
})

t.test('what is beside argument files is no instance; a file may say where the state is', async t => {
  const host = await defined(t)
  await host.start('forwarder', 'raw')
  const elsewhere = join(host.directory, 'elsewhere')
  host.define('consumers/log', `--state ${elsewhere}`, '--input stdin://', '--output stdout://')
  for (const name of ['log~', 'log.bak', 'log.dpkg-new', '.log.swp', '#log#', 'log.disabled']) host.define(`consumers/${name}`, '# old')
  mkdirSync(join(host.directory, 'vanadium.d', 'monitors', 'folder'), { recursive: true })
  mkdirSync(elsewhere)
  await startReady(t, 'consumer', '--name', 'log', '--state', elsewhere, '--input', 'stdin://', '--output', 'stdout://')

  t.match((await host.check()).line, /^OK: all 2 instances run/)
})

t.test('what cannot be looked at is unknown, in a line, with what to do', async t => {
  const directory = shortDirectory(t)
  mkdirSync(join(directory, 'empty'))
  const host = await defined(t)
  await host.start('forwarder', 'raw')
  await host.start('consumer', 'log')
  const config = join(host.directory, 'vanadium.d')
  const state = join(host.directory, 'state')
  const cases: Array<[what: string, args: string[], line: RegExp]> = [
    ['no configuration', ['--config', join(directory, 'none'), '--state', state], /^UNKNOWN: --config \S+none: ENOENT/],
    ['an empty one', ['--config', join(directory, 'empty'), '--state', state], /^UNKNOWN: --config \S+empty: no instance/],
    ['no state directory', ['--config', config, '--state', join(directory, 'none')], /^UNKNOWN: --state \S+none: there is no such/],
    ['a range that is none', ['--config', config, '--state', state, '-w', 'soon'], /^UNKNOWN: --warning "soon"/],
    ['an option that is none', ['--frobnicate'], /^UNKNOWN: unknown argument/]
  ]

  for (const [what, args, line] of cases) {
    const found = await runCheck('jobs', ...args)
    t.match(found, { code: 3, line, stderr: '' }, what)
    t.ok(found.line.length < 80, what)
    t.notMatch(found.text, /\bat .*\.js/, what)
  }
  for (const file of ['consumer-log.sqlite', 'consumer-log.sqlite-wal']) writeFileSync(join(state, file), 'this is no database'.repeat(5000))
  t.match(await host.check(), { code: 3, line: 'UNKNOWN: consumer log runs, and cannot be looked at', stderr: '' }, 'damaged')
})
