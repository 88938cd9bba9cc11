import { execFile, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { executable, startDaemon, startReady } from '../helpers/daemon.js'
import { clickLine, clickLines, clicksIn, eventsIn, numbers, processorFile, startReplay, write } from '../helpers/replay.js'
import { optout } from '../helpers/optout.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

const needsScript = spawnSync('script', ['--version']).stdout?.includes('util-linux') === true ? false : 'needs script: Debian package bsdutils'

// seen to fail when a dry run makes a state, and when --to is inclusive
t.test('a dry run prints for each schema what would be valid, invalid and why, and left out; it sends and remembers nothing', async t => {
  const directory = shortDirectory(t)
  const invalid = clickLine(3, { event: { button: 'nobody', clicks: 1 } })
  const records = write(join(directory, 'raw.log'), [...clickLines(0, 3), invalid, invalid, clickLine(4, { schema: 'NoSuch' }), 'garbage', ...clickLines(8, 12)])
  const state = join(directory, 'state')
  const output = join(directory, 'out.json')
  const args = ['--processor', processorFile(directory), '--records', records, '--output', `file://${output}`, '--state', state]

  const all = await startReplay(t, ...args, '--dry-run').result
  const some = await startReplay(t, ...args, '--dry-run', '--from', '20140521090001', '--to', '2014-05-21T09:00:09Z', '--schema', 'DemoButtonClick/1').result

  t.equal(all.code, 0)
  t.match(all.printed, /^DemoButtonClick +7 +2 +0 {2}\/event\/button: expected one of "save", "cancel", "help"; got "nobody"$/m)
  t.match(all.printed, /^NoSuch +0 +1 +0 {2}there is no schema NoSuch\/1/m)
  t.match(all.printed, /^unknown +0 +1 +0 {2}the line does not match/m)
  t.match(all.printed, /^all +7 +4 +0$/m)
  t.match(some.printed, /^DemoButtonClick +3 +2 +4 /m)
  t.match(some.printed, /^all +3 +2 +6$/m)
  t.match(some.printed, /outside --from and --to: 4$/m)
  t.match(some.printed, /of other schemas than --schema: 2$/m, 'garbage has the time of the line before it')
  t.notOk(existsSync(output))
  t.notOk(existsSync(state))
})

// seen to fail without the check in prepare
t.test('where nobody can be asked, --yes or --dry-run must be given', async t => {
  const directory = shortDirectory(t)
  const replay = startReplay(t, '--processor', processorFile(directory), '--records', write(join(directory, 'raw.log'), clickLines(0, 1)), '--output', 'stdout://')

  t.same(await replay.result, { code: 78, printed: '' })
  t.match(replay.log.at(-1)?.message, /--yes or --dry-run/)
})

// seen to fail when any answer counts as yes
t.test('on a terminal it shows the table and asks; only yes sends', { skip: needsScript }, async t => {
  const directory = shortDirectory(t)
  const records = write(join(directory, 'raw.log'), clickLines(0, 5))
  const output = join(directory, 'out.json')
  const command = `exec ${process.execPath} ${executable} replay --processor ${processorFile(directory)} --records ${records} --output file://${output} --state ${directory}`
  const answer = async (text: string): Promise<string> => {
    const running = promisify(execFile)('script', ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], { env: { ...process.env, TERM: 'xterm' } })
    let shown = ''
    running.child.stdout?.on('data', (chunk: string) => { shown += chunk })
    await until('it asks', () => shown.includes('[y/N]'), 60_000)
    running.child.stdin?.write(`${text}\n`)
    return (await running).stdout
  }

  t.match(await answer('n'), /all +5 +0 +0[^]*nothing was sent/)
  t.notOk(existsSync(output))
  t.match(await answer('y'), /sending \[#{30}\] 100 % of 5/)
  t.strictSame(clicksIn(output), numbers(0, 5))
})

// seen to fail when letters are taken for lines, when files are read in the order given, and when a hash is hashed once more
t.test('raw lines, event errors and dead letters are told apart, whatever file they are in, and the oldest file comes first', async t => {
  const directory = shortDirectory(t)
  const processor = processorFile(directory)
  const [live, output] = [join(directory, 'live.json'), join(directory, 'out.json')]
  // what the live processor makes of a line, and of one whose schema is missing yet
  const wrong = clickLine(20, { schema: 'Later' })
  const pipe = startDaemon(t, 'processor', '--format', '%q %{recvFrom}s %{seqId}d %t %h %{userAgent}i', '--address-key', join(directory, 'key'), '--input', 'stdin://', '--output', `file://${live}`, '--invalid', `file://${live}`)
  pipe.child.stdin.end(`${clickLine(1)}\n${wrong}\n`)
  t.equal(await pipe.ended, 0)
  const [valid, error] = eventsIn(live)
  const letter = (record: string): string => JSON.stringify({ time: '2014-05-21T10:00:00.000Z', instance: 'mysql', code: 'refused-by-store', message: 'no', record })
  const schemas = join(directory, 'schemas')
  mkdirSync(join(schemas, 'Later'), { recursive: true })
  writeFileSync(join(schemas, 'Later', '1.yaml'), 'properties: {button: {type: string}, clicks: {type: integer}}\n')
  const newest = write(join(directory, 'a.log'), [readFileSync(live, 'utf8').trim(), letter(clickLine(21)), letter(JSON.stringify(valid)), letter(JSON.stringify(error))])
  const oldest = join(directory, 'z.log.gz')
  writeFileSync(oldest, gzipSync(`${clickLine(0)}\n`))

  const { code, printed } = await startReplay(t, '--yes', '--processor', processor, '--schemas', schemas, '--records', newest, oldest, '--output', `file://${output}`).result

  t.equal(code, 0, printed)
  t.strictSame(eventsIn(output).map(({ schema, event: { clicks } }) => [schema, clicks]), [
    ['DemoButtonClick', 1], ['Later', 21], ['DemoButtonClick', 22], ['DemoButtonClick', 2], ['EventError', undefined]
  ])
  t.match(printed, /valid already .*: 1$/m)
  t.match(printed, /of the valid, 2 are events that a store had refused/)
  const [, later, letterLine, refused] = eventsIn(output)
  t.equal(later?.clientIp, valid?.clientIp, 'the address in an event error is hashed already')
  t.equal(letterLine?.clientIp, valid?.clientIp, 'and the one in a raw line is hashed now')
  t.same(refused, valid, 'an event that a store refused goes on as it is')
})

// seen to fail when events of dead letters go on as they are
t.test('of users who opted out nothing is replayed: neither lines nor event errors nor dead letters', async t => {
  const directory = shortDirectory(t)
  const registry = write(join(directory, 'registry.yaml'), ['schemas: { DemoButtonClick: { user: event.button } }'])
  const list = ['--optout', join(directory, 'optout'), '--optout-key', join(directory, 'optout.key')]
  await optout('add', ['help'], '--stdin', ...list)
  const recordsOf = (n: number, button: string): string[] => {
    const line = clickLine(n, { event: { button, clicks: n + 1 } })
    const event = JSON.stringify({ schema: 'DemoButtonClick', revision: 1, wiki: 'testwiki', uuid: `${n}`.repeat(32), event: { button, clicks: n + 2 } })
    const rawEvent = clickLine(n + 2, { event: { button, clicks: n + 3 } })
    return [line, JSON.stringify({ schema: 'EventError', revision: 14035058, event: { rawEvent, code: 'validation' } }), JSON.stringify({ time: '2014-05-21T10:00:00.000Z', instance: 'mysql', code: 'x', message: 'no', record: event })]
  }
  const records = write(join(directory, 'raw.log'), [...recordsOf(0, 'help'), ...recordsOf(4, 'save')])
  const output = join(directory, 'out.json')

  // registry and list are those of the live processor
  const processor = processorFile(directory, `--registry ${registry}`, `--optout ${list[1]}`, `--optout-key ${list[3]}`)
  const { code, printed } = await startReplay(t, '--yes', '--processor', processor, '--records', records, '--output', `file://${output}`).result

  t.equal(code, 0, printed)
  t.match(printed, /of users who opted out: 3$/m)
  t.strictSame(clicksIn(output).sort(), [4, 5, 6])
})

// seen to fail when the position of a file is forgotten, and when a file is known by its name
t.test('what was done is not done again, also when the files were rotated and compressed; what they have more is', async t => {
  const directory = shortDirectory(t)
  const records = write(join(directory, 'raw.log'), clickLines(0, 10))
  const output = join(directory, 'out.json')
  const args = ['--yes', '--processor', processorFile(directory), '--output', `file://${output}`, '--records']
  const replay = async (...more: string[]): Promise<string> => {
    const { code, printed } = await startReplay(t, ...args, ...more).result
    t.equal(code, 0)
    return printed
  }
  await replay(records)
  t.strictSame(clicksIn(output), numbers(0, 10))

  t.match(await replay(records), /^this was done at \d{4}-.*--again/)
  appendFileSync(records, `${clickLine(10)}\n`)
  renameSync(records, `${records}.1`)
  write(records, clickLines(11, 13))
  t.match(await replay(records, `${records}.1`), /^3 records were read$/m)
  writeFileSync(`${records}.1.gz`, gzipSync(readFileSync(`${records}.1`)))
  t.match(await replay(records, `${records}.1.gz`), /^this was done at/)
  t.strictSame(clicksIn(output), numbers(0, 13), 'each once')

  await replay(records, '--again')
  t.strictSame(clicksIn(output), [...numbers(0, 13), 11, 12], 'asked for again it is sent again')
  const twice = startReplay(t, ...args, `${records}.1`, `${records}.1.gz`)
  t.equal((await twice.result).code, 78, 'a copy is refused')
})

// seen to fail when the end is not waited for, and when it ends as soon as somebody has subscribed
t.test('into a journaled output it ends when a subscriber has everything; without one it says what it waits for, and a restart goes on waiting', async t => {
  const directory = shortDirectory(t)
  const stream = `ipc://${join(directory, 'replayed')}`
  const log = join(directory, 'log.json')
  const records = write(join(directory, 'raw.log'), clickLines(0, 500))
  const args = ['--yes', '--processor', processorFile(directory), '--output', `${stream}?journal=replay`, '--records', records]

  const first = startReplay(t, ...args)
  await first.logged('nobody has subscribed to what is replayed; waiting')
  t.equal(await first.stop(), 1)
  t.match(first.log.find(({ level }) => level === 'error')?.message, /the same command goes on/)
  const second = startReplay(t, ...args)
  const consumer = await startReady(t, 'consumer', '--input', `${stream}?as=log`, '--output', `file://${log}`)

  t.equal((await second.result).code, 0)
  t.strictSame(clicksIn(log), numbers(0, 500), 'all is there at the end')
  t.match((await startReplay(t, ...args).result).printed, /^this was done/)
  appendFileSync(records, `${clickLine(500)}\n`)
  consumer.child.kill('SIGSTOP')
  const third = startReplay(t, ...args)
  t.match(await third.logged('waiting for subscribers'), { subscribers: { log: 1 } })
  consumer.child.kill('SIGCONT')
  t.equal((await third.result).code, 0)
  t.strictSame(clicksIn(log), numbers(0, 501))
})
