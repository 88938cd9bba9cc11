import { join } from 'node:path'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import t, { type Test } from 'tap'
import { batchOfLines } from '../../lib/stream/batch.js'
import type { Batch } from '../../lib/stream/contracts.js'
import type { Bounds } from '../../lib/stream/journal-bounds.js'
import type { Journal, JournalEntry } from '../../lib/stream/journal.js'
import { openState, type State } from '../../lib/stream/state.js'

function stateOf (t: Test, directory = t.testdir()): { state: State, directory: string } {
  const state = openState(directory, 'a')
  t.teardown(() => { state.close() })
  return { state, directory }
}

function batch (...lines: string[]): Batch {
  return batchOfLines(lines) as Batch
}

function text (entry: JournalEntry | null): [first: number, ...lines: string[]] | null {
  return entry === null ? null : [entry.first, ...entry.payload.toString().split('\n')]
}

function bounds (mostBytes: number): Bounds {
  return { mostBytes, mostAgeMs: Infinity }
}

/** Everything from `from` on, portion by portion. */
function readAll (journal: Journal, from: number, mostBytes: number): string[] {
  const lines: string[] = []
  for (let at = from; ;) {
    const entry = journal.read(at, mostBytes)
    if (entry === null) return lines
    lines.push(...entry.payload.toString().split('\n').slice(at - entry.first))
    at = entry.first + entry.count
  }
}

t.test('what is put in is there when it is saved, numbered, and those who put it in are told', async t => {
  const { state, directory } = stateOf(t)
  const journal = state.journal('all')
  const told: number[] = []

  journal.append(batch('zero', 'one'), ({ first }) => { told.push(first) })
  journal.append(batch('two'), ({ first }) => { told.push(first) })
  t.same([journal.next, journal.read(0, 1000), told], [0, null, []], 'nothing before it is saved')
  state.save()

  t.same(told, [0, 2])
  t.equal(journal.next, 3)
  t.same(text(journal.read(0, 1000)), [0, 'zero', 'one', 'two'])
  t.same(text(journal.read(1, 1)), [0, 'zero', 'one'], 'the batch that holds it, although that is too large')
  t.same(text(journal.read(2, 1000)), [2, 'two'])
  t.equal(journal.read(3, 1000), null)
  t.equal(state.journal('all'), journal)
  state.close()

  const again = openState(directory, 'a')
  t.teardown(() => { again.close() })
  t.equal(again.journal('all').id, journal.id)
  t.equal(again.journal('all').next, 3)
  t.not(again.journal('other').id, journal.id)
})

t.test('a batch, the position of its input and another journal are saved together or not at all', async t => {
  const { state, directory } = stateOf(t)
  state.journal('valid').append(batch('a'), () => {})
  state.journal('invalid').append(batch('b'), () => { throw new Error('not saved, so nobody is told') })
  state.remember('input', '1')
  const other = new Database(join(directory, 'a.sqlite'), { timeout: 0 })
  other.exec("CREATE TRIGGER refuse BEFORE INSERT ON journal_entry WHEN NEW.journal = 'invalid' BEGIN SELECT RAISE(ABORT, 'refused'); END")
  other.close()

  t.throws(() => { state.save() }, { code: 'cannot-write' })

  t.equal(state.position('input'), null)
  t.equal(state.journal('valid').read(0, 1000), null)
})

t.test('what was pruned, or has gone missing, is not made up', async t => {
  const { state, directory } = stateOf(t)
  const journal = state.journal('all')
  for (const line of ['zero', 'one', 'two', 'three', 'four']) journal.append(batch(line, `${line} too`), () => {})
  state.save()
  const other = new Database(join(directory, 'a.sqlite'))
  other.exec('DELETE FROM journal_entry WHERE first IN (0, 4)')
  other.close()

  t.equal(journal.oldest, 2)
  t.same(text(journal.read(0, 1000)), [2, 'one', 'one too'], 'from the oldest on, up to the gap')
  t.same(text(journal.read(4, 1000)), [6, 'three', 'three too', 'four', 'four too'])
})

t.test('whatever was put in comes out, in any portions, from anywhere', async t => {
  const { state } = stateOf(t)
  let n = 0

  fc.assert(fc.property(fc.array(fc.array(fc.string().map(line => line.replaceAll('\n', '')), { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 12 }), fc.nat(), fc.integer({ min: 1, max: 300 }), (batches, from, mostBytes) => {
    const journal = state.journal(`journal-${n++}`)
    const all = batches.flat()
    for (const lines of batches) journal.append(batch(...lines), () => {})
    state.save()
    const start = from % all.length

    assert.deepEqual(readAll(journal, start, mostBytes), Buffer.from(all.slice(start).join('\n')).toString().split('\n'))
  }), { numRuns: 50 })
})

t.test('what all subscribers have committed is pruned; who they are survives', async t => {
  const { state, directory } = stateOf(t)
  const journal = state.journal('all')
  for (const line of ['zero', 'one', 'two', 'three', 'four']) journal.append(batch(line, line), () => {})
  state.save()

  t.same(journal.prune(bounds(1e6)).losses, [])
  t.equal(journal.oldest, 0, 'nobody is known: everything is kept')
  journal.committed('fast', 10)
  journal.committed('slow', 5)
  t.same(journal.prune(bounds(1e6)).losses, [])
  t.same([journal.oldest, journal.next], [4, 10], 'a batch that is needed in part stays')
  journal.committed('slow', 10)
  state.close()

  const again = openState(directory, 'a')
  t.teardown(() => { again.close() })
  again.journal('all').prune(bounds(1e6))
  t.equal(again.journal('all').oldest, 4, 'what was reported after the last pruning is not known')
  t.ok(again.journal('all').knows('slow'))
  again.journal('all').committed('slow', 10)
  again.journal('all').prune(bounds(1e6))
  t.equal(again.journal('all').oldest, 10)
  t.equal(again.journal('all').next, 10)
})

t.test('the bound on bytes is kept, and who loses by it is said once', async t => {
  const { state } = stateOf(t)
  const journal = state.journal('all')
  journal.committed('slow', 3)
  journal.committed('fast', 20)
  for (let n = 0; n < 10; n++) journal.append(batch('x'.repeat(50), 'y'.repeat(49)), () => {})
  state.save()

  t.same(journal.prune(bounds(450)).losses, [{ subscriber: 'slow', first: 3, records: 9, bound: 'journal-bytes' }])
  t.equal(journal.oldest, 12)
  t.same(journal.prune(bounds(450)).losses, [])
  journal.append(batch('z'.repeat(100)), () => {})
  state.save()
  t.same(journal.prune(bounds(450)).losses, [{ subscriber: 'slow', first: 12, records: 2, bound: 'journal-bytes' }])
  t.equal(journal.next, 21)
})

t.test('no more subscribers are known than a thousand', async t => {
  const journal = stateOf(t).state.journal('all')

  for (let n = 0; n < 1000; n++) t.ok(journal.committed(`subscriber-${n}`, 0))
  t.notOk(journal.committed('one-more', 0))
  t.ok(journal.committed('subscriber-7', 1))
})
