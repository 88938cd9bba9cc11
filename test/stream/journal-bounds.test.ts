import { statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { StreamError } from '../../lib/errors.js'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import type { Journal } from '../../lib/stream/journal.js'
import { openState, type State } from '../../lib/stream/state.js'
import { needsSmallDisk, smallDisk } from '../helpers/small-disk.js'
import { shortDirectory } from '../helpers/streams.js'

const hour = 3_600_000
const day = 24 * hour
const week = { mostBytes: 2 ** 40, mostAgeMs: 7 * day }

interface Opened {
  readonly state: State
  readonly journal: Journal
  readonly file: string
  /** Puts in a record, and saves. */
  save (...records: string[]): void
  /** What another process does. */
  change (sql: string): void
}

function opened (t: Test): Opened {
  const directory = shortDirectory(t)
  const state = openState(directory, 'a')
  t.teardown(() => { state.close() })
  const journal = state.journal('all')
  const file = join(directory, 'a.sqlite')
  return {
    state,
    journal,
    file,
    save (...records) {
      journal.append(batchOfLines(records) as Batch, () => {})
      state.save()
    },
    change (sql) {
      const other = new Database(file)
      other.exec(sql)
      other.close()
    }
  }
}

// seen to fail when the row is left to the next pruning
t.test('a new subscriber is in the database at once: a publisher that is killed has not forgotten it', async t => {
  const { journal, file } = opened(t)

  journal.committed('new', 0)

  const other = new Database(file, { readonly: true })
  t.teardown(() => { other.close() })
  t.same(other.prepare('SELECT subscriber, next FROM journal_subscriber').all(), [{ subscriber: 'new', next: 0 }])
})

// seen to fail without the age in the plan, and without the hour after the start
t.test('records that are too old go, and who had not committed them is told; not before the publisher has run for an hour', async t => {
  const { journal, save, change } = opened(t)
  const now = Date.now()
  for (let n = 0; n < 4; n++) save(`record ${n}`, 'another')
  journal.committed('slow', 3, now + 2 * hour)
  journal.committed('fast', 8, now + 2 * hour)
  change(`UPDATE journal_entry SET saved_ms = ${now - 8 * day} WHERE first < 6`)

  t.same(journal.prune(week, now + hour / 2).losses, [], 'it may have been kept away by what kept the publisher away')
  t.equal(journal.oldest, 2)
  t.same(journal.prune(week, now + 2 * hour).losses, [{ subscriber: 'slow', first: 3, records: 3, bound: 'journal-age' }])
  t.equal(journal.oldest, 6)
  t.same(journal.prune(week, now + 2 * hour).losses, [], 'said once')
})

// seen to fail when silent subscribers stay, and when what one says without news does not count
t.test('a subscriber that is silent for longer than records are kept is forgotten, and holds nothing back', async t => {
  const { journal, save, change, state, file } = opened(t)
  const now = Date.now()
  save('zero', 'one', 'two')
  journal.committed('gone', 1)
  journal.committed('quiet', 2)
  journal.committed('busy', 3)
  journal.prune(week)
  change(`UPDATE journal_subscriber SET heard_ms = ${now - 8 * day} WHERE subscriber != 'busy'`)
  state.close()
  const again = openState(dirname(file), 'a')
  t.teardown(() => { again.close() })
  const kept = again.journal('all')

  t.same(kept.prune(week, now + hour / 2).forgotten, [], 'all have an hour after the start')
  kept.heard('quiet')
  t.same(kept.prune(week, now + 2 * hour), { losses: [], forgotten: [{ subscriber: 'gone', records: 2, why: 'silent' }] })
  t.notOk(kept.knows('gone'))
  t.ok(kept.knows('quiet'))
  kept.committed('quiet', 3)
  kept.prune(week, now + 2 * hour)
  t.equal(kept.oldest, 3)
})

// seen to fail when the table is not read again
t.test('a subscriber that somebody takes out of the table while the publisher runs is not known any more', async t => {
  const { journal, save, change } = opened(t)
  save('zero', 'one')
  journal.committed('gone', 0)
  journal.committed('busy', 2)
  journal.prune(week)
  t.equal(journal.oldest, 0)

  change("DELETE FROM journal_subscriber WHERE subscriber = 'gone'")

  t.same(journal.prune(week), { losses: [], forgotten: [{ subscriber: 'gone', records: 0, why: 'asked' }] })
  t.equal(journal.oldest, 2)
})

// seen to fail when what subscribers need is changed before the transaction
t.test('a loss is told by the pruning that succeeds, not by one that the disk refuses', async t => {
  const { journal, save, change } = opened(t)
  const tight = { ...week, mostBytes: 10 }
  save('x'.repeat(100))
  journal.committed('slow', 0)
  change("CREATE TRIGGER refuse BEFORE DELETE ON journal_entry BEGIN SELECT RAISE(ABORT, 'refused'); END")

  t.throws(() => journal.prune(tight), { code: 'cannot-write' })
  change('DROP TRIGGER refuse')

  t.match(journal.prune(tight).losses, [{ subscriber: 'slow', records: 1 }])
})

// seen to fail without auto_vacuum, and without shrinking
t.test('the file becomes small again when a backlog is pruned, and what is beside it never becomes large', async t => {
  const { journal, save, file } = opened(t)
  journal.committed('slow', 0)
  const record = 'x'.repeat(1 << 20)
  for (let n = 0; n < 100; n++) save(record)
  const wal = statSync(`${file}-wal`).size
  const grown = statSync(file).size
  t.ok(grown > 90 << 20, `the file has ${grown} bytes`)

  journal.committed('slow', 100)
  for (let step = 0; step < 300 && statSync(file).size > 40 << 20; step++) journal.prune(week)

  t.ok(statSync(file).size <= 40 << 20, `the file has ${statSync(file).size} bytes`)
  t.ok(wal < 16 << 20 && statSync(`${file}-wal`).size < 80 << 20)
  save('the next')
  t.equal(journal.read(100, 1000)?.payload.toString(), 'the next')
})

// seen to fail without the limit
t.test('what a reader of the database has kept from being checkpointed is cut back when it is gone', async t => {
  const { save, file } = opened(t)
  const reader = new Database(file, { readonly: true })
  t.teardown(() => { reader.close() })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM journal_entry').get()
  for (let n = 0; n < 90; n++) save('x'.repeat(1 << 20))
  const grown = statSync(`${file}-wal`).size
  t.ok(grown > 80 << 20, `it has ${grown} bytes`)

  reader.exec('COMMIT')
  for (let n = 0; n < 10; n++) save('x'.repeat(1 << 20))

  t.ok(statSync(`${file}-wal`).size <= 64 << 20, `it has ${statSync(`${file}-wal`).size} bytes`)
})

// seen to fail without the reserve, for each size of records
for (const bytes of [1000, 100_000, 1_000_000]) {
  t.test(`a journal of records of ${bytes} bytes that has filled its disk is pruned all the same, and then saves again`, { skip: needsSmallDisk }, async t => {
    const state = openState(smallDisk(t, 48 << 20), 'a')
    t.teardown(() => { state.close() })
    const journal = state.journal('all')
    journal.committed('slow', 0)
    journal.prune(week)
    const record = 'x'.repeat(bytes)
    t.throws(() => {
      for (;;) {
        journal.append(batchOfLines([record]) as Batch, () => {})
        state.save()
      }
    }, { code: 'no-space' })
    t.throws(() => { state.save() }, { code: 'no-space' })
    const end = journal.next

    journal.committed('slow', end)
    for (let step = 0; step < 200 && !saves(state); step++) journal.prune(week)
    for (let step = 0; step < 100 && journal.oldest < end; step++) journal.prune(week)

    t.equal(journal.oldest, end)
    t.equal(journal.next, end + 1)
    t.same(journal.read(end, 1)?.payload.toString(), record)
  })
}

/** False if the disk is full. */
function saves (state: State): boolean {
  try {
    state.save()
    return true
  } catch (error) {
    if (error instanceof StreamError && error.code === 'no-space') return false
    throw error
  }
}

// seen to fail when the room that is left is not looked at until the reserve was given, and when twice the reserve must be free
t.test('who starts on a disk with little room leaves it to pruning, and saves when there is enough for that', { skip: needsSmallDisk }, async t => {
  const directory = smallDisk(t, 48 << 20)
  const ballast = join(directory, 'ballast')
  writeFileSync(ballast, Buffer.alloc(44 << 20))
  const state = openState(directory, 'a')
  t.teardown(() => { state.close() })
  const journal = state.journal('all')
  journal.append(batchOfLines(['a']) as Batch, () => {})

  t.throws(() => { state.save() }, { code: 'no-space', message: /9 MiB have to be free/ })
  truncateSync(ballast, 34 << 20)
  state.save()

  t.equal(journal.next, 1)
})
