import t from 'tap'
import type { LedgerEntry } from '../../../lib/stream/ledger.js'
import { deficitsOf, storedIn } from '../../../tools/backup/verify/stored.js'
import { isDatabase } from '../../../tools/backup/verify/ledger.js'
import { parseUri } from '../../../lib/stream/uri.js'

const hour = 3_600_000

/** Stored in an hour, by a consumer. */
function entry (at: number, count: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  return { minute: at * hour + 60_000, side: 'output', stream: 'mysql://db/log', schema: 'Edit', fate: 'passed', count, ...more }
}

function byHour (...counts: readonly number[]): Map<string, Map<number, number>> {
  return new Map([['Edit', new Map(counts.map((count, at) => [at * hour, count]))]])
}

t.test('what was stored and is not there is missing', async t => {
  t.strictSame(deficitsOf(byHour(5, 7, 9), byHour(5, 7, 9)), [])
  t.strictSame(deficitsOf(byHour(5, 7, 9), byHour(5, 3, 9)), [{ schema: 'Edit', hourMs: hour, stored: 7, missing: 4 }])
  t.strictSame(deficitsOf(byHour(5), new Map()), [{ schema: 'Edit', hourMs: 0, stored: 5, missing: 5 }])
})

t.test('what happened in another hour than it came in is not', async t => {
  t.strictSame(deficitsOf(byHour(5, 7, 9), byHour(5, 8, 8)), [], 'a second late')
  t.strictSame(deficitsOf(byHour(5, 7, 9), byHour(5, 6, 10)), [], 'a clock is ahead')
  t.strictSame(deficitsOf(byHour(0, 0, 0, 20), byHour(6, 6, 6, 2)), [], 'hours late, after a downtime')
  t.strictSame(deficitsOf(byHour(5, 7, 9), byHour(7, 7, 4)), [{ schema: 'Edit', hourMs: 2 * hour, stored: 9, missing: 3 }], 'what is to spare counts once')
  t.strictSame(deficitsOf(byHour(5, 0, 0), byHour(3, 0, 2)), [{ schema: 'Edit', hourMs: 0, stored: 5, missing: 2 }], 'nothing comes before it happens')
})

t.test('only what consumers put into that store, and of what happened then, is asked for', async t => {
  const consumer = { daemon: 'consumer', entries: [entry(1, 5), entry(1, 2, { fate: 'duplicate' }), entry(1, 3, { stream: 'file:///x' }), entry(1, 1, { schema: 'EventError:Edit' })] }
  const stored = storedIn([
    consumer,
    { daemon: 'replay', entries: [entry(1, 4, { stream: 'replay' })] },
    { daemon: 'consumer', entries: [entry(1, 100), entry(1, 100, { side: 'input', stream: 'file:///old.log', fate: 'taken' })] }
  ], stream => stream.startsWith('mysql:'))

  t.strictSame([...stored].map(([schema, hours]) => [schema, ...hours]), [['Edit', [hour, 1]], ['EventError', [hour, 1]]])
})

t.test('a database is known by its server and its name, however it is written', async t => {
  const ours = parseUri('mysql://127.0.0.1/log?defaults-file=/x')
  t.ok(isDatabase('mysql://vanadium@localhost:3306/log', ours))
  t.ok(isDatabase('mysql:///log', ours))
  t.notOk(isDatabase('mysql://127.0.0.1/other', ours))
  t.notOk(isDatabase('mysql://127.0.0.1:3307/log', ours))
  t.notOk(isDatabase('mysql://db2/log', ours))
  t.notOk(isDatabase('sqlite:///log', ours))
})
