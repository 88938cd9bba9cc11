import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { copies, dayAgo, dayMs, fileHost, linesFrom, needsForBackups } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'

t.setTimeout(230_000)

t.test('rotation', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  await t.test('the log that is written to is copied up to its last whole line, and grows in the backup', async t => {
    const host = await fileHost(t, mariadb)
    const { day, ms } = dayAgo(1)
    const path = host.log('all.log', `${linesFrom(0, 10, ms)}{"event":`, 0)

    t.match(await host.must(0), { files: { made: 1, rows: 10 } })
    const name = `all.log-${new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')}-120000`
    t.strictSame(copies(t, host), { [name]: linesFrom(0, 10, ms) })
    t.match(host.manifest(`files/${name}`), { source: { kind: 'file', path, log: path }, hours: [{ schema: 'Edit_1', count: 10, first: `${day}T12:00:00Z`, last: `${day}T12:09:00Z` }] })

    writeFileSync(path, linesFrom(0, 90, ms))
    t.match(await host.must(0), { files: { made: 1, rows: 90 } })
    t.strictSame(copies(t, host), { [name]: linesFrom(0, 90, ms) })
    t.match(await host.must(0), { files: { made: 0, unchanged: 1 } })
  })

  for (const [style, older] of [['numbers', (n: number) => `.${n}`], ['dates', (n: number) => `-2026112${9 - n}`]] as const) {
    await t.test(`logrotate renames and compresses, by ${style}: nothing is sent twice but what was compressed`, async t => {
      const host = await fileHost(t, mariadb)
      const { ms } = dayAgo(5)
      const generation = (n: number): string => linesFrom(n * 100, n * 100 + 50, ms + n * dayMs)
      const live = host.log('all.log', generation(1), 0)
      const log = (n: number): string => `${live}${older(n)}`
      await host.must(0)
      const [first = ''] = Object.keys(copies(t, host))

      renameSync(live, log(1))
      host.log('all.log', generation(2), 0)
      t.match(await host.must(0), { files: { made: 1, unchanged: 1 } })

      renameSync(log(1), log(2))
      writeFileSync(`${log(2)}.gz`, gzipSync(readFileSync(log(2))))
      rmSync(log(2))
      renameSync(live, log(1))
      host.log('all.log', generation(3), 0)
      const report = await host.must(0)
      t.match(report, { files: { made: 2, unchanged: 1, removed: 0 } })

      const found = copies(t, host)
      t.strictSame(Object.values(found).sort(), [1, 2, 3].map(generation).sort())
      t.equal(found[`${first}.gz`], generation(1), 'of the first the name is the same, but for its end')
      t.equal(found[first], undefined)

      if (style === 'dates') return
      renameSync(`${log(2)}.gz`, `${log(3)}.gz`)
      renameSync(log(1), log(2))
      t.match(await host.must(0), { files: { made: 0, unchanged: 3 } }, 'what was only renamed is not looked into')
      t.equal((host.manifest(`files/${first}.gz`).source).path, `${log(3)}.gz`, 'and the manifest knows where it is now')
    })
  }
})
