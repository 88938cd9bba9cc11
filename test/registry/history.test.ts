import { statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { codeOf } from '../../lib/errors.js'
import { historyFile, openHistory, readHistory, type Change } from '../../lib/registry/history.js'
import { readRegistry, type Registry } from '../../lib/registry/registry.js'

const dayMs = 86_400_000
const beginMs = Date.UTC(2015, 0, 7)

function registry (text: string): Registry {
  return readRegistry(text, 'registry.yaml')
}

function brief ({ schema, key, from, to }: Change): string {
  return `${schema} ${key}: ${from} → ${to}`
}

t.test('what is another than it was is recorded once, by schema and key, with who, when and why', async t => {
  const directory = t.testdir()
  const history = openHistory(join(directory, 'state'))
  t.teardown(() => { history.close() })
  const record = (text: string, nowMs = beginMs): string[] => history.record(registry(text), { who: 'ann' }, nowMs).map(brief)

  t.equal(history.sinceMs, null)
  t.strictSame(record('schemas: { A: { owners: [a@b.org], retention: { days: 30 } } }'), [], 'the first time there is nothing to compare with')
  t.equal(history.sinceMs, beginMs)
  t.strictSame(record('schemas: { A: { owners: [a@b.org, { name: Bob, mail: b@b.org }], retention: { days: 30 }, sampling: { rate: 0.5 } } }'), [
    'A owners: a@b.org → a@b.org, Bob <b@b.org>', 'A sampling.rate: 1 → 0.5'
  ])
  t.strictSame(record('schemas: { A: { owners: [a@b.org, { name: Bob, mail: b@b.org }], retention: { days: 30 }, sampling: { rate: 0.5 } } }'), [])
  t.strictSame(record('retention: { days: 60 }\nschemas: { A: { retention: { days: 30 } }, B: }'), [
    '* retention.days: 90 → 60', 'A owners: a@b.org, Bob <b@b.org> → null', 'A sampling.rate: 0.5 → 1', 'B retention.days: 90 → 60'
  ], 'of defaults, and of a schema that is new and has them')
  t.strictSame(record('retention: { days: 60 }'), ['A retention.days: 30 → 60'], 'of one that has gone: it has what all others have')
  t.strictSame(record('retention: { days: 61 }'), ['* retention.days: 60 → 61'], 'which is then no schema any more')

  history.record(registry('retention: { days: 61 }\nschemas: { A: { team: x } }'), { who: 'bob (as root)', message: 'a new team' }, beginMs + dayMs)
  const other = readHistory(join(directory, 'state'))
  t.teardown(() => { other?.close() })
  t.strictSame([...other?.changes() ?? []].at(-1), { atMs: beginMs + dayMs, who: 'bob (as root)', message: 'a new team', schema: 'A', key: 'team', from: null, to: 'x' })
  t.equal(readHistory(directory), null)
})

// seen to fail with a deferred transaction: somebody else could compare with what is old, and fail when both write
t.test('who records has the file alone, from before what was recorded last is read', async t => {
  const directory = t.testdir()
  const history = openHistory(directory)
  const other = new Database(historyFile(directory), { timeout: 0 })
  t.teardown(() => {
    other.close()
    history.close()
  })
  history.record(registry('schemas: { A: { team: a } }'), { who: 'ann' })
  const said: unknown[] = []
  const now = registry('schemas: { A: { team: b } }')
  // what holds is asked for after what was recorded is read, and before anything is written
  const watched: Registry = {
    ...now,
    find (...args) {
      try {
        other.exec('BEGIN IMMEDIATE; ROLLBACK')
        said.push('it is free')
      } catch (error) {
        said.push(codeOf(error))
      }
      return now.find(...args)
    }
  }

  t.equal(history.record(watched, { who: 'ann' }).length, 1)
  t.strictSame(new Set(said), new Set(['SQLITE_BUSY']))
  other.exec('BEGIN IMMEDIATE; ROLLBACK')
})

// seen to fail when what holds now is recorded
t.test('an end date that passes is no change', async t => {
  const history = openHistory(t.testdir())
  t.teardown(() => { history.close() })
  const study = (until: string): Registry => registry(`schemas: { A: { retention: { days: 400, reason: study, until: ${until} } } }`)

  history.record(study('2999-12-31'), { who: 'ann' })
  t.strictSame(history.record(study('2015-01-07'), { who: 'ann' }).map(brief), ['A retention.until: 2999-12-31 → 2015-01-07'])
})

t.test('the oldest changes are forgotten, when they are ten years old or too many; a clock that is ahead for once makes nothing forgotten', async t => {
  const directory = t.testdir()
  const history = openHistory(directory)
  t.teardown(() => { history.close() })
  const record = (team: string, nowMs: number): unknown => history.record(registry(`schemas: { A: { team: ${team} } }`), { who: 'ann' }, nowMs)
  const teams = (): unknown[] => [...history.changes()].map(({ to }) => to)

  record('a', beginMs)
  record('b', beginMs)
  record('c', beginMs + 9 * 366 * dayMs)
  record('d', beginMs + 100 * 366 * dayMs)
  t.strictSame(teams(), ['b', 'c', 'd'])
  record('e', beginMs + 12 * 366 * dayMs)
  t.strictSame([teams(), history.sinceMs], [['c', 'd', 'e'], beginMs + 9 * 366 * dayMs])

  const db = new Database(historyFile(directory))
  db.exec('WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000) INSERT INTO change (time_ms, who, schema, key) SELECT (SELECT max(time_ms) FROM change), n, \'A\', \'team\' FROM n')
  db.close()
  record('f', beginMs + 12 * 366 * dayMs)
  const all = [...history.changes()]
  t.strictSame([all.length, all[0]?.who, all.at(-1)?.to], [100_000, '2', 'f'])
})

t.test('made by root it belongs to whom the directory belongs to', { skip: process.getuid?.() === 0 ? false : 'needs root' }, async t => {
  const { chownSync } = await import('node:fs')
  const directory = t.testdir()
  chownSync(directory, 65_534, 65_534)
  openHistory(directory).close()

  t.match(statSync(historyFile(directory)), { uid: 65_534, gid: 65_534 })
})
