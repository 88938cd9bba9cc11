import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { openState } from '../../lib/stream/state.js'
import { executable } from '../helpers/daemon.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const execute = promisify(execFile)
const needsProc = existsSync('/proc/self/cmdline') ? false : 'needs /proc, to look for processes'
const needsScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true ? false : 'needs script: Debian package bsdutils'

// xterm control sequences
const alternateScreen = new RegExp(`${String.fromCharCode(27)}\\[\\?1049[hl]`)
const clearScreen = '\x1b[2J'

/** `vanadium run` in a directory of its own, seen from outside. */
interface Running {
  readonly child: ChildProcess
  readonly printed: string[]
  readonly errors: string[]
  /** Resolves with the first line printed, past or future, that matches. */
  line (pattern: RegExp): Promise<string>
  readonly ended: Promise<number | string>
}

function start (t: Test, directory: string, ...args: string[]): Running {
  const child = spawn(process.execPath, [executable, 'run', '--directory', directory, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: string[] = []
  const errors: string[] = []
  createInterface(child.stdout).on('line', line => { printed.push(line) })
  createInterface(child.stderr).on('line', line => { errors.push(line) })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    printed,
    errors,
    ended,
    line: async pattern => await until(`${pattern} is printed, among ${JSON.stringify(printed)}`, () => {
      if (child.exitCode !== null && !printed.some(line => pattern.test(line))) throw new Error(`it ended: ${[...printed, ...errors].join('\n')}`)
      return printed.find(line => pattern.test(line))
    }, 60_000)
  }
}

/** A directory that ends with the test, after the daemons that run in it. */
function directoryFor (t: Test): string {
  const directory = shortDirectory(t)
  t.teardown(async () => { await until('its daemons have ended', () => processesIn(directory).length === 0) })
  return directory
}

/** The daemons that were started from argument files in a directory. */
function processesIn (directory: string): Array<{ pid: number, args: string[] }> {
  if (needsProc !== false) return []
  return readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
    try {
      const args = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').split('\0')
      return args.some(arg => arg.startsWith(`@${directory}/`)) ? [{ pid: Number(pid), args }] : []
    } catch {
      // it has ended meanwhile
      return []
    }
  })
}

function pidOf (directory: string, daemon: string): number | undefined {
  return processesIn(directory).find(({ args }) => args.includes(daemon))?.pid
}

function linesOf (directory: string): Array<Record<string, unknown>> {
  return readFileSync(join(directory, 'events.json'), 'utf8').split('\n').slice(0, -1).map(line => JSON.parse(line) as Record<string, unknown>)
}

/** Rows of all tables. */
function rowsOf (directory: string): Array<{ uuid: string, wiki: string }> {
  const db = new Database(join(directory, 'events.sqlite'), { readonly: true })
  try {
    const tables = db.prepare<[], { name: string }>('SELECT name FROM sqlite_master WHERE type = \'table\' AND name GLOB \'*_[0-9]*\'').all()
    return tables.flatMap(({ name }) => db.prepare<[], { uuid: string, wiki: string }>(`SELECT uuid, wiki FROM "${name}"`).all())
  } finally {
    db.close()
  }
}

/** How many a daemon has put into its only journal. */
function recordsIn (directory: string, instance: string): number {
  const db = new Database(join(directory, 'state', `${instance}.sqlite`), { readonly: true })
  try {
    return db.prepare<[], { next: number }>('SELECT next FROM journal').get()?.next ?? 0
  } finally {
    db.close()
  }
}

/** Does what a reader does with the line: pastes it into a shell. Without curl, what it would do. */
async function paste (line: string): Promise<string> {
  if (spawnSync('curl', ['--version']).error === undefined) return (await execute('sh', ['-c', line])).stdout
  const [, url = '', body = ''] = /(http:\S+) -d '(.*)'$/.exec(line) ?? []
  return `HTTP/1.1 ${(await fetch(url, { method: 'POST', body })).status}`
}

t.test('a run, from start to Ctrl-C, and another one after it', { skip: needsProc }, async t => {
  const directory = join(directoryFor(t), 'a var')
  for (const port of [8080, 8600]) await occupy(t, port)
  const running = start(t, directory, '--rate', '40')
  const curl = await running.line(/^ *curl /)

  await t.test('ports that are taken are replaced by free ones, which is said', async t => {
    const [, http] = /http is on (\d+)$/.exec(await running.line(/port 8080 is taken: http is on \d+$/)) ?? []
    const [, stream] = /stream is on (\d+)$/.exec(await running.line(/port 8600 is taken: .* stream is on \d+$/)) ?? []

    t.match(curl, `curl -i http://127.0.0.1:${http}/`)
    t.match(await running.line(/^ *stream/), `tcp://127.0.0.1:${stream} `)
  })

  await t.test('the printed curl line gives 204, and within two seconds its event is in both stores', async t => {
    const answer = await paste(curl.trim())
    const deadline = Date.now() + 2000
    await until('the row is in SQLite', () => rowsOf(directory).some(({ wiki }) => wiki === 'by-hand'), deadline - Date.now())
    await until('the line is in the file', () => linesOf(directory).some(({ wiki }) => wiki === 'by-hand'), deadline - Date.now())
    const found = await execute('sh', ['-c', (await running.line(/^ *grep /)).trim()])

    t.match(answer, /^HTTP\/1\.1 204/)
    t.match(JSON.parse(found.stdout), { wiki: 'by-hand', schema: 'DemoButtonClick' })
  })

  await t.test('the directory is not for a second run at the same time', async t => {
    const second = start(t, directory)

    t.equal(await second.ended, 78)
    t.match(second.errors.at(-1), /another process runs as/)
    t.equal(running.child.exitCode, null)
  })

  await t.test('Ctrl-C ends all daemons, and nothing that came is lost', async t => {
    await running.line(/[1-9]\d* valid, [1-9]\d* invalid; .*6 of 6 daemons up.*last invalid: \w+: /)
    running.child.kill('SIGINT')

    t.equal(await running.ended, 0)
    t.strictSame(running.errors, [])
    t.strictSame(processesIn(directory), [])
    const [, came] = /^(\d+) events came over http; \d+ were valid, [1-9]\d* were not\.$/.exec(await running.line(/came over http;/)) ?? []
    t.equal(linesOf(directory).length, Number(came), 'they are in the file')
    t.equal(rowsOf(directory).length, Number(came), 'and in tables')
  })

  await t.test('the next run, on a terminal, draws in place, ends by itself, and adds to what is there', { skip: needsScript }, async t => {
    const before = linesOf(directory).length
    const command = `stty cols 100 rows 40; exec ${process.execPath} ${executable} run --directory '${directory}' --rate 40 --seconds 4`
    const { stdout } = await execute('script', ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } })
    const [head, table = '', tail] = stdout.split(alternateScreen)

    t.equal(head, '')
    for (const text of [/forwarder client-side .*http 8\d+ /, /NavigationTiming /, /last invalid event: /]) t.match(table, text)
    t.equal(table.split(clearScreen).length, 2, 'cleared once')
    t.notMatch(table, /\n/, 'never scrolled')
    t.match(tail, /events came over http/)
    t.ok(linesOf(directory).length > before + 20)
    t.equal(new Set(rowsOf(directory).map(({ uuid }) => uuid)).size, linesOf(directory).length, 'no number was given twice')
  })
})

t.test('a daemon that is killed is reported and started again; when the tool is killed, all end', { skip: needsProc }, async t => {
  const directory = directoryFor(t)
  const running = start(t, directory, '--rate', '40')
  await running.line(/6 of 6 daemons up/)
  const pid = pidOf(directory, 'processor')

  process.kill(pid ?? 0, 'SIGKILL')
  await running.line(/processor client-side was killed by SIGKILL; it is started again/)
  await running.line(/^ {10}info: connected: tcp:\/\/127.0.0.1:8\d+\?as=client-side$/)
  t.not(await until('it runs again', () => pidOf(directory, 'processor')), pid)
  const before = linesOf(directory).length
  await until('events flow again', () => linesOf(directory).length > before + 20)

  running.child.kill('SIGKILL')
  await running.ended
  await until('all daemons have ended', () => processesIn(directory).length === 0)
  const { counts } = lastLogged(directory, 'consumer-json-log') as { counts: { taken: number } }
  t.equal(linesOf(directory).length, counts.taken, 'what had been taken is stored')

  // seen to wait in vain where the daemons read the plain streams
  await t.test('nothing that came is lost: the next run stores what was on its way', async t => {
    const came = recordsIn(directory, 'forwarder-client-side')
    const next = start(t, directory, '--rate', '0')
    await next.line(/6 of 6 daemons up/)
    await until('all is in both stores', () => linesOf(directory).length >= came && rowsOf(directory).length >= came)
    next.child.kill('SIGINT')
    t.equal(await next.ended, 0)

    t.equal(linesOf(directory).length, came)
    t.equal(new Set(linesOf(directory).map(({ uuid }) => uuid)).size, came)
    t.equal(rowsOf(directory).length, came)
    const ledger = await execute(process.execPath, [executable, 'ledger', '--state', join(directory, 'state')])
    t.match(ledger.stdout, /^the books balance: 6 daemons/m)
  })
})

t.test('a daemon that cannot run as configured ends all, with its reason', { skip: needsProc }, async t => {
  const directory = directoryFor(t)
  const held = openState(join(directory, 'state'), 'forwarder-client-side')
  t.teardown(() => { held.close() })
  const running = start(t, directory)

  t.equal(await running.ended, 78)
  t.match(JSON.parse(running.errors.at(-1) ?? ''), { level: 'error', message: /^forwarder client-side cannot run so: error: .*another process runs as/ })
  t.strictSame(processesIn(directory), [])
})

t.test('options that cannot be are refused', async t => {
  const cases: Array<[string[], RegExp]> = [
    [['--rate', '-1'], /--rate -1: .*from 0 to 500/],
    [['--rate', '501'], /--rate 501/],
    [['--seconds', '0'], /--seconds 0/],
    [['--statsd', '127.0.0.1:8125'], /--statsd 127.0.0.1:8125: .*leave it out/],
    [['--state', '/nowhere'], /--state \/nowhere: .*--directory/]
  ]
  const directory = directoryFor(t)
  await Promise.all(cases.map(async ([args, message]) => {
    const running = start(t, join(directory, 'var'), ...args)
    t.equal(await running.ended, 78, args.join(' '))
    t.match(running.errors.at(-1), message)
  }))
  t.notOk(existsSync(join(directory, 'var')), 'before anything is written')
})

/** Takes a port of loopback; if another process has it, that is as good. */
async function occupy (t: Test, port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  t.teardown(() => { server.close() })
  await once(server, 'listening').catch(() => {})
}

function lastLogged (directory: string, daemon: string): unknown {
  return JSON.parse(readFileSync(join(directory, 'log', `${daemon}.log`), 'utf8').trim().split('\n').at(-1) ?? '')
}
