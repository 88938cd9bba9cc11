import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import type { Writer } from '../../lib/stream/contracts.js'
import { Schemes } from '../../lib/stream/schemes.js'
import { prettyRecord } from '../../lib/writers/pretty.js'
import { stdoutWriter } from '../../lib/writers/stdout.js'
import { until } from '../helpers/wait.js'

/** Says on stderr what became of the writes, then ends by itself. */
const script = `
const load = path => import(new URL(path, ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '/')).href)}))
const { stdoutWriter } = await load('../../lib/writers/stdout.js')
const { Schemes } = await load('../../lib/stream/schemes.js')
const { batchOfLines } = await load('../../lib/stream/batch.js')
const { testContext } = await load('../helpers/context.js')
const [uri, batches, ...lines] = process.argv.slice(1)
const ctx = testContext()
const writer = await new Schemes('writer').add(stdoutWriter).open(uri, ctx)
const timer = setInterval(() => process.stderr.write('.'), 20)
try {
  for (let i = 0; i < batches; i++) {
    await writer.write(batchOfLines(lines))
    process.stderr.write('w')
  }
  await writer.flush()
} catch (error) {
  process.stderr.write(JSON.stringify({ name: error.name, code: error.code, message: error.message }))
}
clearInterval(timer)
await writer.close()
await writer.close()
await ctx.end()
`

function run (args: string[], stdout: 'pipe' | number = 'pipe'): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', script, ...args], { stdio: ['ignore', stdout, 'pipe'] })
}

t.test('a record is a line, as it came, when standard output is no terminal', async t => {
  const child = run(['stdout://', '2', '{"a": 1}', 'zwölf \u001b[31m'])

  t.equal(await text(child.stdout as NodeJS.ReadableStream), '{"a": 1}\nzwölf \u001b[31m\n'.repeat(2))
  t.same(await once(child, 'exit'), [0, null])
})

t.test('a reader that is slow slows the writer, and nothing else', async t => {
  const line = 'x'.repeat(1000)
  const child = run(['stdout://', '1000', ...Array.from({ length: 10 }, () => line)])
  let progress = ''
  child.stderr?.on('data', (chunk: Buffer) => { progress += chunk.toString() })

  await until('it has stood still for a while', () => /w\.{10,}$/.test(progress))
  t.ok(progress.split('w').length < 100, 'it holds what a pipe holds')

  t.equal((await text(child.stdout as NodeJS.ReadableStream)).length, 1000 * 10 * 1001)
  t.same(await once(child, 'exit'), [0, null])
})

t.test('a reader that goes away is a quiet end', async t => {
  const child = run(['stdout://', '100000', 'x'.repeat(1000)])
  const said = text(child.stderr as NodeJS.ReadableStream)
  await once(child.stdout as NodeJS.ReadableStream, 'readable')

  child.stdout?.destroy()

  t.match(await said, /"name":"StreamError","code":"stopped","message":"standard output was closed by its reader"/)
})

t.test('a disk that is full is said', async t => {
  const child = run(['stdout://', '1', 'x'], openSync('/dev/full', 'w'))

  t.match(await text(child.stderr as NodeJS.ReadableStream), /"name":"StreamError","code":"no-space"/)
})

t.test('JSON is spread over lines when that is asked for, and digits stay', async t => {
  const child = run(['stdout://?pretty=always', '1', '{"a":{"n":12345678901234567890,"e":[]},"b":[1,{}]}', 'no JSON'])

  t.equal(await text(child.stdout as NodeJS.ReadableStream), `{
  "a": {
    "n": 12345678901234567890,
    "e": []
  },
  "b": [
    1,
    {}
  ]
}
no JSON
`)
})

for (const [name, env, printed] of [
  ['in colour', { CI: undefined, FORCE_COLOR: undefined, NO_COLOR: undefined, NODE_DISABLE_COLORS: undefined }, '{\r\n  \u001b[36m"a"\u001b[39m: [\r\n    \u001b[33m1\u001b[39m\r\n  ]\r\n}\r\n'],
  ['without colours where NO_COLOR is set', { CI: undefined, FORCE_COLOR: undefined, NO_COLOR: '1' }, '{\r\n  "a": [\r\n    1\r\n  ]\r\n}\r\n']
] as const) {
  t.test(`on a terminal it does so by itself, ${name}`, async t => {
    const command = [process.execPath, '--input-type=module', '-e', script, 'stdout://', '1', '{"a":[1]}'].map(part => `'${part.replaceAll('\'', '\'\\\'\'')}'`).join(' ')
    const child = spawn('script', ['--quiet', '--return', '--command', `${command} 2>/dev/null`, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm-256color', ...env } })

    t.match(await text(child.stdout), printed)
  })
}

t.test('what a terminal gets is JSON all the same, and cannot control it', async t => {
  const value = { 'a "b"\\': [null, true, -1.5e-7, 'x:{[,]}', { '': {} }, []], c: { d: [[[]]] } }

  t.same(JSON.parse(prettyRecord(JSON.stringify(value), false)), value)
  t.equal(prettyRecord('"a\u009b31m\u007f\u001b[0m\t', true), '"a\\u009b31m\\u007f\\u001b[0m\\u0009\n')
  t.equal(prettyRecord('"\u202eabc\u{f0000}"', false), '"\\u202eabc\\udb80\\udc00"\n', 'nothing is turned round')
  t.equal(prettyRecord('{"torn', true), '{"torn\n')
  t.match(prettyRecord('{"a":"b","c":false}', true), '\u001b[36m"a"\u001b[39m: \u001b[32m"b"\u001b[39m,\n  \u001b[36m"c"\u001b[39m: \u001b[35mfalse\u001b[39m')
  const deep = '['.repeat(5000) + ']'.repeat(5000)
  t.ok(prettyRecord(deep, false).length < 100 * deep.length, 'deep nesting does not fill the memory')
})

t.test('there is one standard output', async t => {
  const writers = new Schemes<Writer>('writer').add(stdoutWriter)
  t.throws(() => writers.check('stdout://file.log'), { name: 'ConfigError', message: /no host and no path/ })
  t.throws(() => writers.check('stdout:///file.log'), { name: 'ConfigError' })
})
