import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { DumpSource } from '../../../lib/backup/manifest.js'
import { dayAgo, editTable, insertRows, needsForBackups, restore, tableHost, uuidOf } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'

t.setTimeout(230_000)

const registry = { retention: { days: 90 } }

t.test('tables', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  await t.test('a day is dumped when its rows have changed, and only then; all destinations have it', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 100, dayAgo(2).ms), insertRows(100, 200, dayAgo(1).ms), insertRows(200, 300, dayAgo(0).ms),
      'CREATE TABLE vanadium_positions (consumer VARCHAR(64) PRIMARY KEY, position TEXT)', "INSERT INTO vanadium_positions VALUES ('a', 'b')", 'CREATE TABLE vanadium_leases (name VARCHAR(64))', "INSERT INTO vanadium_leases VALUES ('x')")

    const dry = await host.run('--dry-run')
    t.equal(dry.code, 0, dry.errors)
    t.match(dry.text, /dump +tables\/.*\/vanadium_positions\/undated\.sql\.gz[^]*dump +tables\/[^]*4 to do, 0 unchanged/)
    t.strictSame(host.paths('tables'), [])
    const { outcome, tables, kept, failures, destinations } = await host.must(0)
    t.match({ outcome, tables, destinations }, { outcome: 'done', tables: { made: 4, unchanged: 0, removed: 0, rows: 301 }, destinations: [{ failure: null }, { failure: null }] })
    t.strictSame({ kept, failures }, { kept: [], failures: [] })
    const all = [host.path(2), host.path(1), host.path(0), `tables/${host.database}/vanadium_positions/undated.sql.gz`]
    for (const at of [host.to, ...host.destinations]) {
      t.strictSame(host.paths('tables', at), all.toSorted())
      for (const path of all) t.equal(statSync(join(at, path)).size, host.manifest(path, at).source.bytes)
    }
    t.match(await host.must(0), { tables: { made: 0, unchanged: 4 }, destinations: [{ files: 1 }, { files: 1 }] }, 'but the report of the first run')

    await host.query(insertRows(300, 301, dayAgo(1).ms + 7_200_000))
    t.match(await host.must(0), { tables: { made: 1, unchanged: 3, rows: 101 } })
    t.match(host.manifest(host.path(1)).hours, [{ hour: `${dayAgo(1).day}T12`, schema: 'Edit_1', count: 100 }, { hour: `${dayAgo(1).day}T14`, count: 1, first: `${dayAgo(1).day}T14:00:00Z` }])
  })

  // seen to fail with a dump of whatever is there
  await t.test('rows that were changed in their place do not replace those of the backup, until that is accepted', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 100, dayAgo(2).ms), insertRows(100, 200, dayAgo(1).ms))
    await host.must(0)
    const before = host.content(host.path(2))
    await host.query("UPDATE Edit_1 SET event_text = 'changed' WHERE event_n = 5")

    for (const time of ['once', 'and again']) {
      const { tables, kept } = await host.must(2)
      t.match(tables, { made: 0, unchanged: 2 }, time)
      t.strictSame(kept, [{ path: host.path(2), rows: 100 }])
      t.equal(host.content(host.path(2)), before)
    }

    await host.query(insertRows(200, 210, dayAgo(2).ms + 7_200_000))
    for (const made of [1, 0]) {
      const { tables, kept } = await host.must(2)
      t.match(tables, { made }, 'what comes besides is dumped')
      t.strictSame(kept, [{ path: host.path(2), rows: 100 }])
      t.match(host.content(host.path(2)), "'text ''5'".replaceAll("''", "\\'"))
      t.match(host.content(host.path(2)), uuidOf(205))
      t.notMatch(host.content(host.path(2)), "'changed'")
    }

    await host.query("UPDATE Edit_1 SET event_text = 'text ''5' WHERE event_n = 5")
    t.strictSame((await host.must(0)).kept, [], 'it is as it was')
    await host.query("UPDATE Edit_1 SET event_text = 'changed' WHERE event_n = 5")
    await host.query('ALTER TABLE Edit_1 ADD COLUMN event_new TEXT NULL')
    t.strictSame((await host.must(2)).kept, [{ path: host.path(2), rows: 100 }], 'a column that the table gains is no change')
    t.strictSame((await host.must(0, '--accept-missing')).kept, [])
    t.match(host.content(host.path(2)), "'changed'")
    t.strictSame((await host.must(0)).kept, [])
  })

  // seen to fail with the ids of the table in dumps, and with those of the dump before in what is kept
  await t.test('a table that was emptied and gives its numbers anew: all its rows are restored, the old and the new', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 100, dayAgo(2).ms), insertRows(100, 200, dayAgo(1).ms))
    await host.must(0)
    await host.query('TRUNCATE Edit_1')
    await host.query(insertRows(200, 250, dayAgo(1).ms))
    await host.query(insertRows(250, 300, dayAgo(0).ms))

    t.strictSame((await host.must(2)).kept, [{ path: host.path(2), rows: 100 }, { path: host.path(1), rows: 100 }])

    const other = await mariadb.database()
    restore(mariadb, other, ...[`tables/${host.database}/Edit_1/schema.sql`, host.path(2), host.path(1), host.path(0)].map(path => join(host.to, path)))
    t.strictSame(await mariadb.query('SELECT COUNT(*) AS n, SUM(event_n) AS sum FROM Edit_1', other), [{ n: 300, sum: String(299 * 150) }])
    restore(mariadb, host.database, ...[2, 1].map(days => join(host.to, host.path(days))))
    t.equal(await host.count(), 300, 'and beside those that are there')
  })

  // seen to fail without each of the three
  await t.test('a table without days that was emptied, or is gone, or whose totals were lost, stays in the backup', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(1).ms),
      'CREATE TABLE notes (n INT PRIMARY KEY)', 'INSERT INTO notes VALUES (1), (2)', 'CREATE TABLE other (n INT PRIMARY KEY)', 'INSERT INTO other VALUES (1)',
      'CREATE TABLE Edit_daily (digest CHAR(40) NOT NULL PRIMARY KEY, day DATE, events BIGINT)', "INSERT INTO Edit_daily VALUES ('a', '2026-01-01', 5), ('b', '2026-01-02', 6)")
    await host.must(0)
    const path = (table: string): string => `tables/${host.database}/${table}/undated.sql.gz`
    await host.query('DELETE FROM notes')
    await host.query('DROP TABLE other')
    await host.query("DELETE FROM Edit_daily WHERE digest = 'a'")
    await host.query("INSERT INTO Edit_daily VALUES ('c', '2026-01-03', 7)")

    const lost = [{ path: path('Edit_daily'), rows: 1 }, { path: path('notes'), rows: 2 }, { path: path('other'), rows: 1 }]
    for (const time of ['once', 'and again']) t.strictSame((await host.must(2)).kept, lost, time)
    t.match(host.content(path('notes')), /\(2\)/)
    t.match(host.content(path('Edit_daily')), /'a'[^]*'c'|'c'[^]*'a'/)

    t.strictSame((await host.must(0, '--accept-missing')).kept, [])
    t.strictSame(host.paths('tables', host.destinations[0]), [host.path(1), path('Edit_daily')])
    t.match(await host.must(0), { tables: { made: 0, unchanged: 2 } })
  })

  await t.test('what is restored is what was there', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 500, dayAgo(1).ms), "INSERT INTO Edit_1 (uuid, event_text) VALUES ('undated', 'x')")
    await host.must(0)
    const all = 'SELECT uuid, timestamp, wiki, event_n, event_text FROM Edit_1 ORDER BY uuid'
    const wanted = await host.query(all)
    const other = await mariadb.database()
    const files = [`tables/${host.database}/Edit_1/schema.sql`, host.path(1), `tables/${host.database}/Edit_1/undated.sql.gz`].map(path => join(host.destinations[1] ?? '', path))

    restore(mariadb, other, ...files)
    restore(mariadb, other, ...files)

    t.strictSame(await mariadb.query(all, other), wanted)
  })

  // seen to fail without the rows that are taken over, and with a manifest that does not know of them
  await t.test('rows that are lost within the retention stay in the backup, whatever comes after', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 1000, dayAgo(3).ms), insertRows(1000, 1200, dayAgo(1).ms))
    await host.must(0)

    await host.query('DELETE FROM Edit_1 WHERE event_n >= 400 AND event_n < 700')
    await host.query('DELETE FROM Edit_1 WHERE event_n >= 1000')
    await host.query(insertRows(5000, 5010, dayAgo(3).ms))
    const report = await host.must(2)

    t.match(report, { outcome: 'done', tables: { made: 1 } })
    t.strictSame(report.kept, [{ path: host.path(3), rows: 300 }, { path: host.path(1), rows: 200 }])
    t.equal(host.manifest(host.path(3)).hours.reduce((sum, { count }) => sum + count, 0), 1010)
    const again = await host.must(2)
    t.match(again.tables, { made: 0, unchanged: 2 }, 'nothing is dumped')
    t.strictSame(again.kept, report.kept, 'it is said again')

    await host.query(insertRows(5010, 5020, dayAgo(3).ms))
    const third = await host.must(2)
    t.match(third.tables, { made: 1 })
    t.strictSame(third.kept, report.kept)

    restore(mariadb, host.database, join(host.to, host.path(3)), join(host.to, host.path(1)))
    t.equal(await host.count(), 1220)
    const { tables, kept } = await host.must(0)
    t.match(tables, { made: 2 }, 'they are back')
    t.strictSame(kept, [])
    t.strictSame((host.manifest(host.path(1)).source as DumpSource).kept, [])
  })

  await t.test('what was deleted on purpose goes from all backups', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 50, dayAgo(3).ms), insertRows(50, 80, dayAgo(1).ms))
    await host.must(0)
    await host.query('DELETE FROM Edit_1 WHERE event_n = 7 OR event_n >= 50')
    await host.must(2)

    const { tables, kept } = await host.must(0, '--accept-missing')
    t.match(tables, { made: 1, removed: 1 })
    t.strictSame(kept, [])

    for (const at of [host.to, ...host.destinations]) {
      t.strictSame(host.paths('tables', at), [host.path(3)])
      t.notMatch(host.content(host.path(3), at), uuidOf(7))
      t.match(host.content(host.path(3), at), uuidOf(8))
    }
  })
})
