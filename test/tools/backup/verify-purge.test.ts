import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { filledHost, hourOfDay, hourText, needsRsync, type BackedUpHost } from '../../helpers/backed-up-host.js'
import { needsMariadb } from '../../helpers/mariadb.js'

const skip = needsMariadb === false ? needsRsync : needsMariadb

function dumpOf (host: BackedUpHost, table: string, hour: string): string {
  return join('tables', host.database, table, `${hour.slice(0, 10)}.sql.gz`)
}

t.test('what was purged is not missing; what came after the last backup is too old only after a while', { skip }, async t => {
  const { host } = await filledHost(t, { retention: { days: 200 } })
  const old = [...host.lines('Edit', hourOfDay(120, 5), 60), ...host.lines('Click', hourOfDay(120, 6), 30)]
  await host.store({ 'all.log-20000101': old })
  t.match(await host.backup('run'), { code: 0 })
  t.match(await host.verify(), { code: 0 }, 'before the purge')

  const overdue = dumpOf(host, 'Edit_1', hourText(hourOfDay(120, 0)))
  const kept = [overdue, `${overdue}.manifest.json`].map(path => [path, readFileSync(host.copied(path))] as const)
  // as if a hundred days had passed
  writeFileSync(join(host.directory, 'registry.yaml'), JSON.stringify({ retention: { days: 90 } }))
  const purged = await host.vanadium('purge', '--registry', join(host.directory, 'registry.yaml'), '--state', host.state, '--schemas', join(host.directory, 'schemas'), '--store', host.databaseName, '--files', host.log('*.log-*'))
  t.match(purged, { code: 0 })
  t.strictSame(await host.mariadb.query(`SELECT COUNT(*) AS n FROM Edit_1 WHERE timestamp < ${hourText(hourOfDay(100, 0)).replace(/\D/g, '')}0000`, host.database), [{ n: 0 }], 'it has purged')
  t.match(await host.verify(), { code: 0 }, 'after the purge')
  t.match(await host.backup('run'), { code: 0 })
  t.match(await host.verify(), { code: 0 }, 'after another backup')
  for (const [path, bytes] of kept) writeFileSync(host.copied(path), bytes)
  t.strictSame((await host.verify()).findings.map(({ fault, place, what }) => ({ fault, place, what })), [{ fault: 'too-old', place: join(host.directory, 'disk'), what: overdue }], 'what may not be kept')
  for (const [path] of kept) rmSync(host.copied(path))

  await host.store({ 'later.log': host.lines('Edit', hourOfDay(1, 20), 5) })
  t.match(await host.verify(), { code: 0 }, 'what has just come')
  const late = await host.verify('--max-age', '0.000001')
  t.equal(late.code, 2)
  t.strictSame(late.findings.map(({ fault, what }) => ({ fault, what })).sort((a, b) => a.what < b.what ? -1 : 1),
    [{ fault: 'too-old', what: host.log('later.log') }, { fault: 'too-old', what: dumpOf(host, 'Edit_1', hourText(hourOfDay(1, 20))) }].sort((a, b) => a.what < b.what ? -1 : 1))
})
