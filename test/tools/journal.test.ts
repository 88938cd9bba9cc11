import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, copyFileSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { openState, type State } from '../../lib/stream/state.js'
import { executable, startReady, type Daemon } from '../helpers/daemon.js'
import { records } from '../helpers/journaled.js'
import { stablePort } from '../helpers/ports.js'
import { shortDirectory } from '../helpers/streams.js'
import { until } from '../helpers/wait.js'

interface Result {
  readonly code: number | string
  readonly lines: string[]
  /** Messages of stderr. */
  readonly errors: string[]
}

async function journal (command: string, directory: string, ...args: string[]): Promise<Result> {
  return await new Promise(resolve => {
    execFile(process.execPath, [executable, 'journal', command, '--state', directory, ...args], { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      const errors = stderr.split('\n').filter(line => line !== '').map(line => (JSON.parse(line) as { message: string }).message)
      resolve({ code: error === null ? 0 : error.code ?? 'killed', lines: stdout.split('\n').slice(0, -1), errors })
    })
  })
}

function save (state: State, name: string, ...lines: string[]): void {
  state.journal(name).append(batchOfLines(lines) as Batch, () => {})
  state.save()
}

/** A state without a daemon: the journal `all` of 300 records, 10 in a batch, of which `one` has committed 100. */
function stored (t: Test): { directory: string, file: string } {
  const directory = shortDirectory(t)
  const state = openState(directory, 'forwarder-a')
  for (let n = 0; n < 300; n += 10) save(state, 'all', ...records(n, n + 10))
  state.journal('all').committed('one', 100)
  state.remember('journal:x?as=y', '0123456789abcdef:17')
  state.save()
  state.close()
  return { directory, file: join(directory, 'forwarder-a.sqlite') }
}

function change (file: string, sql: string): void {
  const db = new Database(file)
  db.exec(sql)
  db.close()
}

interface Pipeline {
  readonly directory: string
  readonly forwarder: Daemon
  readonly endpoint: string
  /** Gives the forwarder lines. */
  feed (lines: string[]): void
}

async function startForwarder (t: Test): Promise<Pipeline> {
  const directory = shortDirectory(t)
  const input = join(directory, 'input.log')
  const endpoint = `tcp://127.0.0.1:${await stablePort()}`
  writeFileSync(input, '')
  const forwarder = await startReady(t, 'forwarder', '--state', directory, '--name', 'a', '--input', `file://${input}?follow=true&poll-interval=20`, '--output', `${endpoint}?journal=all`)
  return { directory, forwarder, endpoint, feed: lines => { appendFileSync(input, lines.map(line => `${line}\n`).join('')) } }
}

// seen to fail with committed numbers of the row before, and with a lag from the oldest record
t.test('ls says what is kept, and how far subscribers are, while the daemons run', async t => {
  const { directory, forwarder, endpoint, feed } = await startForwarder(t)
  const output = join(directory, 'output.log')
  const consumer = await startReady(t, 'consumer', '--state', directory, '--name', 'log', '--flush-interval', '0.1', '--input', `${endpoint}?as=log`, '--output', `file://${output}`)
  feed(records(0, 100))
  await until('all is pruned', async () => (await journal('ls', directory)).lines.some(line => /^forwarder-a +all +[0-9a-f]{16} +0 +100 +100 +0 B +- +\d/.test(line)))
  await consumer.stop()
  feed(records(100, 1500))

  const listed = await until('all is there', async () => {
    const { lines } = await journal('ls', directory)
    return lines.some(line => / 1,400 +100 +1,500 /.test(line)) ? lines : null
  })

  t.match(listed[0], /^INSTANCE +JOURNAL +ID +RECORDS +FIRST +NEXT +BYTES +OLDEST +FILE$/)
  t.match(listed[1], /^forwarder-a +all +[0-9a-f]{16} +1,400 +100 +1,500 +\d+ KiB +\d+ s +\d+ KiB$/)
  t.match(listed[3], /^INSTANCE +JOURNAL +SUBSCRIBER +COMMITTED +LAG +BEHIND +HEARD$/)
  t.match(listed[4], /^forwarder-a +all +log +100 +1,400 +\d+ s +\d+ s ago$/)
  t.equal(listed.length, 5, 'the state of the consumer has no journal')
  t.same(forwarder.log.filter(({ level }) => level === 'error' || level === 'warn'), [])
})

// seen to fail with the whole of the first and last batch, and without `since`
t.test('export prints all records, those between two numbers, and those of some time', async t => {
  const { directory, file } = stored(t)

  t.same(await journal('export', directory, '--journal', 'all'), { code: 0, lines: records(0, 300), errors: [] })
  t.same((await journal('export', directory, '--journal', 'all', '--from', '95', '--to', '213')).lines, records(95, 214))
  t.same((await journal('export', directory, '--journal', 'all', '--from', '290', '--to', '1000')).lines, records(290, 300))
  t.same((await journal('export', directory, '--journal', 'all', '--from', '300')).lines, [])
  change(file, `UPDATE journal_entry SET time_ms = ${Date.parse('2014-05-21T09:30:00Z')} WHERE first < 250`)
  t.same((await journal('export', directory, '--journal', 'all', '--since', '2h')).lines, records(250, 300))
  t.same((await journal('export', directory, '--journal', 'all', '--since', '2014-05-21T09:30:00Z')).lines, records(0, 300))
})

// seen to fail when a reader that goes is an error
t.test('export ends quietly when its reader has enough', async t => {
  const directory = shortDirectory(t)
  const state = openState(directory, 'forwarder-a')
  for (let n = 0; n < 50; n++) save(state, 'all', `record ${n} ${'x'.repeat(100_000)}`)
  state.close()

  const command = `'${process.execPath}' '${executable}' journal export --state '${directory}' --journal all | head -c 8; exit "\${PIPESTATUS[0]}"`
  const result = await new Promise<unknown[]>(resolve => { execFile('bash', ['-c', command], (error, stdout, stderr) => { resolve([error?.code ?? 0, stdout, stderr]) }) })

  t.same(result, [0, 'record 0', ''])
})

// seen to fail when all rows are read at once
t.test('export needs little memory, however much there is', async t => {
  const directory = shortDirectory(t)
  const state = openState(directory, 'forwarder-a', { fsync: 'checkpoint' })
  const record = 'x'.repeat(1 << 20)
  for (let n = 0; n < 400; n++) save(state, 'all', record)
  state.close()
  const child = spawn(process.execPath, [executable, 'journal', 'export', '--state', directory, '--journal', 'all'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const ended = once(child, 'close')
  let bytes = 0
  let peakKb = 0
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > 390 << 20 && peakKb === 0) peakKb = Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1])
  }

  t.same(await ended, [0, null])
  t.equal(bytes, 400 * ((1 << 20) + 1))
  t.ok(peakKb > 0 && peakKb < 300 << 10, `${peakKb} KiB`)
})

// seen to fail when the last batch is printed whole, and without following
t.test('tail prints the last records, and with --follow what comes until it is stopped', async t => {
  const { directory, feed } = await startForwarder(t)
  feed(records(0, 50))
  await until('all is there', async () => (await journal('tail', directory, '--journal', 'all', '-n', '1')).lines[0] === 'record 49')

  t.same(await journal('tail', directory, '--journal', 'all'), { code: 0, lines: records(40, 50), errors: [] })
  t.same((await journal('tail', directory, '--journal', 'all', '--lines', '0')).lines, [])
  t.same((await journal('tail', directory, '--journal', 'all', '-n', '1000')).lines, records(0, 50))

  const child = spawn(process.execPath, [executable, 'journal', 'tail', '--state', directory, '--journal', 'all', '-n', '3', '--follow'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const printed: string[] = []
  createInterface(child.stdout).on('line', line => { printed.push(line) })
  await until('the last are printed', () => printed.length === 3)
  for (let n = 50; n < 80; n += 10) {
    feed(records(n, n + 10))
    await until('new ones are printed', () => printed.length === n + 10 - 47)
  }
  t.same(printed, records(47, 80))
  child.kill('SIGTERM')
  t.same(await once(child, 'close'), [0, null])
})

// seen to fail when the file stays open
t.test('tail --follow goes on with the state that takes the place of the one it had open', async t => {
  const { directory, file } = stored(t)
  const child = spawn(process.execPath, [executable, 'journal', 'tail', '--state', directory, '--journal', 'all', '-n', '1', '--follow'], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const printed: string[] = []
  createInterface(child.stdout).on('line', line => { printed.push(line) })
  await until('the last is printed', () => printed.length === 1)

  for (const suffix of ['', '-wal', '-shm']) {
    try {
      renameSync(`${file}${suffix}`, join(directory, `away${suffix}`))
    } catch { /* there is none */ }
  }
  const state = openState(directory, 'forwarder-a')
  t.teardown(() => { state.close() })
  save(state, 'all', 'a', 'b')

  await until('the new ones are printed', () => printed.length === 3)
  t.same(printed, ['record 299', 'a', 'b'])
})

t.test('check finds nothing wrong with a sound state, also of a daemon that runs', async t => {
  const { directory } = stored(t)
  t.same(await journal('check', directory), { code: 0, lines: ['forwarder-a: good, 300 records'], errors: [] })

  const running = await startForwarder(t)
  running.feed(records(0, 500))
  await until('all is there', async () => (await journal('check', running.directory)).lines[0] === 'forwarder-a: good, 500 records')
})

// each seen to fail without the look at it
for (const [what, damage, fault] of [
  ['a page that is not SQLite\'s', (file: string) => { overwrite(file, Buffer.from('record 120\nrecord 121'), Buffer.alloc(4096, 0xa5)) }, /malformed|Tree|Freelist|invalid|cell/i],
  ['records that are not those that were saved', (file: string) => { overwrite(file, Buffer.from('record 121\n'), Buffer.from('record\n121\n')) }, /^ {2}journal all: the batch of record 120 cannot be read: it has 11 records and should have 10$/],
  ['records that are missing', (file: string) => { change(file, 'DELETE FROM journal_entry WHERE first IN (50, 60)') }, /^ {2}journal all: records 50 to 69 are missing$/],
  ['the last records missing', (file: string) => { change(file, 'DELETE FROM journal_entry WHERE first = 290') }, /^ {2}journal all: records 290 to 299 are missing$/],
  ['a journal that would give numbers again', (file: string) => { change(file, 'UPDATE journal SET next = 295') }, /^ {2}journal all: it goes on with number 295, and has records up to 299$/],
  ['a subscriber that has more than there is', (file: string) => { change(file, 'UPDATE journal_subscriber SET next = 301') }, /^ {2}subscriber one has committed number 301 of journal all, which goes on with 300$/],
  ['a position that is none', (file: string) => { change(file, "UPDATE position SET position = 'somewhere'") }, /^ {2}position of journal:x\?as=y is "somewhere", which is none of a journal$/]
] as const) {
  t.test(`check finds ${what}, and exits with 2`, async t => {
    const { directory, file } = stored(t)
    damage(file)

    const { code, lines } = await journal('check', directory)

    t.equal(code, 2)
    t.equal(lines[0], 'forwarder-a: damaged')
    t.ok(lines.slice(1).some(line => fault.test(line)), lines.join('\n'))
  })
}

/** Writes over what is found in the file. */
function overwrite (file: string, found: Buffer, bytes: Buffer): void {
  const at = readFileSync(file).indexOf(found)
  if (at === -1) throw new Error(`${found.toString()} is not in ${file}`)
  const fd = openSync(file, 'r+')
  writeSync(fd, bytes, 0, bytes.length, bytes.length === 4096 ? Math.floor(at / 4096) * 4096 : at)
  closeSync(fd)
}

// seen to fail when the first damage ends it
t.test('of a state that was set aside as damaged, what can be read is exported, and what cannot is said', async t => {
  const { directory, file } = stored(t)
  overwrite(file, Buffer.from('record 121\n'), Buffer.from('record\n121\n'))
  const aside = 'forwarder-a.sqlite.damaged-20140521T093001Z'
  renameSync(file, join(directory, aside))

  const result = await journal('export', directory, '--journal', 'all')

  t.same(result, { code: 2, lines: [...records(0, 120), ...records(130, 300)], errors: ['a batch cannot be read'] })
  t.match((await journal('ls', directory)).lines[1], new RegExp(`^${aside} +all +`))
  t.match(await journal('check', directory, '--instance', aside), { code: 2, lines: [`${aside}: damaged`] })
})

// seen to fail when the publisher does not read the names again
t.test('forget lets the publisher prune what a subscriber that is gone had not committed, while it runs', async t => {
  const { directory, forwarder, feed, endpoint } = await startForwarder(t)
  const gone = await startReady(t, 'consumer', '--state', directory, '--name', 'gone', '--input', `${endpoint}?as=gone`, '--output', `file://${join(directory, 'gone.log')}`)
  await gone.logged('reading the journal for the first time')
  await until('it is known', async () => (await journal('ls', directory)).lines.some(line => / gone /.test(line)))
  await gone.stop()
  await startReady(t, 'consumer', '--state', directory, '--name', 'here', '--flush-interval', '0.1', '--input', `${endpoint}?as=here`, '--output', `file://${join(directory, 'here.log')}`)
  feed(records(0, 100))
  await until('one has committed', async () => (await journal('ls', directory)).lines.some(line => / here +100 +0 /.test(line)))

  t.match(await journal('forget', directory, '--subscriber', 'nobody'), { code: 78, errors: [/^--subscriber nobody: no journal in .* knows it; there are: gone \(journal all of forwarder-a\), here \(journal all of forwarder-a\)$/] })
  t.match(await journal('forget', directory, '--subscriber', 'gone', '--journal', 'all'), { code: 0, lines: [/^journal all of forwarder-a has forgotten gone, which had not committed 100 records and was heard \d+ s ago$/] })

  t.match(await forwarder.logged('a subscriber is forgotten'), { subscriber: 'gone', why: 'asked' })
  await until('it is pruned', async () => (await journal('ls', directory)).lines.some(line => /^forwarder-a +all +\w+ +0 +100 +100 /.test(line)))
  t.notOk((await journal('ls', directory)).lines.some(line => / gone /.test(line)))
})

t.test('what cannot be is refused, with what there is', async t => {
  const { directory, file } = stored(t)
  const two = shortDirectory(t)
  for (const name of ['forwarder-a', 'forwarder-b']) copyFileSync(file, join(two, `${name}.sqlite`))
  const empty = shortDirectory(t)

  for (const [command, where, args, message] of [
    ['export', directory, ['--journal', 'x'], /^--journal x: there is no such journal in .*; there is: all \(forwarder-a\)$/],
    ['tail', two, ['--journal', 'all'], /^--journal all: several instances have it: forwarder-a, forwarder-b; name one with --instance$/],
    ['tail', two, ['--journal', 'all', '--instance', 'forwarder-c'], /^--instance forwarder-c: there is no such state in .*; there are: forwarder-a, forwarder-b$/],
    ['ls', empty, [], /^--state .*: there is no state in it; name the directory that the daemons have$/],
    ['ls', join(empty, 'x'), [], /^--state .*: ENOENT.*; name the directory that the daemons have$/],
    ['export', directory, ['--journal', 'all', '--from', '-1'], /^--from -1: give the number of a record, from 0 on$/],
    ['export', directory, ['--journal', 'all', '--from', '5', '--to', '4'], /^--from 5 --to 4: give the lower number first$/],
    ['export', directory, ['--journal', 'all', '--since', 'yesterday'], /^--since yesterday: give a time as 2014-05-21T09:30:00Z, or how long ago/],
    ['tail', directory, ['--journal', 'all', '-n', '1.5'], /^--lines 1.5: give a number of records, from 0 on$/]
  ] as const) {
    t.match(await journal(command, where, ...args), { code: 78, errors: [message] }, message.source)
  }
  t.same((await journal('tail', two, '--journal', 'all', '--instance', 'forwarder-b', '-n', '1')).lines, ['record 299'])
})

t.test('the command lists its commands, and refuses what is none', async t => {
  const run = async (...args: string[]): Promise<unknown[]> => await new Promise(resolve => {
    execFile(process.execPath, [executable, 'journal', ...args], (error, stdout, stderr) => { resolve([error?.code ?? 0, stdout, stderr]) })
  })

  for (const args of [[], ['--help'], ['help']]) t.match(await run(...args), [0, /\n {2}ls +Lists .*\n {2}check +.*\n {2}export +.*\n {2}tail +.*\n {2}forget +/, ''])
  t.same(await run('list'), [78, '', 'vanadium: there is no command "journal list"; there are ls, check, export, tail, forget\n'])
  t.match(await run('export', '--help'), [0, /Usage: vanadium journal export \[options\]/, ''])
})
