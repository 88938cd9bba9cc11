import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { check } from '../../../tools/check.js'
import { runCheck } from '../../helpers/check-command.js'
import { executable } from '../../helpers/daemon.js'
import { isPlugInOutput } from '../../helpers/plug-in-output.js'
import { fifteen, sendSeries, startRenderServer } from '../../helpers/render-server.js'
import { projectRoot } from '../../helpers/shared.js'
import { until } from '../../helpers/wait.js'

const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }

t.test('every check has help, with its options, examples, ranges and exit codes, in lines that fit', async t => {
  for (const { name } of check.commands) {
    const { code, text, stderr } = await runCheck(name.replace('check ', ''), '--help')

    t.equal(code, 0, name)
    t.equal(stderr, '', name)
    for (const part of ['-w, --warning', '-c, --critical', '-t, --timeout', '-v, --verbose', '-h, --help', '-V, --version', `vanadium ${name}`, '@10:20 inside', '3 UNKNOWN']) t.ok(text.includes(part), `${name}: ${part}`)
    t.strictSame(text.split('\n').filter(line => line.length > 100), [], name)
  }
})

t.test('-h is --help, -V and --version tell the version, whatever else is missing', async t => {
  t.match(await runCheck('graphite', '-h'), { code: 0, text: /^Compares metrics of Graphite/ })
  t.match(await runCheck('graphite', '-V'), { code: 0, text: `${version}\n` })
  t.match(await runCheck('graphite', '--version'), { code: 0, text: `${version}\n` })
})

t.test('options may be short, glued, and in an argument file, where a range with @ names no file', async t => {
  const server = await startRenderServer(t, response => { sendSeries(response, { a: fifteen(25) }) })
  const directory = mkdtempSync(join(tmpdir(), 'arguments-'))
  t.teardown(() => { rmSync(directory, { recursive: true }) })
  const file = join(directory, 'arguments')
  writeFileSync(file, `# limits\n--warning @20:30\n--critical ~:30\n--graphite ${server.url}\n`)

  for (const args of [['-w', '@20:30', '-c', '~:30', '-t', '5', '-vvv'], ['-w@20:30', '-c=~:30', '-t5', '-v', '-v'], ['--warning=@20:30', '--critical', '~:30', '--timeout=5', '--verbose']]) {
    const output = await runCheck('graphite', 'a', '--graphite', server.url, ...args)

    isPlugInOutput(t, output)
    t.equal(output.text, 'WARNING: a: 25, 15 of 15 points inside 20:30 | a=25;@20:30;~:30\nWARNING: a: 25, 15 of 15 points inside 20:30\n', args.join(' '))
  }
  t.match(await runCheck('graphite', 'a', `@${file}`), { code: 1, line: 'WARNING: a: 25, 15 of 15 points inside 20:30' })
})

/** What no check can work with, and the line. */
const refused: ReadonlyArray<readonly [string, string[], RegExp]> = [
  ['an unknown option', ['--ouput', 'x'], /^UNKNOWN: unknown argument.*ouput/],
  ['a timeout of nothing', ['-t', '0'], /^UNKNOWN: --timeout 0: give seconds, more than 0 and at most 3600$/],
  ['a timeout that is a word', ['-t', 'soon'], /^UNKNOWN: --timeout is "NaN"; give a number$/],
  ['a range given twice', ['-w', '1', '-w', '2'], /^UNKNOWN: --warning is given 2 times \(1, 2\); give it once$/],
  ['an option without its value', ['-w'], /^UNKNOWN: not enough arguments following: w/],
  ['an argument file that is not there', ['@/nowhere'], /^UNKNOWN: @\/nowhere: ENOENT/],
  ['a registry that is not there', ['--registry', '/nowhere', '-w', '1'], /^UNKNOWN: \/nowhere: the registry cannot be read: ENOENT/]
]

for (const [what, args, line] of refused) {
  t.test(`${what} is unknown, in a line`, async t => {
    const output = await runCheck('graphite', 'a', ...args)

    isPlugInOutput(t, output)
    t.equal(output.code, 3)
    t.match(output.line, line)
  })
}

t.test('--config-check looks at options and registry, and asks nobody', async t => {
  const server = await startRenderServer(t, response => { response.end() })
  const args = ['graphite', 'a', '--graphite', server.url, '--config-check']

  t.match(await runCheck(...args, '-w', '1'), { code: 0, text: 'vanadium check graphite: the configuration is good\n' })
  t.match(await runCheck(...args, '-w', 'one'), { code: 3, line: /^UNKNOWN: --warning "one": give a range/ })
  t.strictSame(server.asked, [])
})

t.test('a check that is stopped says so and ends at once', async t => {
  const server = await startRenderServer(t, () => {})
  const child = spawn(process.execPath, [executable, 'check', 'graphite', 'a', '-w', '1', '--graphite', server.url, '-t', '60'])
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (data: string) => { text += data })
  t.teardown(() => { child.kill('SIGKILL') })

  await until('it has asked', () => server.asked.length > 0)
  child.kill('SIGTERM')
  const [code] = await once(child, 'close') as [number]

  t.equal(code, 3)
  t.match(text, /^UNKNOWN: stopped before /)
})
