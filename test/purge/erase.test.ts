import { linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import t from 'tap'
import { createOptOut } from '../../lib/event/opt-out.js'
import { eraseFromFiles } from '../../lib/purge/erase-files.js'
import { eraseFromTables } from '../../lib/purge/erase-tables.js'
import { sqlitePurgeDatabase } from '../../lib/purge/sql/sqlite-database.js'
import { filesOf, generationsOf } from '../../tools/purge/glob.js'
import { shortDirectory } from '../helpers/streams.js'
import { collect } from './fixtures.js'

const never = new AbortController().signal
const [gone, goneNumber] = ['opted "out"', '77001122334455667']
const users = new Set([gone, goneNumber])
const fields = new Map([['Named', 'event.userId'], ['Listed', 'event.editors.id']])
const optOut = createOptOut({ users: { isEmpty: false, has: user => users.has(user) }, fields: () => fields, isKnown: () => true })

function line (user: string): string {
  return `${JSON.stringify({ schema: 'Named', revision: 1, event: { userId: user } })}\n`
}

// seen to fail when what was looked at before the stop counts as the whole file
t.test('stopped while a file is looked at, it is left as it is', async t => {
  const file = join(shortDirectory(t), 'a.log')
  const content = line(gone).repeat(3000) + line('stays').repeat(3000)
  writeFileSync(file, content)
  const stop = new AbortController()
  const inRecord = (record: string): boolean => {
    stop.abort()
    // the beginning of a line may tell already
    return !record.includes('stays')
  }

  const erased = await collect(eraseFromFiles({ paths: [file], isLive: () => false, optOut: { inRecord }, holds: () => false }).erase(stop.signal))

  t.strictSame(erased, [])
  t.equal(readFileSync(file, 'utf8'), content)
})

t.test('a file that cannot be dealt with keeps none of the others, and is told', async t => {
  const directory = shortDirectory(t)
  const path = (name: string): string => join(directory, name)
  writeFileSync(path('a.gz'), gzipSync(line(gone).repeat(2000)).subarray(0, 60))
  writeFileSync(path('b'), line(gone))
  linkSync(path('b'), path('another-b'))
  writeFileSync(path('d'), line(gone) + line('stays'))

  const erased = await collect(eraseFromFiles({ paths: ['a.gz', 'b', 'c', 'd'].map(path), isLive: () => false, optOut, holds: () => false }).erase(never))

  t.match(erased, [
    { place: path('a.gz'), rows: 0, left: 1, why: /a\.gz/ },
    { place: path('b'), rows: 0, left: 1, why: /it has 2 names/ },
    { place: path('c'), rows: 0, left: 1, why: /renamed or deleted meanwhile/ },
    { place: path('d'), rows: 1, left: 0 }
  ])
  t.equal(readFileSync(path('d'), 'utf8'), line('stays'))
  t.equal(readFileSync(path('another-b'), 'utf8'), line(gone))
})

// seen to fail when the link is written anew: what it stands for stays as it is
t.test('behind a symbolic link it is the file that is written anew', async t => {
  const directory = shortDirectory(t)
  mkdirSync(join(directory, 'disk'))
  const file = join(directory, 'disk', 'events')
  writeFileSync(file, line(gone) + line('stays'))
  const link = join(directory, 'events.log.1')
  symlinkSync(file, link)

  t.strictSame([filesOf(link), generationsOf(join(directory, 'events.log'))], [[file], [file]])
  await collect(eraseFromFiles({ paths: filesOf(link), isLive: () => false, optOut, holds: () => false }).erase(never))

  t.equal(readFileSync(file, 'utf8'), line('stays'))
  t.equal(statSync(link).ino, statSync(file).ino)
})

t.test('a value in a list or an object is found, whatever its characters and digits', async t => {
  const sqlite = new Database(':memory:')
  t.teardown(() => { sqlite.close() })
  const db = sqlitePurgeDatabase(sqlite, 'memory')
  const insert = (table: string, column: string, values: readonly string[]): void => {
    sqlite.exec(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, uuid TEXT, timestamp TEXT, ${column} TEXT)`)
    values.forEach((value, i) => sqlite.prepare(`INSERT INTO ${table} VALUES (?, 'u' || ?, '20140521093001', ?)`).run(i + 1, i, value))
  }
  insert('Named_1', 'event_userId', [gone, JSON.stringify(['x', gone]), `{"a":[${goneNumber}]}`, `["${goneNumber}","cu`, '["x"]', 'x', `[${goneNumber}1]`])
  insert('Listed_1', 'event_editors', [JSON.stringify([{ id: 'x' }, { id: gone }]), `[{"id":${goneNumber}},{"id":"cu`, JSON.stringify([{ name: gone, id: 'x' }])])
  const left = (table: string): unknown[] => sqlite.prepare(`SELECT id FROM ${table} ORDER BY id`).pluck().all()
  const calmed: boolean[] = []

  const store = eraseFromTables(db, { schemas: { list: () => [] }, fields, users, optOut, calm: async () => { await Promise.resolve(calmed.push(true)) } })
  const erased = await collect(store.erase(never))

  t.match(erased, [{ place: 'memory: Listed_1', rows: 2, left: 0 }, { place: 'memory: Named_1', rows: 4, left: 0 }])
  t.strictSame([left('Named_1'), left('Listed_1')], [[5, 6, 7], [3]])
  t.equal(calmed.length, 2, 'it waits for replicas before each batch')
})
