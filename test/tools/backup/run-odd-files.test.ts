import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copies, dayAgo, fileHost, linesFrom, needsForBackups } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'

t.setTimeout(230_000)

t.test('files in trouble', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  await t.test('a last line without a newline is backed up once nobody writes to it, though nothing has changed', async t => {
    const host = await fileHost(t, mariadb)
    const path = host.log('a.log-20261101', `${linesFrom(0, 5, dayAgo(3).ms)}{"last":1}`)
    const fd = openSync(path, 'a')
    await host.must(0)
    t.strictSame(copies(t, host), { 'a.log-20261101': linesFrom(0, 5, dayAgo(3).ms) })
    closeSync(fd)

    t.match(await host.must(0), { files: { made: 1 } })

    t.strictSame(copies(t, host), { 'a.log-20261101': `${linesFrom(0, 5, dayAgo(3).ms)}{"last":1}` })
    t.match(await host.must(0), { files: { made: 0, unchanged: 1 } })
  })

  await t.test('--accept-missing takes lines out of the copy of the same file, not of another one', async t => {
    const host = await fileHost(t, mariadb)
    const { ms } = dayAgo(3)
    const without = (from: number, to: number): string => linesFrom(from, to, ms).replaceAll(/,"uuid":"[^"]*"/g, '')
    const [shared, first] = [linesFrom(60, 120, ms + 3_600_000), linesFrom(0, 60, ms)]
    host.log('a.log-20261101', without(0, 5))
    host.log('a.log-20261102', without(5, 10))
    host.log('b.log-20261101', first + shared)
    await host.must(0)
    t.equal(Object.keys(copies(t, host)).length, 3, 'events without a uuid are not the same because there are as many')

    // it begins otherwise, and has an hour that another file has, too
    host.log('b.log-20261102', linesFrom(500, 800, ms - 10 * 3_600_000) + shared)
    await host.must(0, '--accept-missing')

    const all = copies(t, host)
    t.equal(all['b.log-20261101'], first + shared)
    t.equal(all['b.log-20261102']?.length, (linesFrom(500, 800, ms - 10 * 3_600_000) + shared).length)
    host.log('b.log-20261101', shared)
    await host.must(0, '--accept-missing')
    t.equal(copies(t, host)['b.log-20261101'], shared)
  })

  await t.test('what is configured and is not there is told; a link that leads nowhere keeps nothing else', async t => {
    const host = await fileHost(t, mariadb)
    const archive = join(host.directory, 'archive')
    mkdirSync(archive)
    symlinkSync('/nowhere', join(archive, 'a'))
    writeFileSync(join(archive, 'b'), linesFrom(0, 5, dayAgo(3).ms))
    host.configure({ tables: null, files: [archive, '/nowhere/logs', join(host.directory, '*.nothing')] })

    const { code, text } = await host.run()

    t.equal(code, 1)
    t.match(text, /Not done: files: .*archive\/a: ENOENT[^]*Not done: files: \/nowhere\/logs: [^]*Not done: files: .*\*\.nothing: there is nothing of that name/)
    t.strictSame(host.paths('files', host.destinations[0]), ['files/b'])
  })

  await t.test('what root did once does not keep the user of the unit from its work', { skip: process.getuid?.() !== 0 ? 'needs root' : false }, async t => {
    const host = await fileHost(t, mariadb)
    const user = 65_534
    host.log('a.log-20261101', linesFrom(0, 5, dayAgo(10).ms))
    host.log('b.log-20261101', linesFrom(0, 5, dayAgo(3).ms))
    host.configure({ tables: null, destinations: host.destinations.slice(0, 1) })
    mkdirSync(host.to)
    execFileSync('chown', ['-R', `${user}:${user}`, host.directory])
    await host.must(0)
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 5 } }))

    t.match(await host.runAs(user), { code: 0, text: /1 removed/, errors: '' })

    t.strictSame(host.paths('files'), ['files/b.log-20261101'])
    t.equal(readdirSync(join(host.to, 'reports')).length, 2)
    t.equal(execFileSync('find', [host.to, host.destinations[0] ?? '', '-not', '-user', String(user)], { encoding: 'utf8' }), '')
  })
})
