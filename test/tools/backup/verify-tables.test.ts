import { join } from 'node:path'
import t from 'tap'
import { filledHost, hourOfDay, hourText, needsRsync, type BackedUpHost } from '../../helpers/backed-up-host.js'
import { needsMariadb } from '../../helpers/mariadb.js'

const skip = needsMariadb === false ? needsRsync : needsMariadb

function dumpOf (host: BackedUpHost, table: string, hour: string): string {
  return join('tables', host.database, table, `${hour.slice(0, 10)}.sql.gz`)
}

t.test('rows that a table has lost, or has otherwise, are named by table and hour, and no others', { skip }, async t => {
  const { host, lines, hour } = await filledHost(t)
  const uuids = lines.gz.slice(0, 3).map(line => (JSON.parse(line) as { uuid: string }).uuid)
  await host.mariadb.query(`DELETE FROM Edit_1 WHERE uuid IN ('${uuids.slice(0, 2).join("', '")}')`, host.database)
  await host.mariadb.query(`UPDATE Edit_1 SET event_text = 'forged' WHERE uuid = '${uuids[2]}'`, host.database)

  const { code, findings } = await host.verify()
  t.equal(code, 2)
  t.strictSame(findings.map(({ fault, place, what, hours, rows }) => ({ fault, place, what, hours, rows: [...rows].sort() })), [
    { fault: 'missing', place: host.databaseName, what: 'Edit_1', hours: [{ hour: hour.gz, schema: 'Edit_1', events: 2 }], rows: uuids.slice(0, 2).sort() },
    { fault: 'damaged', place: host.databaseName, what: 'Edit_1', hours: [{ hour: hour.gz, schema: 'Edit_1', events: 1 }], rows: uuids.slice(2) }
  ])

  for (const statement of ['DELETE FROM Click_1', 'DROP TABLE Click_1']) {
    await host.mariadb.query(statement, host.database)
    const emptied = (await host.verify()).findings.filter(({ what }) => what === 'Click_1')
    t.strictSame(emptied.map(({ fault, place, hours }) => ({ fault, place, hours })), [3, 2, 1].map(ago => ({ fault: 'missing', place: host.databaseName, hours: [{ hour: hourText(hourOfDay(ago, 11)), schema: 'Click_1', events: 60 }] })), statement)
  }

  t.match(await host.backup('run'), { code: 2 })
  t.equal((await host.verify()).findings.filter(({ fault }) => fault === 'missing').length, 4, 'another backup does not hide what is gone')
})

t.test('what was purged is not missing; what came after the last backup is too old only after a while', { skip }, async t => {
  const { host } = await filledHost(t, { retention: { days: 90 }, schemas: { Click: { retention: { days: 90 } } } })
  const old = [...host.lines('Edit', hourOfDay(120, 5), 60), ...host.lines('Click', hourOfDay(120, 6), 30)]
  await host.store({ 'all.log-20000101': old })
  t.match(await host.backup('run'), { code: 0 })
  t.match(await host.verify(), { code: 0 }, 'before the purge')

  const purged = await host.vanadium('purge', '--registry', join(host.directory, 'registry.yaml'), '--state', host.state, '--schemas', join(host.directory, 'schemas'), '--store', host.databaseName, '--files', host.log('*.log-*'))
  t.match(purged, { code: 0 })
  t.strictSame(await host.mariadb.query(`SELECT COUNT(*) AS n FROM Edit_1 WHERE timestamp < ${hourText(hourOfDay(100, 0)).replace(/\D/g, '')}0000`, host.database), [{ n: 0 }], 'it has purged')
  t.match(await host.verify(), { code: 0 }, 'after the purge')
  t.match(await host.backup('run'), { code: 0 })
  t.match(await host.verify(), { code: 0 }, 'after another backup')

  await host.store({ 'later.log': host.lines('Edit', hourOfDay(1, 20), 5) })
  t.match(await host.verify(), { code: 0 }, 'what has just come')
  const late = await host.verify('--max-age', '0.000001')
  t.equal(late.code, 2)
  t.strictSame(late.findings.map(({ fault, what }) => ({ fault, what })).sort((a, b) => a.what < b.what ? -1 : 1),
    [{ fault: 'too-old', what: host.log('later.log') }, { fault: 'too-old', what: dumpOf(host, 'Edit_1', hourText(hourOfDay(1, 20))) }].sort((a, b) => a.what < b.what ? -1 : 1))
})
