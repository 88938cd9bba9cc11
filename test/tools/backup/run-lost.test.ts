import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { dayAgo, editTable, insertRows, needsForBackups, restore, tableHost } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'

t.setTimeout(230_000)

const registry = { retention: { days: 90 }, schemas: { Kept: { retention: { days: 30, keep: ['wiki'] } } } }

t.test('what is lost as a whole', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  // seen to fail when the days of a policy that keeps something were taken for those after which nothing stays
  await t.test('a database that is lost, or another one, takes nothing from the backup; nor does a table that is, of what its policy keeps', async t => {
    const strange = editTable.replaceAll('Edit', 'Kept')
    const host = await tableHost(t, mariadb, registry, editTable, strange, insertRows(0, 10, dayAgo(5).ms), insertRows(10, 20, dayAgo(95).ms), insertRows(0, 10, dayAgo(40).ms, 'Kept_1'),
      'CREATE TABLE vanadium_positions (consumer VARCHAR(64) PRIMARY KEY, position TEXT)', "INSERT INTO vanadium_positions VALUES ('a', 'before')")
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 200 }, schemas: registry.schemas }))
    await host.must(0)
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify(registry))
    const before = host.paths('tables')
    const positions = `tables/${host.database}/vanadium_positions/undated.sql.gz`

    await host.query('DROP TABLE Edit_1, Kept_1')
    await host.query("UPDATE vanadium_positions SET position = 'after'")
    t.match((await host.must(1)).failures, [/has no table of events, and there are dumps of 2; is it the right one\?/])
    await host.query('DROP TABLE vanadium_positions')
    t.match((await host.must(1)).failures, [/has no table that this account may see/])
    for (const at of [host.to, ...host.destinations]) t.strictSame(host.paths('tables', at), before)
    t.match(host.content(positions), "'before'")

    await host.query(editTable)
    const { kept, tables } = await host.must(2)
    t.match(tables, { removed: 1 }, 'what is over in any case goes')
    t.strictSame(kept, [{ path: host.path(5), rows: 10 }, { path: host.path(40, 'Kept_1'), rows: 10 }, { path: positions, rows: 1 }])
    host.configure({ 'oldest-days': 30 })
    t.match(await host.must(2), { tables: { removed: 1 } }, 'and so what is older than anything may be')
    t.strictSame(host.paths('tables'), [host.path(5), positions])
  })

  // seen to fail with rows that are over and went, and with days that were kept as they were
  await t.test('of what is lost, what its policy keeps is kept, and nothing else, from the day on from which it may not stay', async t => {
    const host = await tableHost(t, mariadb, registry, editTable.replaceAll('Edit', 'Kept'), insertRows(0, 10, dayAgo(40).ms, 'Kept_1'), insertRows(10, 20, dayAgo(35).ms, 'Kept_1'), insertRows(20, 30, dayAgo(5).ms, 'Kept_1'))
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 200 } }))
    await host.must(0)
    const whole = host.content(host.path(35, 'Kept_1'))
    await host.query("UPDATE Kept_1 SET event_n = NULL, event_text = NULL WHERE timestamp < DATE_FORMAT(NOW() - INTERVAL 38 DAY, '%Y%m%d%H%i%S')")
    await host.query('DELETE FROM Kept_1 WHERE id <= 5')
    await host.query(`DELETE FROM Kept_1 WHERE timestamp LIKE '${dayAgo(35).day.replaceAll('-', '')}%'`)
    t.match(whole, "'text ")

    // the purge has been there meanwhile, and after the loss the policy is in force
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify(registry))
    for (const made of [2, 0]) {
      const { kept, tables } = await host.must(2)
      t.match(tables, { made, removed: 0 })
      t.strictSame(kept, [{ path: host.path(40, 'Kept_1'), rows: 5 }, { path: host.path(35, 'Kept_1'), rows: 10 }])
    }
    for (const at of [host.to, ...host.destinations]) {
      for (const [days, count] of [[40, 10], [35, 10]] as const) {
        t.notMatch(host.content(host.path(days, 'Kept_1'), at), "'text ")
        t.equal(host.content(host.path(days, 'Kept_1'), at).split("'enwiki'").length - 1, count)
      }
      t.match(host.content(host.path(5, 'Kept_1'), at), "'text ")
    }

    const other = await mariadb.database()
    restore(mariadb, other, ...[`tables/${host.database}/Kept_1/schema.sql`, ...[40, 35, 5].map(days => host.path(days, 'Kept_1'))].map(path => join(host.to, path)))
    t.strictSame(await mariadb.query('SELECT COUNT(*) AS n, COUNT(event_n) AS whole FROM Kept_1', other), [{ n: 30, whole: 10 }])
  })

  // seen to fail when all of it was removed
  await t.test('a slip in the registry, or a clock that is wrong, does not empty the backup', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, ...Array.from({ length: 12 }, (_, at) => insertRows(at * 10, at * 10 + 10, dayAgo(at + 1).ms)))
    await host.must(0)
    const all = host.paths('tables')
    t.equal(all.length, 12)

    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 5 } }))
    t.match((await host.must(1)).failures, [/^[78] of 12 files of the backup would go: .*--accept-removals$/])
    t.match(await host.run('--dry-run'), { code: 1, text: /Not looked at: .*--accept-removals/ })
    for (const at of [host.to, ...host.destinations]) t.strictSame(host.paths('tables', at), all)
    const { removed } = (await host.must(0, '--accept-removals')).tables
    t.ok(removed === 7 || removed === 8)
    t.equal(host.paths('tables', host.destinations[0]).length, 12 - removed)

    const file = join(host.to, `${host.path(1)}.manifest.json`)
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"made":"[^"]*"/, `"made":"${dayAgo(-10).day}T01:00:00.000Z"`))
    t.match((await host.must(1)).failures, [/^the clock says .*, and the newest backup is of .*--accept-removals$/])
  })

  // seen to fail with dumps of the database of now alone
  await t.test('dumps of a database, or of tables, that nobody backs up any more are not kept for ever', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(60).ms), insertRows(10, 20, dayAgo(5).ms), 'CREATE TABLE notes (n INT)', 'INSERT INTO notes VALUES (1)')
    await host.must(0)
    const notes = `tables/${host.database}/notes/undated.sql.gz`
    host.configure({ tables: null, 'oldest-days': 50 })
    t.match(await host.must(0), { tables: { removed: 1 } })
    t.strictSame(host.paths('tables', host.destinations[1]), [host.path(5), notes])

    for (const at of [host.to, ...host.destinations]) {
      const file = join(at, `${notes}.manifest.json`)
      writeFileSync(file, readFileSync(file, 'utf8').replace(/"made":"[^"]*"/, `"made":"${dayAgo(51).day}T01:00:00.000Z"`))
    }
    t.match(await host.must(0), { tables: { removed: 1 } }, 'what has no time is as old as its dump')
    t.strictSame(host.paths('tables', host.destinations[1]), [host.path(5)])
  })
})
