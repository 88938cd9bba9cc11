import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { copies, dayAgo, fileHost, linesFrom, needsForBackups } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'

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
})
