import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { openSchemas, shippedSchemas } from '../../lib/event/schema-repository.js'
import { createLog } from '../../lib/log.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { openState } from '../../lib/stream/state.js'
import { testContext } from '../helpers/context.js'
import { executable } from '../helpers/daemon.js'
import { save } from '../helpers/journal-command.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { projectRoot } from '../helpers/shared.js'
import { shortDirectory } from '../helpers/streams.js'
import { openWriter } from '../sql/fixtures.js'

const processors = ['client-side', 'server-side'].map(name => join(projectRoot, 'etc', 'vanadium.d', 'processors', name))
const uuid = '9c0b4b8a1c2c5c1b8a4a5b6b0e6f1a2b'
const event = JSON.stringify({ event: { button: 'save', clicks: 1 }, schema: 'DemoButtonClick', revision: 1, wiki: 'enwiki', recvFrom: 'cp1', seqId: 17, timestamp: 1_400_664_601, uuid })
const line = '17 EventLogging {"schema":"DemoButtonClick","revision":1,"wiki":"enwiki","recvFrom":"cp1","timestamp":1400664601,"event":{"button":"save","clicks":1}}'
/** It has two addresses, one of them in the capsule. */
const beacon = `?${encodeURIComponent('{"clientIp":"203.0.113.7","schema":"DemoButtonClick","revision":1}')}; cp2 18 2014-05-21T09:30:01 203.0.113.9 Mozilla`
const uuidOfBeacon = 'fa11a5178bfd563bb7b557c8913a3cc8'
const uuidOfLine = 'd5128a098dee5cf1b0590b153c5d2100'

interface Told { readonly code: number, readonly out: string, readonly errors: string }

async function explain (input: string, ...args: string[]): Promise<Told> {
  const child = spawn(process.execPath, [executable, 'explain', ...processors.flatMap(file => ['--processor', file]), ...args])
  child.stdin.end(input)
  const [[code], out, errors] = await Promise.all([once(child, 'close') as Promise<[number]>, text(child.stdout), text(child.stderr)])
  return { code, out, errors }
}

async function store (t: Test, uri: string): Promise<void> {
  const schemas = await openSchemas({ directories: [shippedSchemas()], log: createLog({ level: 'error' }) })
  const ctx = testContext({ schemas })
  t.teardown(async () => { await ctx.end() })
  const writer = await openWriter(uri, ctx)
  await writer.write(batchOfLines([event]) as Batch)
  await writer.close()
}

// seen to fail when the line of an EventError is not looked into
t.test('an event is found by its uuid wherever it is kept', async t => {
  const directory = shortDirectory(t)
  const eventError = JSON.stringify({ schema: 'EventError', revision: 14_035_058, wiki: '', recvFrom: 'x', timestamp: 1, uuid: '0'.repeat(32), event: { rawEvent: line, message: 'it was wrong', code: 'validation', schema: 'DemoButtonClick', revision: 1 } })
  const letter = JSON.stringify({ time: '2014-05-21T09:30:02.000Z', instance: 'mysql', code: 'refused-by-store', message: 'too long', record: event })
  await store(t, `sqlite://${directory}/events.sqlite`)
  writeFileSync(join(directory, 'all.log.gz'), gzipSync(`${event.replace(uuid, '1'.repeat(32))}\n${event}\n${eventError}\n`))
  const ofError = JSON.stringify({ time: '2014-05-21T09:30:03.000Z', instance: 'mysql', code: 'refused-by-store', message: 'too wide', record: eventError })
  writeFileSync(join(directory, 'refused.log'), `${letter}\n${ofError}\n`)
  writeFileSync(join(directory, 'shouting.log'), `${event.replace(uuid, uuid.toUpperCase())}\n`)
  writeFileSync(join(directory, 'torn.sqlite'), 'no database at all'.repeat(100))
  writeFileSync(join(directory, 'raw.log'), `17 EventLogging {\n${line}\n${beacon}\n`)
  const state = openState(directory, 'forwarder-a')
  save(state, 'all-events', 'a line', event)
  save(state, 'raw', line)
  state.close()
  const places = ['--state', directory, '--store', `sqlite://${directory}/events.sqlite`, '--files', join(directory, 'all.log.gz'), '--files', join(directory, 'refused.log'), '--files', join(directory, 'raw.log'), '--files', join(directory, 'shouting.log'), '--files', '/nowhere/x.log']

  const found = await explain('', uuid, ...places)
  t.equal(found.code, 0, found.errors)
  t.match(found.out, /^Found in \S+events\.sqlite\n {2}table DemoButtonClick_1\n {2}id +1\n {2}uuid +"9c0b/m)
  t.match(found.out, /this one is of 2014-05-21, so it is purged on 2014-08-19/)
  t.match(found.out, /^Found in \S+all\.log\.gz\n {2}the event:\n/m)
  t.match(found.out, /^Found in \S+refused\.log\n {2}a dead letter of mysql, 2014-05-21T09:30:02\.000Z, refused-by-store:\n {2}too long\n/m)
  t.match(found.out, /^Found in journals of forwarder-a in .*\n {2}journal all-events, entered the pipeline \d{4}-.*\n {2}the event:\n/m)
  t.match(found.out, /^ {2}\S+raw\.log +not there$/m)
  t.match(found.out, /^Found in \S+shouting\.log\n {2}the event:\n/m)
  t.match(found.out, /^ {2}journals of torn in \S+ +file is not a database$/m, 'what cannot be read does not keep it from the rest')
  t.match(found.out, /^ {2}\/nowhere\/x\.log +\S.*ENOENT/m)

  const ofLine = await explain('', uuidOfLine.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-').toUpperCase(), ...places)
  t.match(ofLine.out, /^Found in \S+all\.log\.gz\n {2}an EventError, uuid 0{32}:\n {2}it was wrong\n/m)
  t.match(ofLine.out, /^Found in \S+raw\.log\n {2}the line it came as:\n/m)
  t.match(ofLine.out, /^Found in journals of forwarder-a in .*\n {2}journal raw, entered .*\n {2}the line it came as:\n/m)
  t.match(ofLine.out, /^ {2}\S+events\.sqlite +not there$/m)

  t.match(ofLine.out, /^Found in \S+refused\.log\n {2}a dead letter of mysql, .*\n {2}too wide\n {2}an EventError, uuid 0{32}:\n/m)

  const ofBeacon = await explain('', uuidOfBeacon, ...places)
  t.match(ofBeacon.out, /^Found in \S+raw\.log\n {2}the line it came as:\n {2}"\?%7B.*; cp2 18 2014-05-21T09:30:01 \(an address\) Mozilla"\n/m)
  t.notMatch(ofBeacon.out, /203\.0\.113/, 'no address is told')

  const nowhere = await explain('', 'f'.repeat(32), ...places)
  t.equal(nowhere.code, 0)
  t.match(nowhere.out, /^f{32} was not found\n {2}It never came in; or/)
})

t.test('lines come as an argument, from standard input, or in a file', async t => {
  const directory = shortDirectory(t)
  writeFileSync(join(directory, 'line'), Buffer.concat([Buffer.from('17 EventLogging {"a":"'), Buffer.from([0xff]), Buffer.from('"}\n')]))
  const state = ['--state', directory, '--files', '/dev/null']

  t.match((await explain('', line, ...state)).out, /^The line\n {2}\d+ characters, of the format of \S+server-side:\n[^]*^The end\n {2}a row of DemoButtonClick_1\n$/m)
  const two = await explain(`${line}\n?%7B%7D; cp1 17 2014-05-21T09:30:01 203.0.113.9 Mozilla\n`, '-', ...state)
  t.match(two.out, /server-side:\n[^]*\n---\n\nThe line\n.*client-side:\n/)
  t.notMatch(two.out, '203.0.113.9')
  t.match((await explain('', '--line-file', join(directory, 'line'), ...state)).out, /the line is not UTF-8 \(near character 23\)/)

  for (const [args, message] of [[[], /0 events are given/], [['a', 'b'], /2 events are given/], [['a', '--line-file', 'b'], /2 events are given/], [['--line-file', '/nowhere'], /--line-file \/nowhere: ENOENT/], [['-'], /there is no line/]] as const) {
    const { code, errors } = await explain('', ...args, ...state)
    t.equal(code, 78, args.join(' '))
    t.match(errors, message)
  }
})

// seen to fail when the report is written without looking whether anybody reads it
t.test('a reader that has got what it wanted ends it, and a whole log is refused before it is in memory', async t => {
  const directory = shortDirectory(t)
  const state = ['--state', directory, '--files', '/dev/null']
  writeFileSync(join(directory, 'lines'), `${line}\n`.repeat(100))
  writeFileSync(join(directory, 'log'), `${line}\n`.repeat(250_000))

  const child = spawn(process.execPath, [executable, 'explain', ...processors.flatMap(file => ['--processor', file]), '--line-file', join(directory, 'lines'), ...state])
  const ended = Promise.all([once(child, 'close') as Promise<[number]>, text(child.stderr)])
  await once(child.stdout, 'data')
  child.stdout.destroy()
  t.same(await ended, [[0, null], ''])

  const { code, errors } = await explain('', '--line-file', join(directory, 'log'), ...state)
  t.equal(code, 78)
  t.match(errors, /there are more than 32 MiB; give 100 lines at most/)
})

t.test('an event is found in MariaDB, and what is there already is a duplicate', { skip: needsMariadb }, async t => {
  const server = await startMariadb()
  t.teardown(server.stop)
  const uri = `mysql://root@127.0.0.1:${server.port}/${await server.database()}`
  const state = ['--state', shortDirectory(t), '--store', uri]

  t.match((await explain('', line, ...state)).out, /\/test_\w+: has no such table yet\n/, 'before there is anything')
  await store(t, uri)

  t.match((await explain('', uuid, ...state)).out, /^Found in mysql:\S+\n {2}table DemoButtonClick_1\n {2}id +1\n[^]*so it is purged on 2014-08-19/)
  t.match((await explain(event, '-', ...state)).out, /^The end\n {2}a row is there with this uuid already/m)
  t.match((await explain('', line, ...state)).out, /no row of DemoButtonClick_1 has this uuid\n[^]*^The end\n {2}a row of DemoButtonClick_1\n/m)
  await server.kill()
  t.match((await explain('', uuid, ...state)).out, /mysql:\S+ +could not be asked: /)
})
