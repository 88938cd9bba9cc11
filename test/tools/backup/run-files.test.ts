import { execFileSync } from 'node:child_process'
import { appendFileSync, closeSync, mkdirSync, openSync, readdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { copies, dayAgo, fileHost, linesFrom, needsForBackups } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'

t.setTimeout(230_000)

t.test('files', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  await t.test('two logs with the same events are two; directories are looked through; names that stay are kept', async t => {
    const host = await fileHost(t, mariadb)
    const archive = join(host.directory, 'archive')
    mkdirSync(join(archive, '2026', 'deep'), { recursive: true })
    const text = linesFrom(0, 5, dayAgo(3).ms)
    writeFileSync(join(archive, '2026', 'deep', 'events.json.gz'), gzipSync(text))
    writeFileSync(join(archive, 'no-newline.json'), '{"a":1}')
    utimesSync(join(archive, 'no-newline.json'), Date.now() / 1000 - 7200, Date.now() / 1000 - 7200)
    writeFileSync(join(archive, 'strange.xz'), 'not lines')
    writeFileSync(join(archive, '.hidden'), 'x')
    host.configure({ tables: null, files: [join(host.directory, 'log', '*.log*'), archive] })
    host.log('a.log-20261101', text)
    host.log('b.log-20261101', text)

    t.match(await host.must(0), { files: { made: 5 } })

    t.strictSame(host.paths('files'), ['files/2026/deep/events.json.gz', 'files/a.log-20261101', 'files/b.log-20261101', 'files/no-newline.json', 'files/strange.xz'])
    t.equal(host.content('files/no-newline.json'), '{"a":1}')
    t.equal(host.content('files/strange.xz'), 'not lines')
    t.match(await host.must(0), { files: { made: 0, unchanged: 5 } })
  })

  await t.test('an archive that is deleted, cut or changed stays in the backup as it was', async t => {
    const host = await fileHost(t, mariadb)
    const text = (n: number): string => linesFrom(n * 100, n * 100 + 60, dayAgo(n).ms)
    const [deleted, cut, changed, torn] = [2, 3, 4, 5].map(n => host.log(`all.log-2026110${n}${n === 5 ? '.gz' : ''}`, text(n))) as [string, string, string, string]
    const rawText = Array.from({ length: 40 }, (_, n) => `?%7B${n}%7D; cp1 ${n}\n`).join('')
    const raw = host.log('raw.log-20261106', rawText)
    await host.must(0)
    const before = copies(t, host)

    rmSync(deleted)
    truncateSync(cut, text(3).length >> 1)
    writeFileSync(changed, text(4).replace('"n":430}', '"n":431}'))
    truncateSync(torn, 100)
    const { code, text: told } = await host.run()

    t.equal(code, 1, 'a .gz that cannot be read is not backed up as it is')
    t.match(told, /Kept: files\/all\.log-20261103 has \d+ /)
    t.match(told, /Kept: files\/all\.log-20261104 has \d+ /)
    t.match(told, /Not done: .*all\.log-20261105\.gz is damaged, or not all of it is there yet/)
    t.strictSame(copies(t, host), before)

    rmSync(torn)
    writeFileSync(raw, rawText.slice(0, rawText.length >> 1))
    const report = await host.must(2)
    t.strictSame(report.kept.map(({ path }) => path), ['files/all.log-20261103', 'files/all.log-20261104', 'files/raw.log-20261106'])
    writeFileSync(cut, text(3))
    writeFileSync(raw, rawText)
    t.match(await host.must(2), { files: { made: 0, unchanged: 3 }, kept: [{ path: 'files/all.log-20261104' }] })
    await host.must(0, '--accept-missing')
    t.match(copies(t, host)['all.log-20261104'], '"n":431}')
  })

  await t.test('a log that has lost its beginning and gained more is backed up beside what it was', async t => {
    const host = await fileHost(t, mariadb)
    const { ms } = dayAgo(1)
    const path = host.log('all.log', linesFrom(0, 100, ms), 0)
    await host.must(0)

    writeFileSync(path, linesFrom(0, 1, ms) + linesFrom(60, 200, ms + 60 * 60_000))
    t.match(await host.must(0), { files: { made: 1 } })

    const all = copies(t, host)
    t.strictSame(Object.values(all).map(text => text.length).sort(), [linesFrom(0, 100, ms), linesFrom(0, 1, ms) + linesFrom(60, 200, ms + 60 * 60_000)].map(text => text.length).sort())
    appendFileSync(path, linesFrom(200, 210, ms + 200 * 60_000))
    t.match(await host.must(0), { files: { made: 1 } })
    t.equal(Object.keys(copies(t, host)).length, 2, 'it grows on')
  })

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
    mkdirSync(host.to)
    execFileSync('chown', ['-R', `${user}:${user}`, host.directory])
    await host.must(0)
    writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 5 } }))

    t.match(await host.runAs(user), { code: 0, text: /1 removed/ })

    t.strictSame(host.paths('files'), ['files/b.log-20261101'])
    t.equal(readdirSync(join(host.to, 'reports')).length, 2)
    t.equal(execFileSync('find', [host.to, '-not', '-user', String(user)], { encoding: 'utf8' }), '')
  })

  await t.test('the command line: mistakes, a second run, reports', async t => {
    const host = await fileHost(t, mariadb)
    host.log('a.log-20261101', linesFrom(0, 5, dayAgo(10).ms))

    const good = await host.run()
    t.match(good, { code: 0, text: /Files: 1 files made \(5 lines, .*\), 0 unchanged, 0 removed[^]*Report: .*-run\.json/ })
    t.equal(readdirSync(join(host.to, 'reports')).length, 1)
    host.configure({ tables: 'nonsense' })
    t.match(await host.run(), { code: 78, errors: /backup\.yaml:1: tables: what is given is wrong/ })
    t.match(await host.run('--config-check'), { code: 78 })
  })
})
