import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { stdinReader } from '../../lib/readers/stdin.js'
import type { Reader } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { until } from '../helpers/wait.js'

const program = join(import.meta.dirname, 'copy-stdin.js')

interface Result {
  readonly output: string
  readonly exit: number | null
  readonly said: { records: number, positions: unknown[], counts: Record<string, number>, logged: Array<Record<string, unknown>>, error?: string }
}

interface Running {
  readonly child: ChildProcess & { stdin: NonNullable<ChildProcess['stdin']> }
  output (): string
  readonly result: Promise<Result>
}

function start (t: Test, uri = 'stdin://'): Running {
  const child = spawn(process.execPath, [program, uri])
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => { output.push(chunk) })
  child.stdin.on('error', () => { /* it may end before it has read all */ })
  const errors = text(child.stderr)
  t.teardown(() => { child.kill('SIGKILL') })
  return {
    child,
    output: () => String(Buffer.concat(output)),
    result: once(child, 'close').then(async ([exit]) => ({
      output: String(Buffer.concat(output)),
      exit: exit as number | null,
      said: JSON.parse(await errors) as Result['said']
    }))
  }
}

function numbered (count: number): string {
  return Array.from({ length: count }, (_, i) => `record ${i} ${'x'.repeat(i % 200)}\n`).join('')
}

t.test('it copies a pipe to its end, the last line without a newline too', async t => {
  const { child, result } = start(t)
  const lines = numbered(50_000)

  child.stdin.end(`\n\n${lines}\n${'Žluťoučký 🐎'}`)

  const { output, exit, said } = await result
  t.equal(exit, 0)
  t.ok(output === `${lines}Žluťoučký 🐎\n`, 'each record once, in order')
  t.match(said, { records: 50_001, positions: [null], counts: {} })
})

t.test('it reads a file, an empty file, the null device, and nothing at all', async t => {
  const directory = t.testdir({ lines: numbered(30_000), empty: '' })
  for (const [path, expected] of [[join(directory, 'lines'), numbered(30_000)], [join(directory, 'empty'), ''], ['/dev/null', '']] as const) {
    const input = openSync(path, 'r')
    const { status, stdout } = spawnSync(process.execPath, [program], { stdio: [input, 'pipe', 'pipe'], maxBuffer: 1 << 28 })
    closeSync(input)
    t.equal(status, 0, path)
    t.ok(String(stdout) === expected, path)
  }

  const { status, stdout } = spawnSync('sh', ['-c', '"$0" "$1" <&-', process.execPath, program])
  t.equal(status, 0, 'closed')
  t.equal(String(stdout), '')
})

t.test('it reads a terminal', { skip: spawnSync('script', ['--version']).status === 0 ? false : 'needs script, of Debian package bsdutils' }, async t => {
  const child = spawn('script', ['--quiet', '--return', '--command', `stty -echo; '${process.execPath}' '${program}'`, '/dev/null'])
  t.teardown(() => { child.kill('SIGKILL') })
  const output = text(child.stdout)

  child.stdin.end('typed\nby hand\n\u0004')

  t.match(await output, /typed\r?\nby hand\r?\n.*"records":2/)
})

t.test('a record is handed over before the next one comes', async t => {
  const { child, output, result } = start(t)
  for (const record of ['one', 'two', 'three']) {
    child.stdin.write(`${record}\n`)
    await until(`${record} comes out`, () => output().endsWith(`${record}\n`))
  }
  child.stdin.end()
  t.equal((await result).exit, 0)
})

t.test('after the stop it ends although the pipe stays open, and counts a line that it has in part', async t => {
  const { child, output, result } = start(t)
  child.stdin.write('one\ntwo\nthr')
  await until('whole lines come out', () => output() === 'one\ntwo\n')

  child.kill('SIGTERM')

  const { output: all, exit, said } = await result
  t.equal(exit, 0)
  t.equal(all, 'one\ntwo\n')
  t.equal(said.counts['lost'], 1)
  t.match(said.logged, [{ level: 'error', message: /in part/, bytes: 3 }])
})

t.test('a stop under load hands over whole records without a gap', async t => {
  const { child, output, result } = start(t)
  const chunk = numbered(10_000)
  let written = 0
  const feed = async (): Promise<void> => {
    while (child.exitCode === null && written < 2000) {
      written++
      if (!child.stdin.write(chunk)) await Promise.race([once(child.stdin, 'drain').catch(() => {}), result])
    }
  }
  const feeding = feed()
  await until('it is under way', () => output().length > 10 * chunk.length)

  child.kill('SIGTERM')

  const { output: all, exit } = await result
  await feeding
  t.equal(exit, 0)
  t.ok(chunk.repeat(written).startsWith(all), 'what came out is what was put in first')
  t.ok(all.endsWith('\n'))
})

t.test('of a line that is too long the first bytes are the record, and it is counted', async t => {
  const { child, result } = start(t, 'stdin://?max-line=1024')

  child.stdin.end(`before\n${'x'.repeat(1024)}\n${'y'.repeat(1025)}\n${'z'.repeat(300_000)}\nafter\n`)

  const { output, said } = await result
  t.strictSame(output.split('\n').map(line => `${line[0] ?? ''}${line.length}`), ['b6', 'x1024', 'y1024', 'z1024', 'a5', '0'])
  t.equal(said.counts['truncated'], 2)
  t.match(said.logged[0], { level: 'warn', message: /too long/, max_line: 1024 })
})

t.test('a directory as standard input ends at once, or says why it cannot be read', async t => {
  const input = openSync(t.testdir(), 'r')
  const { status, stderr } = spawnSync(process.execPath, [program], { stdio: [input, 'pipe', 'pipe'] })
  closeSync(input)

  t.equal(status, 0)
  t.match(JSON.parse(String(stderr)), { records: 0 })
})

t.test('a host, a path and unknown options are refused', async t => {
  const readers = new Schemes<Reader>('reader').add(stdinReader)
  for (const uri of ['stdin://here', 'stdin:///tmp/lines', 'stdin://?max-line=10', 'stdin://?follow=true']) {
    t.throws(() => readers.check(uri), { name: 'ConfigError', code: 'bad-uri' }, uri)
  }
  for (const example of stdinReader.examples) t.doesNotThrow(() => readers.check(example))
})
