import { rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { manifestName } from '../../../lib/backup/manifest-file.js'
import { copies, dayAgo, editTable, fileHost, insertRows, linesFrom, needsForBackups, tableHost } from '../../helpers/backup-host.js'
import { flip } from '../../helpers/flip.js'
import { startMariadb } from '../../helpers/mariadb.js'

t.setTimeout(230_000)

const registry = { retention: { days: 90 } }

t.test('damage in the staging area', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  await t.test('a copy whose archive is gone is taken again from a destination, and is not sent as it is', async t => {
    const host = await fileHost(t, mariadb)
    const [cut, bare] = ['a', 'b'].map(name => host.log(`${name}.log-20261101.gz`, linesFrom(0, 50, dayAgo(10).ms))) as [string, string]
    await host.must(0)
    const before = copies(t, host)
    truncateSync(join(host.to, 'files/a.log-20261101.gz'), 100)
    rmSync(manifestName(join(host.to, 'files/b.log-20261101.gz')))
    for (const path of [cut, bare]) rmSync(path)

    const { failures } = await host.must(1)

    t.match(failures, [/damaged: .*a\.log.* has 100 bytes, and had .*; it was taken again from .*near/, /damaged: .*b\.log.* has no manifest; it was taken again from/])
    t.strictSame(copies(t, host), before)
    await host.must(0)
  })

  await t.test('rows that only a dump has stay in it, whatever of it is damaged', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, ...[4, 3, 2, 1].map(days => insertRows(days * 10, days * 10 + 10, dayAgo(days).ms)))
    await host.must(0)
    await host.query('DELETE FROM Edit_1 WHERE event_n % 10 > 4')
    const { kept } = await host.must(2)
    t.strictSame(kept.map(({ rows }) => rows), [5, 5, 5, 5])

    truncateSync(join(host.to, host.path(4)), 100)
    rmSync(manifestName(join(host.to, host.path(3))))
    for (const path of [host.path(2), manifestName(host.path(2))]) rmSync(join(host.to, path))
    flip(join(host.to, host.path(1)))
    await host.query(insertRows(100, 101, dayAgo(1).ms))
    const report = await host.must(1)

    t.strictSame(report.kept, kept)
    t.equal(report.tables.made, 1)
    t.match(report.failures, [/has 100 bytes/, /has no manifest/, /has other bytes than it had; it was taken again/])
    for (const at of [host.to, ...host.destinations]) {
      for (const days of [4, 3, 2, 1]) t.match(host.content(host.path(days, 'Edit_1'), at), `text \\'${days}7`, `${days} days ago, in ${at}`)
    }
    t.strictSame((await host.must(2)).failures, [])
  })

  await t.test('what a destination that is away may have good is neither made anew nor sent', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(1).ms))
    const path = host.log('a.log-20261101', linesFrom(0, 50, dayAgo(10).ms))
    await host.must(0)
    const [near = '', far = ''] = host.destinations
    for (const at of [host.to, far]) for (const one of [host.path(1), 'files/a.log-20261101']) truncateSync(join(at, one), 99)
    host.configure({ destinations: [{ rsync: 'rsync://127.0.0.1:1/x' }, near, { rsync: `other.example.org:${far}` }] })
    rmSync(near, { recursive: true })

    t.match(await host.must(1), { tables: { made: 0 }, files: { made: 0 }, failures: [/; it stays so until/, /; it stays so until/] })

    t.strictSame(host.paths('files'), ['files/a.log-20261101'], 'no second copy')
    host.configure({ destinations: [{ rsync: `other.example.org:${far}` }] })
    t.match(await host.must(1), { tables: { made: 1 }, files: { made: 1 }, failures: [/no destination has it/, /no destination has it/] })
    await host.must(0)
    t.strictSame(host.paths('files', far), ['files/a.log-20261101'], 'its place is taken, not another one')
    t.equal(host.content('files/a.log-20261101', far), linesFrom(0, 50, dayAgo(10).ms))
    rmSync(path)
  })

  await t.test('bits of a copy that are not what they were do not become good by retention', async t => {
    const host = await fileHost(t, mariadb)
    const young = linesFrom(5, 10, dayAgo(20).ms)
    const old = linesFrom(0, 5, dayAgo(40).ms)
    rmSync(host.log('gone.log-20261101', old + young, 24 * 20))
    host.log('gone.log-20261101', old + young, 24 * 20)
    await host.must(0)
    flip(join(host.to, 'files/gone.log-20261101'), old.length + 20)
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 30 } }))

    t.match(await host.must(1), { failures: [/other bytes than it had; it was taken again/] })

    t.strictSame(copies(t, host), { 'gone.log-20261101': young })
  })

  await t.test('a copy of the same length, of the same second, is sent all the same', async t => {
    const host = await fileHost(t, mariadb)
    const text = linesFrom(0, 9, dayAgo(10).ms)
    const second = Math.floor(Date.now() / 1000) - 7200
    utimesSync(host.log('a.log-20261101', text), second, second + 0.1)
    await host.must(0)
    utimesSync(host.log('a.log-20261101', text.replace('"n":8}', '"n":7}')), second, second + 0.6)

    t.match(await host.must(0, '--accept-missing'), { files: { made: 1 } })

    t.match(copies(t, host), { 'a.log-20261101': /"n":7\}[^]*"n":7\}/ })
  })
})
