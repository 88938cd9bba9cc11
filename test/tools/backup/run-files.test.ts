import { appendFileSync, mkdirSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
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
