import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { startDaemon, startReady } from '../helpers/daemon.js'
import { needsMariadb, startMariadb } from '../helpers/mariadb.js'
import { optout } from '../helpers/optout.js'
import { write } from '../helpers/replay.js'
import { shortDirectory } from '../helpers/streams.js'

const [gone, goneNumber] = ['optedout-7f3a', '77001122334455667']
const [stays, staysNumber] = ['optedout-7f3aa', '77001122334455668']

const schemas = {
  ByName: { properties: { userId: { type: 'string', required: true } } },
  ByNumber: { properties: { userId: { type: 'integer', required: true } } },
  ByList: { properties: { userId: { type: 'array', items: { type: 'string' } } } },
  Other: { properties: { userId: { type: 'string' } } }
}

let made = 0

function event (schema: keyof typeof schemas, user: string): string {
  const uuid = (++made).toString(16).padStart(32, '0')
  const value = schema === 'ByList' ? JSON.stringify(['first', user]) : schema === 'ByNumber' ? user : JSON.stringify(user)
  return `{"schema":"${schema}","revision":1,"wiki":"enwiki","recvFrom":"x","timestamp":1400664601,"uuid":"${uuid}","event":{"userId":${value}}}`
}

function eventError (line: string): string {
  return JSON.stringify({ schema: 'EventError', revision: 14035058, wiki: '', recvFrom: 'x', timestamp: 1400664601, uuid: (++made).toString(16).padStart(32, '0'), event: { rawEvent: line, message: 'x', code: 'processor', schema: 'ByName', revision: 1 } })
}

function rawLine (user: string): string {
  return `?${encodeURIComponent(event('ByName', user))}; cp1 1 2014-05-21T09:30:01 - x`
}

function letter (record: string): string {
  return JSON.stringify({ time: '2014-05-21T10:00:00.000Z', instance: 'mysql', code: 'refused-by-store', message: 'no', record })
}

/** Events of one user, as a store has them. */
function eventsOf (user: string, number: string): string[] {
  return [event('ByName', user), event('ByNumber', number), event('ByList', user), eventError(rawLine(user)), eventError(rawLine(user).slice(0, -40))]
}

function place (t: Test): { directory: string, args: string[] } {
  const directory = shortDirectory(t)
  for (const [name, definition] of Object.entries(schemas)) {
    mkdirSync(join(directory, 'schemas', name), { recursive: true })
    writeFileSync(join(directory, 'schemas', name, '1.json'), JSON.stringify(definition))
  }
  const registry = write(join(directory, 'registry.yaml'), ['schemas: { ByName: { user: event.userId }, ByNumber: { user: event.userId }, ByList: { user: event.userId } }'])
  return { directory, args: ['--stdin', '--state', directory, '--schemas', join(directory, 'schemas'), '--registry', registry, '--optout-key', join(directory, 'optout.key'), '--config', directory] }
}

// seen to fail when what the database finds is taken for theirs
t.test('rows of a user go from MariaDB and SQLite, those of others stay; a second time there is nothing', { skip: needsMariadb }, async t => {
  const { directory, args } = place(t)
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const database = await mariadb.database()
  const stores = [`mysql://root@127.0.0.1:${mariadb.port}/${database}`, `sqlite://${join(directory, 'events.sqlite')}`]
  const input = write(join(directory, 'events.log'), [...eventsOf(gone, goneNumber), ...eventsOf(stays, staysNumber), event('ByName', gone), event('Other', gone)])
  for (const [i, store] of stores.entries()) t.equal(await startDaemon(t, 'consumer', '--name', `c${i}`, '--state', directory, '--schemas', join(directory, 'schemas'), '--input', `file://${input}`, '--output', store).ended, 0)
  const places = stores.flatMap(store => ['--store', store])
  const rows = async (): Promise<string> => JSON.stringify(await Promise.all(['ByName_1', 'ByNumber_1', 'ByList_1', 'EventError_14035058', 'Other_1'].map(async table => await mariadb.query(`SELECT * FROM ${table}`, database))))
  const before = await rows()

  const plan = await optout('erase', [gone, goneNumber], ...args, ...places, '--dry-run')
  t.equal(await rows(), before, 'a dry run changes nothing')
  const erased = await optout('erase', [gone, goneNumber], ...args, ...places)
  const again = await optout('erase', [gone, goneNumber], ...args, ...places)

  t.match(plan, { code: 0, printed: /^12 rows would be erased in 8 places$/m })
  t.match(erased, { code: 0, printed: /^12 rows erased in 8 places, nothing is left$/m })
  t.match(erased.printed, /ByName_1 +2 +- +0$/m)
  t.match(again, { code: 0, printed: /^0 rows erased in 8 places, nothing is left$/m })
  t.notMatch(JSON.stringify([plan, erased, again]), /optedout-|77001122/, 'nobody is named')
  const after = JSON.parse(await rows()) as Array<Array<Record<string, unknown>>>
  t.strictSame(after.map(table => table.length), [1, 1, 1, 2, 1])
  t.notMatch(JSON.stringify(after.slice(0, 4)), /optedout-7f3a(?!a)|77001122334455667/)
  t.notMatch(readFileSync(join(directory, 'events.sqlite')).toString('latin1').replaceAll(event('Other', gone), ''), goneNumber, 'nor in the pages of the file')
})

// seen to fail when the file that a daemon appends to is written anew
t.test('lines of a user go from files, whatever they are; byte for byte nothing else changes', async t => {
  const { directory, args } = place(t)
  const logs = join(directory, 'logs')
  mkdirSync(logs)
  const theirs = [...eventsOf(gone, goneNumber), rawLine(gone), `17 EventLogging ${event('ByNumber', goneNumber)}`, letter(event('ByName', gone)), letter(rawLine(gone)), letter(eventError(rawLine(gone)))]
  const others = [...eventsOf(stays, staysNumber), rawLine(stays), letter(rawLine(stays)), 'garbage', '', '{"broken', rawLine(`x${gone}`)]
  const mixed = others.flatMap((line, i) => [line, ...i < theirs.length ? [theirs[i] as string] : []])
  const plain = write(join(logs, 'events.log-20140521'), mixed)
  writeFileSync(join(logs, 'raw.log.1.gz'), gzipSync(mixed.map(line => `${line}\n`).join('')), { mode: 0o640 })
  write(join(logs, 'theirs.log.1'), theirs)
  const clean = write(join(logs, 'clean.log.1'), others)
  utimesSync(plain, 1e9, 1e9)
  const inode = statSync(clean).ino
  const live = write(join(logs, 'live.log'), theirs)
  const daemon = await startReady(t, 'consumer', '--state', directory, '--input', `file://${write(join(directory, 'empty'), [])}?follow=true`, '--output', `file://${live}`)
  daemon.child.stdin.end()

  const first = await optout('erase', [gone, goneNumber], ...args, '--files', join(logs, '*.log*'))

  const expected = others.map(line => `${line}\n`).join('')
  t.equal(first.code, 2)
  t.match(first.printed, /live\.log: a daemon appends to it; rotate it/)
  t.match(first.printed, /^30 rows erased in 5 places, 10 ARE LEFT$/m)
  t.equal(readFileSync(plain, 'utf8'), expected)
  t.equal(statSync(plain).mtimeMs, 1e12)
  t.equal(gunzipSync(readFileSync(join(logs, 'raw.log.1.gz'))).toString(), expected)
  t.equal(statSync(join(logs, 'raw.log.1.gz')).mode & 0o777, 0o640)
  t.equal(statSync(clean).ino, inode, 'a file without them is not touched')
  t.equal(await daemon.stop(), 0)
  t.match(await optout('erase', [gone, goneNumber], ...args, '--files', join(logs, '*.log*')), { code: 0, printed: /^10 rows erased in 4 places, nothing is left$/m })
  t.strictSame(readdirSync(logs).sort(), ['clean.log.1', 'events.log-20140521', 'raw.log.1.gz'])
})

t.test('what has the identifier elsewhere is told, and left', async t => {
  const { directory, args } = place(t)
  const file = write(join(directory, 'odd.log'), [`somebody wrote: ${gone}`, rawLine(gone)])

  const { code, printed } = await optout('erase', [gone], ...args, '--files', file)

  t.equal(code, 2)
  t.match(printed, /odd\.log: lines that have the identifier elsewhere/)
  t.match(printed, /^1 rows erased in 1 places, 1 ARE LEFT$/m)
  t.equal(readFileSync(file, 'utf8'), `somebody wrote: ${gone}\n`)
})
