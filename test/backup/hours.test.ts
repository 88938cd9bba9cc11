import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { addRow } from '../../lib/backup/dump-rows.js'
import { openDumper } from '../../lib/backup/dumper.js'
import { hoursOfLines, hoursOfTable } from '../../lib/backup/hours.js'
import { piecesOfDump } from '../../lib/backup/dump-rows.js'
import { undated, type Hour } from '../../lib/backup/manifest.js'
import { HourSums } from '../../lib/backup/sums.js'
import { backupTables, rowsOf, setUpSession, type BackupTable, type Query } from '../../lib/backup/table.js'
import { readLines } from '../../lib/purge/file-content.js'
import { planTable } from '../../lib/sql/columns.js'
import { mysqlDialect } from '../../lib/sql/ddl.js'
import { openMysqlReader } from '../../lib/sql/mysql/reader.js'
import { rowMapper } from '../../lib/sql/rows.js'
import { tupleOf } from '../../lib/sql/mysql/literals.js'
import { parseUri } from '../../lib/stream/uri.js'
import { createRandom, type Random } from '../fuzz/random.js'
import { needsForBackups, restore } from '../helpers/backup-host.js'
import { startMariadb } from '../helpers/mariadb.js'
import { schemaOf } from '../sql/fixtures.js'

t.setTimeout(200_000)

const never = new AbortController().signal

/** Texts that a dump, a literal, or a sum could get wrong. */
const awkward = ['', ' ', "it's", '\\', '\\\\n', '\n', '\r\n', '\t', '\0', '\x1a', '"', '`', '),(', "');", 'NULL', '0x41', '😀', 'ÿ', '\u2028', 'a:1:b', '%', '_', '-- Dump completed', 'INSERT INTO `x`']

function textOf (random: Random): string {
  return Array.from({ length: random.size(6) }, () => random.pick(awkward)).join(random.pick(['', 'x']))
}

function numberIn (random: Random): number {
  const [number] = new Float64Array(Uint8Array.from({ length: 8 }, () => random.int(256)).buffer)
  return random.oneIn(3) ? random.int(1e6) / 100 : Number.isFinite(number) ? number ?? 0 : 0
}

function quoted (text: string): string {
  return tupleOf([text]).slice(1, -1)
}

t.test('sums of tables', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb(['--default-storage-engine=InnoDB'])
  t.teardown(mariadb.stop)

  /** What asks a database, and what dumps it. */
  async function opened (database: string): Promise<{ query: Query, tables: () => Promise<Map<string, BackupTable>>, dumped: (table: BackupTable, day: string) => Promise<{ hours: Hour[], text: Buffer }> }> {
    const uri = parseUri(`mysql://root@127.0.0.1:${mariadb.port}/${database}`)
    const ended = new AbortController()
    t.teardown(() => { ended.abort() })
    const reader = await openMysqlReader(uri, '', 'test', ended.signal)
    const query: Query = async sql => await reader.query(sql)
    await setUpSession(query)
    const dumper = openDumper(uri, '', t.testdir())
    t.teardown(dumper.close)
    return {
      query,
      tables: async () => new Map((await backupTables(query)).map(table => [table.name, table])),
      async dumped (table, day) {
        const sums = new HourSums()
        const text: Buffer[] = []
        for await (const { bytes, rows } of piecesOfDump(dumper.dump(table.name, rowsOf(table, day), never), table.name)) {
          for (const row of rows) addRow(sums, row)
          text.push(bytes)
        }
        return { hours: sums.hours, text: Buffer.concat(text) }
      }
    }
  }

  function daysOf (hours: readonly Hour[]): string[] {
    return [...new Set(hours.map(({ hour }) => hour.slice(0, 10)))]
  }

  // seen to fail without the columns that the database computes
  await t.test('the server and the dump come to the same, whatever is in the rows, and so does a table that was restored', async t => {
    const [database, other] = [await mariadb.database(), await mariadb.database()]
    const columns = '`a b` TEXT, `q``\'uote` VARCHAR(300), `Ü` MEDIUMTEXT, double_ DOUBLE, big BIGINT, tiny TINYINT(1), at DATETIME, day DATE, bytes VARBINARY(300), blob_ MEDIUMBLOB, latin VARCHAR(100) CHARACTER SET latin1, twice BIGINT AS (tiny * 2) VIRTUAL'
    await mariadb.query(`CREATE TABLE Edit_1 (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, uuid CHAR(32), timestamp CHAR(14), ${columns}) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`, database)
    await mariadb.query(`CREATE TABLE \`other/1_7\` (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, meta_id VARCHAR(64), meta_dt DATETIME, ${columns}) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`, database)
    await mariadb.query(`CREATE TABLE Edit_daily (digest CHAR(40) NOT NULL PRIMARY KEY, ${columns}) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`, database)
    const random = createRandom(7)
    const value = (text: string): string => random.oneIn(5) ? 'NULL' : text
    const others = (): string[] => [
      ...[0, 1, 2].map(() => value(quoted(textOf(random)))),
      value(String(numberIn(random))), value(random.pick(['9223372036854775807', '-9223372036854775808', '0', '-1'])), value(random.pick(['0', '1'])),
      value(random.pick(["'2026-11-26 01:02:03'", "'0001-01-01 00:00:00'"])), value("'2026-11-26'"),
      ...[0, 1].map(() => value(random.pick(["''", `0x${randomBytes(1 + random.size(30)).toString('hex')}`, "'0'"]))),
      value(quoted(random.pick(['é', 'plain', ''])))
    ]
    const names = '`a b`, `q``\'uote`, `Ü`, double_, big, tiny, at, day, bytes, blob_, latin'
    const rows = Array.from({ length: 400 }, (_, at) => at)
    const time = (): string => random.pick(["'20261126000000'", "'20261126235959'", "'20261127120000'", "'20151301000000'", "'2026112'", "''", 'NULL', "'20261126250000'", "'20261126 00000'"])
    const dateTime = (): string => random.pick(["'2026-11-26 00:00:00'", "'2026-11-26 23:59:59'", "'2026-11-27 00:00:00'", 'NULL'])
    const key = (at: number): string => random.pick([`'${String(at).padStart(32, '0')}'`, `'${randomBytes(16).toString('hex').toUpperCase()}'`, `'key ${at}'`, 'NULL'])
    const metaKey = (at: number): string => random.pick([`'${crypto.randomUUID()}'`, `'no uuid ${at}'`, 'NULL'])
    await mariadb.query(`INSERT INTO Edit_1 (uuid, timestamp, ${names}) VALUES ${rows.map(at => `(${[key(at), time(), ...others()].join(', ')})`).join(', ')}`, database)
    await mariadb.query(`INSERT INTO \`other/1_7\` (meta_id, meta_dt, ${names}) VALUES ${rows.map(at => `(${[metaKey(at), dateTime(), ...others()].join(', ')})`).join(', ')}`, database)
    await mariadb.query(`INSERT INTO Edit_daily (digest, ${names}) VALUES ${rows.map(at => `(${[`'${at}'`, ...others()].join(', ')})`).join(', ')}`, database)
    const one = await opened(database)
    const tables = await one.tables()
    t.strictSame([...tables.values()].map(({ name, style }) => [name, style]), [['Edit_daily', 'whole'], ['Edit_1', 'capsule'], ['other/1_7', 'meta']])
    const two = await opened(other)

    for (const table of tables.values()) {
      const hours = await hoursOfTable(one.query, table, null)
      t.equal(hours.reduce((sum, { count }) => sum + count, 0), 400, table.name)
      t.strictSame(daysOf(hours), table.style === 'whole' ? [undated] : ['2026-11-26', '2026-11-27', undated])
      const [made] = await mariadb.query(`SHOW CREATE TABLE ${mysqlDialect.quote(table.name)}`, database)
      await mariadb.query(String(made?.['Create Table']), other)
      for (const day of daysOf(hours)) {
        const wanted = hours.filter(({ hour }) => hour.startsWith(day))
        const { hours: found, text } = await one.dumped(table, day)
        t.strictSame(await hoursOfTable(one.query, table, day), wanted, `the day ${day} of ${table.name} alone`)
        t.strictSame(found, wanted, `the dump of ${day} of ${table.name}`)
        const file = join(t.testdir(), 'dump.sql.gz')
        writeFileSync(file, gzipSync(text))
        restore(mariadb, other, file)
      }
      t.strictSame(await hoursOfTable(two.query, table, null), hours, `${table.name}, restored`)
    }
  })

  await t.test('one changed bit, a missing row and a doubled one are seen; ids, and columns without values, are not', async t => {
    const database = await mariadb.database()
    const { query, tables } = await opened(database)
    await mariadb.query('CREATE TABLE Edit_1 (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, uuid CHAR(32), timestamp CHAR(14), event_b TEXT, event_a TEXT) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', database)
    await mariadb.query("INSERT INTO Edit_1 (uuid, timestamp, event_a, event_b) SELECT MD5(seq), '20261126110000', seq, 'b' FROM seq_1_to_1000", database)
    const now = async (): Promise<Hour[]> => await hoursOfTable(query, (await tables()).get('Edit_1') as BackupTable, null)
    const before = await now()

    await mariadb.query('ALTER TABLE Edit_1 ADD COLUMN event_0 TEXT FIRST, MODIFY id BIGINT NOT NULL AUTO_INCREMENT AFTER event_a', database)
    await mariadb.query('UPDATE Edit_1 SET id = id + 70000', database)
    t.strictSame(await now(), before)
    for (const change of ["UPDATE Edit_1 SET event_a = CONCAT(event_a, ' ') WHERE id = 70500", 'UPDATE Edit_1 SET event_0 = event_b, event_b = NULL WHERE id = 70500', 'DELETE FROM Edit_1 WHERE id = 70500', "UPDATE Edit_1 SET uuid = MD5('x') WHERE id = 70500"]) {
      await mariadb.query('START TRANSACTION', database)
      await mariadb.query('CREATE OR REPLACE TABLE kept AS SELECT * FROM Edit_1', database)
      await mariadb.query(change, database)
      t.notSame(await now(), before, change)
      await mariadb.query('DELETE FROM Edit_1', database)
      await mariadb.query('INSERT INTO Edit_1 SELECT * FROM kept', database)
      t.strictSame(await now(), before)
    }
  })

  await t.test('ids that are far apart, and beyond 2^53, cost no more than those that are not', async t => {
    const database = await mariadb.database()
    const { query, tables } = await opened(database)
    await mariadb.query('CREATE TABLE Edit_1 (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, uuid CHAR(32), timestamp CHAR(14))', database)
    await mariadb.query("INSERT INTO Edit_1 VALUES (-5, 'a', '20261126110000'), (1, 'b', '20261126110000'), (1000000, 'c', '20261126110000'), (9223372036854775806, 'd', '20261126110000')", database)
    let asked = 0
    const counting: Query = async sql => {
      asked++
      return await query(sql)
    }

    const [hour] = await hoursOfTable(counting, (await tables()).get('Edit_1') as BackupTable, null)

    t.equal(hour?.count, 4)
    t.ok(asked < 20, `${asked} statements`)
  })

  await t.test('events have the same uuids, count and times in a log and in the table that a consumer would make of it', async t => {
    const database = await mariadb.database()
    const schema = schemaOf({ n: { type: 'integer' } })
    const plan = planTable(schema)
    for (const statement of mysqlDialect.create(plan)) await mariadb.query(statement, database)
    const events = Array.from({ length: 50 }, (_, n) => ({
      event: { n }, schema: plan.schema, revision: plan.revision, uuid: randomBytes(16).toString('hex'), wiki: 'enwiki',
      ...n % 3 === 0 ? { timestamp: 1764154800 + n * 600 } : n % 3 === 1 ? { timestamp: 1764154800123 + n } : { dt: `2025-11-26T12:${String(n).padStart(2, '0')}:00.5+01:00` }
    }))
    const toRow = rowMapper(plan.columns, () => {})
    await mariadb.query(`INSERT INTO ${plan.name} (${plan.columns.map(({ name }) => name).join(', ')}) VALUES ${events.map(event => tupleOf(toRow(event))).join(', ')}`, database)
    const file = join(t.testdir(), 'a.log.gz')
    writeFileSync(file, gzipSync([...events.map(event => JSON.stringify(event)), 'no JSON', '{"schema":"Edit"}', ''].join('\n')))
    const { query, tables } = await opened(database)

    const ofLines = await hoursOfLines(readLines(file, never))
    const ofTable = await hoursOfTable(query, (await tables()).get(plan.name) as BackupTable, null)

    const comparable = (hours: readonly Hour[]): object[] => hours.filter(({ schema }) => schema !== '-').map(({ content, ...hour }) => hour)
    t.equal(ofTable.reduce((sum, { count }) => sum + count, 0), 50)
    t.strictSame(comparable(ofLines), comparable(ofTable))
    t.match(ofLines.find(({ schema }) => schema === '-'), { hour: undated, count: 2, uuids: '0'.repeat(32) })
  })
})
