import { rmSync } from 'node:fs'
import { join } from 'node:path'
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

t.test('tables without days, and rows without a key, are asked for, too', { skip }, async t => {
  const { host } = await filledHost(t)
  const query = async (sql: string): Promise<unknown> => await host.mariadb.query(sql, host.database)
  await query('CREATE TABLE Edit_daily (digest CHAR(64) PRIMARY KEY, day DATE, events BIGINT, estimate DOUBLE)')
  await query("INSERT INTO Edit_daily VALUES ('a', '2026-01-01', 1, 1), ('b', '2026-01-02', 1, 1), ('c', '2026-01-03', 1, 1)")
  const time = `${hourText(hourOfDay(2, 15)).replace(/\D/g, '')}0000`
  await query(`INSERT INTO Edit_1 (timestamp) VALUES ('${time}'), ('${time}'), ('${time}')`)
  t.match(await host.backup('run'), { code: 0 })
  t.strictSame((await host.verify()).findings, [])
  const found = async (): Promise<unknown[]> => (await host.verify()).findings.map(({ fault, place, what, hours }) => ({ fault, place, what, events: hours.map(({ events }) => events) }))

  await query("UPDATE Edit_daily SET events = 2 WHERE digest = 'a'")
  await query("INSERT INTO Edit_daily VALUES ('d', '2026-01-04', 1, 1)")
  t.strictSame(await found(), [], 'sums change, and come')
  await query("DELETE FROM Edit_daily WHERE digest = 'b'")
  await query('DELETE FROM Edit_1 WHERE uuid IS NULL LIMIT 1')
  const gone = { fault: 'missing', place: host.databaseName, what: 'Edit_1', events: [1] }
  t.strictSame(await found(), [gone, { ...gone, what: 'Edit_daily' }])

  await query('DROP TABLE Edit_daily')
  for (const at of [host.staged, host.copied, host.remote]) for (const end of ['', '.manifest.json']) rmSync(at(`tables/${host.database}/vanadium_schemas/undated.sql.gz${end}`))
  t.strictSame(await found(), [gone, { ...gone, what: 'Edit_daily', events: [3] }, { fault: 'missing', place: join(host.directory, 'to'), what: `tables/${host.database}/vanadium_schemas/undated.sql.gz`, events: [2] }])
})
