import t from 'tap'
import { filledHost, hourOfDay, hourText, needsRsync } from '../../helpers/backed-up-host.js'
import { needsMariadb } from '../../helpers/mariadb.js'

const skip = needsMariadb === false ? needsRsync : needsMariadb

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
