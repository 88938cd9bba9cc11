import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { draftName } from '../../../lib/backup/draft.js'
import { pathsIn } from '../../../lib/backup/layout.js'
import { lockBackup } from '../../../lib/backup/lock.js'
import { readManifest } from '../../../lib/backup/manifest-file.js'
import { createRandom } from '../../fuzz/random.js'
import { backupHost, dayAgo, editTable, eventLine, insertRows, needsForBackups, restore } from '../../helpers/backup-host.js'
import { startMariadb } from '../../helpers/mariadb.js'
import { findProgram } from '../../helpers/programs.js'
import { until } from '../../helpers/wait.js'

t.setTimeout(230_000)

const days = 8
const rows = 3000

t.test('a run that is killed wherever it is', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)
  const host = await backupHost(t, mariadb)
  await host.query(editTable)
  for (let day = 0; day < days; day++) await host.query(insertRows(day * rows, (day + 1) * rows, dayAgo(day + 1).ms))
  for (let day = 1; day <= days; day++) host.log(`all.log-2026110${day}.gz`, Array.from({ length: 2000 }, (_, at) => eventLine(dayAgo(day).ms + at * 1000, day * 10_000 + at)).join(''))
  const seed = Date.now() % 1e6
  const random = createRandom(seed)
  t.comment(`seed ${seed}`)
  const made = (): number => pathsIn(host.to, '.').length

  await t.test('what is in the backup then is whole, and the next run goes on', async t => {
    for (let kill = 0; kill < 5; kill++) {
      const there = made()
      const wanted = there + 1 + random.int(12)
      const child = host.start()
      const gone = once(child, 'exit')
      await until('it has made more, or is done', async () => child.exitCode !== null || made() >= wanted)
      child.kill('SIGKILL')
      await gone
      // mariadb-dump ends with the pipe that it writes to
      for (const folder of ['files', 'tables'] as const) {
        for (const path of host.paths(folder)) {
          const { hours } = host.manifest(path)
          // between the two renames the one is new and the other old: a draft's manifest says what to do
          const draft = readManifest(draftName(join(host.to, path)))
          const wanted = [host.manifest(path), ...draft === null ? [] : [draft]].map(({ source }) => source.sha256)
          t.ok(wanted.includes(hash('sha256', readFileSync(join(host.to, path)))), `${path} after kill ${kill}`)
          t.equal(folder === 'tables' ? host.content(path).includes('-- Dump completed') : hours.length > 0, true, `${path} after kill ${kill}`)
        }
      }
    }
  })

  await t.test('at last everything is there, as if nothing had been', async t => {
    await host.must(0)

    t.match(await host.must(0), { tables: { made: 0, unchanged: days }, files: { made: 0, unchanged: days } })
    t.strictSame(['files', 'tables'].flatMap(folder => pathsIn(host.to, folder)).filter(path => /\/\.[^/]*$/.test(path)), [], 'no drafts')
    for (const at of [host.to, ...host.destinations]) {
      t.equal(host.paths('tables', at).length, days)
      t.equal(host.paths('files', at).length, days)
    }
    const other = await mariadb.database()
    restore(mariadb, other, join(host.to, `tables/${host.database}/Edit_1/schema.sql`), ...host.paths('tables', host.destinations[1]).map(path => join(host.destinations[1] ?? '', path)))
    const checksum = async (database: string): Promise<unknown> => (await mariadb.query('SELECT COUNT(*) AS n, SUM(CRC32(CONCAT_WS(0, uuid, timestamp, wiki, event_n, event_text))) AS c FROM Edit_1', database))[0]
    t.strictSame(await checksum(other), await checksum(host.database))
  })

  await t.test('one that is asked to stop says so, and leaves nothing half', async t => {
    await host.query('UPDATE Edit_1 SET event_text = CONCAT(event_text, 1)')
    const fifo = join(host.directory, 'fifo')
    execFileSync('mkfifo', [fifo])
    host.replace('mariadb-dump', `: > ${host.directory}/reached; read -r < ${fifo}; exec ${findProgram('mariadb-dump') ?? ''} "$@"`)
    const child = host.start('--accept-missing')
    const gone = once(child, 'exit')
    await until('it makes a dump', async () => existsSync(join(host.directory, 'reached')), 120_000)
    t.equal(pathsIn(host.to, 'tables').filter(path => path.endsWith('.new')).length, 1)
    child.kill('SIGTERM')
    const [code] = await gone as [number]
    host.replace('mariadb-dump', `exec ${findProgram('mariadb-dump') ?? ''} "$@"`)

    t.equal(code, 1)
    t.strictSame(pathsIn(host.to, 'tables').filter(path => path.endsWith('.new')), [])
    t.match(await host.must(0, '--accept-missing'), { outcome: 'done' })
    t.match(await host.must(0), { tables: { made: 0, unchanged: days } })
  })

  await t.test('two at once are refused', async t => {
    const unlock = lockBackup(host.to)

    t.match(await host.run('--wait', '0'), { code: 78, errors: /is in use by another vanadium backup/ })
    unlock()
    t.match(await host.run('--dry-run'), { code: 0 })
  })
})
