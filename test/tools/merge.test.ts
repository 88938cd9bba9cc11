import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { usualSizes } from '../../tools/merge/held-lines.js'
import { merge, type MergeSettings } from '../../tools/merge/session.js'
import type { Summary } from '../../tools/merge/summary.js'
import { showProgress } from '../../tools/replay/progress.js'
import { testContext } from '../helpers/context.js'
import { executable } from '../helpers/daemon.js'
import { eventOf, runMerge, summaryIn, uuidOf, writeLog } from '../helpers/merge-command.js'
import { optout } from '../helpers/optout.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const needsScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true ? false : 'needs script: Debian package bsdutils'

const numbers = (from: number, end: number): number[] => Array.from({ length: end - from }, (_, i) => from + i)
const numbersIn = (text: string): number[] => text.split('\n').slice(0, -1).map(line => (JSON.parse(line) as { event: { n: number } }).event.n)

/** Two hosts that have the events 0 to 99: `a` without 10 to 19, `b` without 50 to 54; each in several files. */
function twoHosts (t: Test): { directory: string, a: string, b: string } {
  const directory = shortDirectory(t)
  const [a, b] = ['a', 'b'].map(host => {
    mkdirSync(join(directory, host))
    return join(directory, host, 'all-events.log')
  }) as [string, string]
  writeLog(`${a}-20140512.gz`, numbers(0, 10).map(n => eventOf(n)))
  writeLog(`${a}-20140513`, numbers(20, 60).map(n => eventOf(n)))
  writeLog(a, numbers(60, 100).map(n => eventOf(n)))
  writeLog(`${b}.1.gz`, [...numbers(0, 30), 7].map(n => eventOf(n, 'b')))
  writeLog(b, [...numbers(55, 100), ...numbers(30, 50)].map(n => eventOf(n, 'b')))
  return { directory, a, b }
}

t.test('files of two hosts become one, gaps of each are filled, and it is told what they lack', async t => {
  const { directory, a, b } = twoHosts(t)
  const output = join(directory, 'merged.log.gz')
  chmodSync(`${a}-20140512.gz`, 0o640)
  const files = [`${a}-20140512.gz`, `${a}-20140513`, a, `${b}.1.gz`, b]
  for (const [i, file] of files.entries()) utimesSync(file, new Date(), new Date(`2014-05-1${[2, 3, 4, 3, 3][i]}T00:00:00Z`))
  const dry = await runMerge(...files, '--output', output, '--dry-run', '--json')
  const isThereAfterDryRun = existsSync(output)
  const done = await runMerge(...files, '--output', output)

  t.notOk(isThereAfterDryRun)
  t.match(dry, { code: 0 }, dry.errors)
  t.match(summaryIn(dry), {
    written: 100, events: 100, inAll: 85, differ: { lines: 86, fields: { clientIp: 86 } },
    hosts: [
      { name: join(directory, 'a'), files: 3, lines: 90, events: 90, duplicates: 0, only: 5, missing: 10, firstMissing: '2014-05-13T16:53:23.000Z', lastMissing: '2014-05-13T16:53:26.000Z' },
      { name: join(directory, 'b'), files: 2, lines: 96, events: 95, duplicates: 1, only: 10, missing: 5, first: '2014-05-13T16:53:20.000Z', last: '2014-05-13T16:53:53.000Z' }
    ]
  })
  t.equal(done.code, 0, done.errors)
  t.match(done.printed, /^host +files +lines +events +again +only here +missing +first +last\n\S+\/a +3 +90 +90 +0 +5 +10 /)
  t.match(done.printed, /\/b lacks 5 events, from \S+Z to \S+Z\.\n86 lines say something else than the line of the same event that was kept: clientIp \(86\)\.\n/)
  t.match(done.printed, /\n100 events, 85 of them on both hosts; 100 lines written to \S+merged\.log\.gz\.\n$/)
  const text = gunzipSync(readFileSync(output)).toString()
  const sorted = numbers(0, 100).sort((i, j) => Math.floor(i / 3) - Math.floor(j / 3) || (uuidOf(i) < uuidOf(j) ? -1 : 1))
  t.strictSame(numbersIn(text), sorted)
  t.strictSame(text.split('\n').slice(0, -1), sorted.map(n => eventOf(n, n >= 10 && n < 20 ? 'b' : 'a')), 'the line of the host that is named first is kept')
  t.equal(statSync(output).mode & 0o777, 0o640, 'it is as private as the first file')
  t.equal(statSync(output).mtimeMs, Date.parse('2014-05-14T00:00:00Z'), 'it is as old as the newest file, for whom lines without a time are as old as their file')
  t.strictSame(readdirSync(directory).sort(), ['a', 'b', 'merged.log.gz'])
})

t.test('without an output, lines go to standard output and the summary to stderr', async t => {
  const { a, b } = twoHosts(t)
  const { code, printed, errors } = await runMerge(a, b, '--log-level', 'error', '--json')

  t.equal(code, 0)
  t.strictSame(numbersIn(printed).sort((i, j) => i - j), numbers(30, 100).filter(n => n < 50 || n > 54))
  t.match(JSON.parse(errors), { output: null, written: 65, hosts: [{ missing: 20 + 5 }, { missing: 0 }] })
})

t.test('a reader that has had enough is no failure', async t => {
  const { directory } = twoHosts(t)
  const logs = ['a', 'b'].map(host => writeLog(join(directory, host, 'large.log'), numbers(0, 30_000).map(n => eventOf(n, host))))
  const { stdout } = await promisify(execFile)('bash', ['-c', `set -o pipefail; '${process.execPath}' '${executable}' merge ${logs.join(' ')} | head -n 1; echo "\${PIPESTATUS[0]}"`])

  t.match(stdout, /^\{.*\}\n0\n$/)
})

t.test('--check tells gaps by its exit code', async t => {
  const { a, b } = twoHosts(t)
  const same = writeLog(`${b}.copy`, readFileSync(a, 'utf8').trimEnd().split('\n'))

  t.match(await runMerge(a, same, '--dry-run', '--check'), { code: 0 })
  t.match(await runMerge(a, b, '--dry-run', '--check'), { code: 2 })
})

const usual = { lacking: null, output: null, isDryRun: true, temporary: undefined, temporaryOfOthers: tmpdir(), sizes: usualSizes }

/** The same in this process, which is not started for each. */
async function merged (operands: string[], settings: Partial<MergeSettings> = {}): Promise<Summary> {
  const ctx = testContext()
  try {
    return await merge({ ...usual, operands, ...settings }, ctx)
  } finally {
    await ctx.end()
  }
}

t.test('only what a host lacks is written; a host that there is not is refused', async t => {
  const { directory, a, b } = twoHosts(t)
  const gap = join(directory, 'gap.log')

  const { code, printed } = await runMerge(`one=${a}`, `two=${b}`, '--lacking', 'one', '--output', gap)
  t.equal(code, 0)
  const lines = readFileSync(gap, 'utf8').trimEnd().split('\n')
  const own = new Set(readFileSync(a, 'utf8').split('\n').map(uuidIn))
  t.strictSame(lines.sort(), readFileSync(b, 'utf8').trimEnd().split('\n').filter(line => !own.has(uuidIn(line))).sort())
  t.ok(lines.length > 10)
  t.match(printed, new RegExp(`; ${lines.length} lines that one lacks written to ${gap}\\.$`, 'm'))
  t.match(await runMerge(`one=${a}`, `two=${b}`, '--lacking', 'three'), { code: 78, errors: /--lacking three: no file is of that host; there are one, two/ })
})

t.test('which files are of one host follows from directories, from the names of logs, or is said', async t => {
  const { directory, a, b } = twoHosts(t)
  const names = async (...files: string[]): Promise<unknown> => (await merged(files)).hosts.map(({ name, files }) => [name, files])
  const here = (name: string): string => writeLog(join(directory, name), [eventOf(1)])
  const flat = ['x.log', 'x.log-20140513', 'x.log-20140512-1.gz', 'y.log.1.gz'].map(here)

  t.strictSame(await names(a, `${a}-20140513`, b), [[join(directory, 'a'), 2], [join(directory, 'b'), 1]])
  t.strictSame(await names(...flat), [['x.log', 3], ['y.log', 1]])
  t.strictSame(await names(`one=${a}`, `two=${join(directory, 'x.log*')}`, `one=${b}*`), [['one', 1 + 2], ['two', 3]])
  await t.rejects(names(a, `${a}-20140513`), { code: 'bad-option', message: /all files are taken to be of one host, \S+; say which are whose, as db1=FILE db2=FILE/ })
  t.strictSame(await names(`one=${a}`, `one=${a}-20140513`), [['one', 2]], 'one that is named is meant')
})

t.test('what cannot be merged is refused before anything is done', async t => {
  const { directory, a, b } = twoHosts(t)
  const raw = writeLog(join(directory, 'client-side-events.log'), ['?%7B%22event%22%3A1%7D; cp1 1 2014-05-21T09:30:00 192.0.2.1 x', '[1]', ''])
  const torn = writeLog(join(directory, 'a', 'all-events.log.torn'), ['{"uuid":"'])
  const compressed = writeLog(join(directory, 'b', 'x.log.xz'), [eventOf(1)])
  const twin = join(directory, 'twin.log')
  linkSync(a, twin)
  const output = join(directory, 'merged.log')
  const before = readdirSync(directory)
  const refused = async (message: RegExp, operands: string[], settings: Partial<MergeSettings> = {}): Promise<void> => {
    await t.rejects(merged(operands, settings), { code: 'bad-option', message })
  }

  await refused(/client-side-events\.log is no log of JSON events: .*vanadium replay/, [a, raw])
  await refused(/none: there is no such file; name JSON log files/, [a, join(directory, 'none')])
  await refused(/none\*: there is no such file/, [a, join(directory, 'none*')])
  await refused(/is no regular file; name JSON log files/, [a, directory])
  await refused(/is compressed in a way that is not read/, [a, compressed])
  await refused(/are the same file; give it once/, [a, b, twin])
  await refused(/--temporary \S+: ENOENT.*name a directory that this user can write/, [a, b], { temporary: join(directory, 'none') })
  await refused(/--output \S+: ENOENT.*name a new file in a directory that this user can write/, [a, b], { isDryRun: false, output: join(directory, 'none', 'x') })
  t.strictSame(readdirSync(directory), before)

  t.match(await merged([a, torn, b], { isDryRun: false, output }), { hosts: [{ notJson: 1 }, { notJson: 0 }] }, 'what was torn has no need to be JSON')
  await refused(/--output \S+ is there already; name a new file/, [a, b], { isDryRun: false, output })
  const link = join(directory, 'link.log')
  symlinkSync(join(directory, 'nothing'), link)
  await refused(/--output \S+link\.log is there already; name a new file/, [a, b], { isDryRun: false, output: link })
  const wrong = await runMerge(a, b, '--output', `${directory}/`)
  t.match(wrong, { code: 78, printed: '' })
  t.match(wrong.errors, /is a directory; name a file in it/)
})

t.test('manifests of backups, and what a purge was just writing, are left out, named or not', async t => {
  const { a, b } = twoHosts(t)
  const manifest = writeLog(`${a}.manifest.json`, ['{"version":1}'])
  const aside = writeLog(`${b}.purging`, [eventOf(200)])
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const named = await merge({ ...usual, operands: [a, manifest, b, aside] }, ctx)

  t.match(named, { events: 65, hosts: [{ files: 1 }, { files: 1 }] })
  t.match(ctx.logged(), [{ level: 'warn', message: 'files that are no logs were left out', files: [manifest, aside] }])
  t.match(await merged([`a=${a}*`, `b=${b}*`]), { events: 100, hosts: [{ files: 3 }, { files: 2 }] })
  await t.rejects(merged([manifest, aside]), { code: 'bad-option', message: /no log is among what is named, but \S+\.manifest\.json; name JSON log files/ })
})

t.test('a damaged file ends the merge, and leaves no output', async t => {
  const { directory, a } = twoHosts(t)
  const damaged = writeLog(join(directory, 'b', 'damaged.log.gz'), numbers(0, 20_000).map(n => eventOf(n, 'b')))
  truncateSync(damaged, statSync(damaged).size - 100)
  const { code, errors } = await runMerge(a, damaged, '--output', join(directory, 'merged.log'))

  t.equal(code, 1)
  t.match(errors, /damaged\.log\.gz cannot be read: unexpected end of file/)
  t.strictSame(readdirSync(directory).sort(), ['a', 'b'])
})

t.test('users who opted out are left out, and counted', async t => {
  const { directory, a, b } = twoHosts(t)
  const registry = join(directory, 'registry.yaml')
  writeFileSync(registry, JSON.stringify({ schemas: { Demo: { user: 'event.n' } } }))
  const list = ['--optout', join(directory, 'optout'), '--optout-key', join(directory, 'key')]
  t.equal((await optout('add', ['15', '70'], '--stdin', ...list)).code, 0)
  const output = join(directory, 'merged.log')
  const { code, printed, errors } = await runMerge(`a=${a}*`, `b=${b}*`, '--output', output, '--registry', registry, ...list, '--json')

  t.equal(code, 0, errors)
  t.match(summaryIn({ printed }), { written: 98, events: 98, hosts: [{ lines: 90, optedOut: 1, missing: 9 }, { lines: 96, optedOut: 2 }] })
  t.match(errors, /"records of users who opted out were left out".*"records":3/)
  t.strictSame(numbersIn(readFileSync(output, 'utf8')).filter(n => n === 15 || n === 70), [])
})

t.test('long lines are looked through for users who opted out, and none that is too long for that is written', async t => {
  const { directory, a, b } = twoHosts(t)
  const [registry, list] = [join(directory, 'registry.yaml'), ['--optout', join(directory, 'optout'), '--optout-key', join(directory, 'key')]]
  writeFileSync(registry, JSON.stringify({ schemas: { Demo: { user: 'event.n' } } }))
  t.equal((await optout('add', ['200'], '--stdin', ...list)).code, 0)
  const long = (n: number, bytes: number): string => writeLog(join(directory, 'a', `${n}.log`), [eventOf(n, 'a', { text: 'x'.repeat(bytes) })])
  const output = join(directory, 'merged.log')
  const files = [a, long(200, 20 << 10), long(201, 20 << 10), b]
  const done = await runMerge(...files, '--output', output, '--registry', registry, ...list, '--json')
  const tooLong = await runMerge(a, long(202, 13 << 20), b, '--output', `${output}.2`, '--registry', registry, ...list)

  t.equal(done.code, 0, done.errors)
  t.match(summaryIn(done), { events: 66, hosts: [{ optedOut: 1 }, { optedOut: 0 }] })
  t.strictSame(numbersIn(readFileSync(output, 'utf8')).filter(n => n > 100), [201])
  t.equal(tooLong.code, 1)
  t.match(tooLong.errors, /202\.log has a line of more than 12 MiB, which is too long to be looked through for users who opted out; take such lines out of it/)
  t.notOk(existsSync(`${output}.2`))
  t.match(await merged([a, join(directory, 'a', '202.log'), b]), { hosts: [{ tooLong: 1 }, { tooLong: 0 }] }, 'where nobody has, it is kept')
})

t.test('on a terminal a bar says how far it is', { skip: needsScript }, async t => {
  const { directory } = twoHosts(t)
  const logs = ['a', 'b'].map(host => writeLog(join(directory, host, 'large.log'), numbers(0, 60_000).map(n => eventOf(n, host))))
  const command = `'${process.execPath}' '${executable}' merge ${logs.join(' ')} --output '${join(directory, 'merged.log')}'`
  const { stdout } = await promisify(execFile)('script', ['--quiet', '--flush', '--return', '--command', `stty cols 120; ${command}`, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } })

  t.match(stdout, /\rreading \(1 of 3\) \[\.+\] 0 % of 2\d MiB \(0 B\), 0 lines\/s, 0 s left/)
  for (const step of ['reading (1 of 3)', 'comparing (2 of 3)', 'writing (3 of 3)']) {
    t.match(stdout, new RegExp(`\\r${step.replace(/[()]/g, '\\$&')} \\[#{30}\\] 100 % of [\\d.]+ MiB \\([\\d.]+ MiB\\), [\\d,]+ lines/s, 0 s left`))
  }
})

t.test('elsewhere a line of the log says it now and then', async t => {
  const ctx = testContext()
  t.teardown(async () => { await ctx.end() })
  const end = showProgress({ what: 'reading (1 of 3)', total: 4000, tally: { read: 1000 }, lines: () => 10, waitsFor: () => null, terminal: null, log: ctx.log, sayMs: 1 })
  t.teardown(end)

  t.match(await until('it is logged', () => ctx.logged()[0]), { level: 'info', message: 'progress', what: 'reading (1 of 3)', percent: 25, bytes: 1000, of: 4000, lines: 10, per_second: Number, seconds_left: Number })
})

function uuidIn (line: string): string | undefined {
  return /"uuid":"(\w+)"/.exec(line)?.[1]
}
