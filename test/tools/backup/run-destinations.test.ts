import { chownSync, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copies, dayAgo, editTable, fileHost, insertRows, linesFrom, needsForBackups, tableHost } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'
import { findProgram } from '../../helpers/programs.js'

t.setTimeout(230_000)

t.test('destinations', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  await t.test('a destination that fails does not keep the others, and has everything when it is back', async t => {
    const host = await fileHost(t, mariadb)
    const [near = '', far = ''] = host.destinations
    host.log('a.log-20261101', linesFrom(0, 5, dayAgo(10).ms))
    host.log('b.log-20261101', linesFrom(0, 5, dayAgo(10).ms))
    await host.must(0)
    renameSync(near, `${near}.away`)
    rmSync(join(host.directory, 'log', 'b.log-20261101'))
    host.log('c.log-20261101', linesFrom(0, 5, dayAgo(10).ms))
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 5 } }))

    t.match(await host.must(1), { outcome: 'failed', destinations: [{ name: near, failure: /is it mounted/ }, { failure: null }] })
    t.strictSame(host.paths('files', far), [])

    renameSync(`${near}.away`, near)
    t.equal(host.paths('files', near).length, 2)
    await host.must(0)
    t.strictSame(host.paths('files', near), [], 'what has to go goes')
    host.configure({ tables: null, destinations: [near, { rsync: 'rsync://127.0.0.1:1/x' }] })
    t.match(await host.must(1), { destinations: [{ failure: null }, { failure: /could not be asked/ }] })
  })

  await t.test('a staging area that is lost loses nothing', async t => {
    const host = await fileHost(t, mariadb)
    const path = host.log('a.log-20261101', linesFrom(0, 5, dayAgo(10).ms))
    host.log('b.log-20261101', linesFrom(0, 5, dayAgo(10).ms))
    await host.must(0)
    rmSync(host.to, { recursive: true })
    rmSync(path)

    const { kept, failures } = await host.must(0)
    t.strictSame({ kept, failures }, { kept: [], failures: [] })

    t.strictSame(Object.keys(copies(t, host)), ['a.log-20261101', 'b.log-20261101'])
    t.notOk(existsSync(path))
  })

  await t.test('what root makes by hand is of whom the directory is, who has to go on with it', { skip: process.geteuid?.() === 0 ? false : 'needs root, to give files away' }, async t => {
    const host = await fileHost(t, mariadb)
    const [near = ''] = host.destinations
    const nobody = 65_534
    const strangers = (): string[] => [host.to, near].flatMap(at => readdirSync(at, { recursive: true, encoding: 'utf8' }).map(name => join(at, name))).filter(path => lstatSync(path).uid !== nobody)
    mkdirSync(host.to)
    for (const directory of [host.to, near]) chownSync(directory, nobody, nobody)
    host.log('a.log-20261101', linesFrom(0, 5, dayAgo(10).ms))
    host.log('b.log-20261101', linesFrom(0, 5, dayAgo(1).ms))
    await host.must(0)
    t.strictSame(strangers(), [])

    rmSync(host.to, { recursive: true })
    mkdirSync(host.to)
    chownSync(host.to, nobody, nobody)
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 5 } }))
    await host.must(0)
    t.strictSame(host.paths('files', near).length, 1)
    t.strictSame(strangers(), [])
  })

  await t.test('nothing takes the place of what a destination has before it was asked', async t => {
    const host = await tableHost(t, mariadb, {}, editTable, insertRows(0, 30, dayAgo(2).ms))
    await host.must(0)
    const [near = '', far = ''] = host.destinations
    // one that is stale
    cpSync(near, `${near}.stale`, { recursive: true, preserveTimestamps: true })
    await host.query(insertRows(30, 40, dayAgo(2).ms))
    await host.must(0)
    rmSync(near, { recursive: true })
    renameSync(`${near}.stale`, near)
    rmSync(host.to, { recursive: true })
    await host.query('DELETE FROM Edit_1 WHERE event_n > 4')
    renameSync(far, `${far}.away`)
    host.replace('rsync', `case "$*" in *other.example.org*) exit 30;; esac; exec ${findProgram('rsync') ?? ''} "$@"`)

    t.match(await host.must(1), { tables: { made: 0 }, failures: [/is new, and other\.example\.org.* could not be asked/], destinations: [{ failure: /nothing is made or sent before/ }, { failure: /could not be asked/ }] })
    // a transfer that is broken off
    renameSync(`${far}.away`, far)
    host.replace('rsync', `${findProgram('rsync') ?? ''} "$@"; case "$*" in *other.example.org*) exit 30;; esac`)
    t.match(await host.must(1), { tables: { made: 0 } })
    host.replace('rsync', `exec ${findProgram('rsync') ?? ''} "$@"`)

    const { kept } = await host.must(2)

    t.strictSame(kept, [{ path: host.path(2), rows: 35 }])
    for (const at of [host.to, near, far]) t.match(host.content(host.path(2), at), "text \\'39")
  })

  await t.test('a disk that is not mounted any more gets nothing', async t => {
    const host = await fileHost(t, mariadb)
    const [near = ''] = host.destinations
    host.log('a.log-20261101', linesFrom(0, 5, dayAgo(10).ms))
    await host.must(0)
    renameSync(near, `${near}.disk`)
    mkdirSync(near)
    host.log('b.log-20261101', linesFrom(0, 5, dayAgo(10).ms))

    t.match(await host.must(1), { files: { made: 1 }, destinations: [{ name: near, failure: /is it mounted\?/ }, { failure: null }] })

    t.strictSame(readdirSync(near), [])
    rmSync(near, { recursive: true })
    renameSync(`${near}.disk`, near)
    await host.must(0)
    t.strictSame(Object.keys(copies(t, host)), ['a.log-20261101', 'b.log-20261101'])
  })

  await t.test('names of all kinds are sent, removed, and told in one line', async t => {
    const host = await fileHost(t, mariadb)
    const names = ['two\nlines.log-20261101', '#1.log-20261101', 'a[b]*\\.log-20261101', 'cr\r.log-20261101']
    for (const name of names) host.log(name, linesFrom(0, 5, dayAgo(10).ms))
    await host.must(0)
    t.strictSame(Object.keys(copies(t, host)).sort(), [...names].sort())
    for (const at of [host.to, ...host.destinations]) truncateSync(join(at, 'files/a[b]*\\.log-20261101'), 9)
    rmSync(join(host.directory, 'log', names[2] ?? ''))
    host.configure({ tables: null, destinations: [{ rsync: `other.example.org:${host.destinations[1] ?? ''}` }, join(host.directory, 'third')] })
    mkdirSync(join(host.directory, 'third'))
    await host.must(1)
    t.strictSame(host.paths('files', join(host.directory, 'third')).length, 3, 'what is damaged is not sent, and nothing else')
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 5 } }))

    const { text } = await host.run()

    t.strictSame(host.paths('files', host.destinations[1]).filter(path => !path.includes('[b]')), [])
    t.notMatch(text, '\r')
  })
})
