import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import { openState, type State } from '../../lib/stream/state.js'
import { shortDirectory } from '../helpers/streams.js'

const page = 4096

function save (state: State, ...records: string[]): void {
  state.journal('all').append(batchOfLines(records) as Batch, () => {})
  state.save()
}

/** A state with numbers, a position and a journal of several pages; closed, so that all is in one file. */
function sound (t: Test): { directory: string, file: string } {
  const directory = shortDirectory(t)
  const state = openState(directory, 'a')
  state.sequence('count').take(10)
  state.remember('input', '17')
  for (let n = 0; n < 50; n++) save(state, 'x'.repeat(9000))
  state.close()
  return { directory, file: join(directory, 'a.sqlite') }
}

function overwrite (file: string, from: number, end: number): void {
  const fd = openSync(file, 'r+')
  writeSync(fd, Buffer.alloc(end - from, 0xa5), 0, end - from, from)
  closeSync(fd)
}

function setAside (directory: string): string[] {
  return readdirSync(directory).filter(name => name.includes('.damaged-'))
}

// seen to fail when the file stays where it is, and when an empty state takes its place
for (const [what, damage] of Object.entries<(file: string) => void>({
  'the header is overwritten': file => { overwrite(file, 0, 100) },
  'the first page is overwritten': file => { overwrite(file, 100, page) },
  'all after the first page is overwritten': file => { overwrite(file, page, statSync(file).size) },
  'it is another file': file => { writeFileSync(file, 'this is no database, but long enough to be looked at by one. '.repeat(20)) }
})) {
  t.test(`${what}: the state is set aside as it is, and nothing takes its place until somebody has decided`, async t => {
    const { directory, file } = sound(t)
    damage(file)
    const bytes = readFileSync(file)

    t.throws(() => openState(directory, 'a'), { name: 'ConfigError', code: 'damaged-state', message: /a\.sqlite is damaged \(.*\), and is set aside as .*\/a\.sqlite\.damaged-\d{8}T\d{6}Z; see what can be read/ })
    const [aside = ''] = setAside(directory)
    t.ok(readFileSync(join(directory, aside)).equals(bytes))
    t.notOk(existsSync(file))
    for (let start = 0; start < 2; start++) t.throws(() => openState(directory, 'a'), { code: 'damaged-state', message: /was found damaged and set aside as .*begin anew, move what was set aside out/ })
    writeFileSync(file, '')
    t.throws(() => openState(directory, 'a'), { code: 'damaged-state' }, 'nor with what a repair that failed has left')
    openState(directory, 'b').close()

    renameSync(join(directory, aside), join(shortDirectory(t), 'away'))
    const anew = openState(directory, 'a')
    t.teardown(() => { anew.close() })
    t.equal(anew.sequence('count').take(1), 0)
  })
}

// seen to fail without the comparison of the journal's end with its number
t.test('a journal that would give numbers again is damaged', async t => {
  const { directory, file } = sound(t)
  const { default: Database } = await import('better-sqlite3')
  const db = new Database(file)
  db.exec('UPDATE journal SET next = 49')
  db.close()

  t.throws(() => openState(directory, 'a'), { code: 'damaged-state', message: /journal all has records up to number 49, and would go on with 49/ })
})

// seen to fail when damage is an error like others
t.test('damage that is found while running ends all use of the state, which is set aside when it is closed', async t => {
  const { directory, file } = sound(t)
  const state = openState(directory, 'a')
  t.teardown(() => { state.close() })
  save(state, 'the last')
  overwrite(file, page, statSync(file).size)

  const journal = state.journal('all')
  t.throws(() => { for (let n = 0; n < 50; n++) journal.read(n, 1) }, { code: 'damaged-state' })
  t.throws(() => { save(state, 'more') }, { code: 'damaged-state' })
  t.throws(() => state.position('input'), { code: 'damaged-state' })
  t.same(setAside(directory), [], 'not while it is open')
  state.close()

  t.ok(setAside(directory).length > 0)
  t.throws(() => openState(directory, 'a'), { code: 'damaged-state' })
})

// seen to fail when payloads are not counted
t.test('records that are not those that were saved are not given to anybody', async t => {
  const { directory, file } = sound(t)
  const bytes = readFileSync(file)
  const state = openState(directory, 'a')
  t.teardown(() => { state.close() })
  // newlines in the middle of a record, of which SQLite knows nothing
  const at = bytes.indexOf('x'.repeat(2000))
  const fd = openSync(file, 'r+')
  writeSync(fd, '\n'.repeat(100), at + 100)
  closeSync(fd)

  t.throws(() => { for (let n = 0; n < 50; n++) state.journal('all').read(n, 1) }, { code: 'damaged-state', message: /journal all has 101 records from number \d+ on, where it should have 1/ })
})

t.test('a sound copy that is put in its place is taken', async t => {
  const { directory, file } = sound(t)
  const copy = readFileSync(file)
  overwrite(file, 0, 100)
  t.throws(() => openState(directory, 'a'), { code: 'damaged-state' })
  t.throws(() => openState(directory, 'a'), { code: 'damaged-state' })

  writeFileSync(file, copy)

  const state = openState(directory, 'a')
  t.teardown(() => { state.close() })
  t.equal(state.position('input'), '17')
  t.equal(state.journal('all').next, 50)
})
