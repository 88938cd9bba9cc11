import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copies, dayAgo, dayMs, editTable, eventLine, fileHost, insertRows, linesFrom, needsForBackups, tableHost } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'

t.setTimeout(230_000)

const registry = { retention: { days: 90 }, schemas: { Kept: { retention: { days: 30, keep: ['wiki'] } } } }

t.test('retention', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  await t.test('a purge between two runs: what it deleted goes, what it stripped is dumped anew, and is not taken for lost', async t => {
    const strange = editTable.replaceAll('Edit', 'Kept')
    const host = await tableHost(t, mariadb, registry, editTable, strange, insertRows(0, 10, dayAgo(95).ms), insertRows(10, 20, dayAgo(91).ms), insertRows(20, 30, dayAgo(5).ms), insertRows(0, 10, dayAgo(40).ms, 'Kept_1'), insertRows(10, 20, dayAgo(5).ms, 'Kept_1'))
    // nothing is old yet: as those days were dumped when they were new
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 200 } }))
    await host.must(0)
    t.equal(host.paths('tables').length, 5)
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify(registry))
    await host.query(`DELETE FROM Edit_1 WHERE timestamp < '${dayAgo(90).day.replaceAll('-', '')}'`)
    await host.query(`UPDATE Kept_1 SET event_n = NULL, event_text = NULL WHERE timestamp < '${dayAgo(30).day.replaceAll('-', '')}'`)

    const { tables, kept } = await host.must(0)
    t.match(tables, { made: 1, removed: 2, unchanged: 2 })
    t.strictSame(kept, [])

    for (const at of [host.to, ...host.destinations]) {
      t.strictSame(host.paths('tables', at), [host.path(5), host.path(5, 'Kept_1'), host.path(40, 'Kept_1')].toSorted())
      t.notMatch(host.content(host.path(40, 'Kept_1'), at), "'text ")
      t.match(host.content(host.path(5, 'Kept_1'), at), "'text ")
    }
    t.match(await host.must(0), { tables: { made: 0, removed: 0, unchanged: 3 } })
  })

  await t.test('within the day that is just too old, rows that are too old are not kept, and others are', async t => {
    const host = await tableHost(t, mariadb, registry, editTable)
    const cutoff = Date.now() - 90 * dayMs
    await host.query(insertRows(0, 10, cutoff - 600_000))
    await host.query(insertRows(10, 20, cutoff + 3_600_000))
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 200 } }))
    await host.must(0)
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify(registry))
    await host.query('DELETE FROM Edit_1')

    const { kept } = await host.must(2)

    // the two may be of two days
    t.ok([10, 20].includes(kept.reduce((sum, { rows }) => sum + rows, 0)))
    await host.query(insertRows(20, 21, cutoff + 3_700_000))
    t.strictSame((await host.must(2)).kept.map(({ rows }) => rows), [10])
  })

  await t.test('a table that is gone keeps its dumps, for as long as its events may stay', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(60).ms), insertRows(10, 20, dayAgo(5).ms))
    await host.must(0)
    await host.query(editTable.replaceAll('Edit', 'Other'))
    await host.query('DROP TABLE Edit_1')

    const { tables, kept } = await host.must(2)
    t.match(tables, { unchanged: 2, removed: 0 })
    t.strictSame(kept, [{ path: host.path(60), rows: 10 }, { path: host.path(5), rows: 10 }])
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 30 } }))
    t.match(await host.must(2), { tables: { unchanged: 1, removed: 1 } })
    t.strictSame(host.paths('tables', host.destinations[0]), [host.path(5)])
    t.match(await host.must(0, '--accept-missing'), { tables: { removed: 1 } })
    t.strictSame(host.paths('tables', host.destinations[0]), [])
  })

  await t.test('retention: what a purge takes out of files goes from their copies, whether the files are there or not', async t => {
    const host = await fileHost(t, mariadb, {}, { retention: { days: 30 }, schemas: { Kept: { retention: { days: 10, keep: ['event.n'] } } } })
    const old = linesFrom(0, 5, dayAgo(40).ms)
    const young = linesFrom(5, 10, dayAgo(20).ms)
    const kept = eventLine(dayAgo(20).ms, 77, 'Kept')
    writeFileSync(join(host.directory, 'registry.yaml'), '{}')
    host.log('mixed.log-20261101.gz', old + young, 24 * 20)
    const gone = host.log('gone.log-20261101', old + young, 24 * 20)
    host.log('whole.log-20261001', old, 24 * 40)
    host.log('stripped.log-20261110', kept, 24 * 20)
    await host.must(0)
    rmSync(gone)
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 30 }, schemas: { Kept: { retention: { days: 10, keep: ['event.n'] } } } }))

    const report = await host.must(0)

    t.match(report.files, { removed: 1, made: 3 })
    t.strictSame(report.kept, [])
    const all = copies(t, host)
    t.strictSame(Object.keys(all), ['gone.log-20261101', 'mixed.log-20261101.gz', 'stripped.log-20261110'])
    t.equal(all['gone.log-20261101'], young)
    t.equal(all['mixed.log-20261101.gz'], young)
    t.match(JSON.parse(all['stripped.log-20261110'] ?? ''), { event: { n: 77 }, schema: 'Kept' })
    t.notMatch(all['stripped.log-20261110'], 'enwiki')
    t.match(host.manifest('files/mixed.log-20261101.gz').hours, [{ count: 5 }])
    t.match(await host.must(0), { files: { made: 0, removed: 0 } }, 'what was done is not done again')

    // the purge comes to the files themselves
    host.log('mixed.log-20261101.gz', young, 24 * 20)
    host.log('stripped.log-20261110', all['stripped.log-20261110'] ?? '', 24 * 20)
    rmSync(join(host.directory, 'log', 'whole.log-20261001'))
    const last = await host.must(0)
    t.strictSame({ kept: last.kept, failures: last.failures }, { kept: [], failures: [] })
    t.strictSame(Object.keys(copies(t, host)), ['gone.log-20261101', 'mixed.log-20261101.gz', 'stripped.log-20261110'])
  })

  await t.test('oldest-days is a bound for everything', async t => {
    const host = await fileHost(t, mariadb, { 'oldest-days': 15 })
    host.log('a.log-20261101', linesFrom(0, 5, dayAgo(20).ms), 24 * 20)
    host.log('b.log-20261101', linesFrom(0, 5, dayAgo(10).ms), 24 * 10)

    t.match(await host.must(0), { files: { made: 1 } })
    t.strictSame(host.paths('files'), ['files/b.log-20261101'])
  })
})
