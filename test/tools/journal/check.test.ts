import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { Pending } from '../../../lib/counts/pending.js'
import { openCounts } from '../../../lib/counts/read.js'
import { openState } from '../../../lib/stream/state.js'
import { always, openTestCounts } from '../../helpers/counts.js'
import { change, journal, startForwarder, stored } from '../../helpers/journal-command.js'
import { records } from '../../helpers/journaled.js'
import { until } from '../../helpers/wait.js'

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
  ['a list of free pages that is too short', (file: string) => { writeAt(file, 36, Buffer.from([0, 0, 0, 7])) }, /Freelist/],
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
  writeAt(file, bytes.length === 4096 ? Math.floor(at / 4096) * 4096 : at, bytes)
}

function writeAt (file: string, at: number, bytes: Buffer): void {
  const fd = openSync(file, 'r+')
  writeSync(fd, bytes, 0, bytes.length, at)
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

// seen to fail without the positions, and when what is missing is not said
t.test('salvage makes a state of what can be read, with which a daemon goes on; not if its numbers cannot be read', async t => {
  const { directory, file } = stored(t)
  const id = idIn(file)
  overwrite(file, Buffer.from('record 121\n'), Buffer.from('record\n121\n'))
  const aside = 'forwarder-a.sqlite.damaged-20140521T093001Z'
  renameSync(file, join(directory, aside))

  t.match(await journal('salvage', directory, '--instance', aside), { code: 0, lines: ['journal all: 290 records; missing: 120 to 129', /forwarder-a\.sqlite is made; start the daemon$/] })
  t.match(await journal('salvage', directory, '--instance', aside), { code: 78, errors: [/there is a state in its place/] })
  t.match(await journal('salvage', directory, '--instance', 'forwarder-a'), { code: 78, errors: [/name one that was set aside/] })
  t.same(readdirSync(directory).filter(name => !/-(wal|shm)$|\.reserve$/.test(name)).sort(), ['forwarder-a.sqlite', aside, 'forwarder-a.sqlite.lock'].sort())

  t.equal(idIn(file), id)
  const state = openState(directory, 'forwarder-a')
  t.teardown(() => { state.close() })
  const all = state.journal('all')
  t.same([all.oldest, all.next, all.knows('one'), state.position('journal:x?as=y')], [0, 300, true, '0123456789abcdef:17'])
  t.equal(all.read(125, 1)?.first, 130)

  const bytes = readFileSync(join(directory, aside))
  bytes.fill(0xa5, 4096)
  writeFileSync(join(directory, 'forwarder-b.sqlite.damaged-20140521T093001Z'), bytes)
  t.match(await journal('salvage', directory, '--instance', 'forwarder-b.sqlite.damaged-20140521T093001Z'), { code: 78, errors: [/its numbers or positions cannot be read .*; begin anew: move it out of/] })
  t.notOk(existsSync(join(directory, 'forwarder-b.sqlite')))
})

function idIn (file: string): string | undefined {
  const db = new Database(file, { readonly: true })
  try {
    return db.prepare<[], { id: string }>('SELECT id FROM journal').get()?.id
  } finally {
    db.close()
  }
}

// seen to fail without the tables that the others do not have
t.test('salvage keeps what a monitor has counted', async t => {
  const { directory, state, store, counts: before } = openTestCounts(t, 60_000)
  const pending = new Pending()
  pending.addRaw(60_000, 'client-side', 3)
  store.put(pending.take(), () => {})
  state.save()
  before.close()
  state.close()
  renameSync(join(directory, 'monitor-all.sqlite'), join(directory, 'monitor-all.sqlite.damaged-20140521T093001Z'))

  t.match(await journal('salvage', directory, '--instance', 'monitor-all.sqlite.damaged-20140521T093001Z'), { code: 0 })

  const counts = openCounts(directory)
  t.teardown(() => { counts.close() })
  t.strictSame(counts.raw(...always), [{ timeMs: 60_000, stream: 'client-side', raw: 3 }])
})
