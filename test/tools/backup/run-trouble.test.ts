import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hoursOfTable } from '../../../lib/backup/hours.js'
import { backupTables, setUpSession, type BackupTable, type Query } from '../../../lib/backup/table.js'
import { openMysqlReader } from '../../../lib/sql/mysql/reader.js'
import { parseUri } from '../../../lib/stream/uri.js'
import { dayAgo, editTable, insertRows, needsForBackups, restore, tableHost } from '../../helpers/backup-host.js'
import { flip } from '../../helpers/flip.js'
import { startMariadb } from '../../helpers/mariadb.js'
import { findProgram } from '../../helpers/programs.js'

t.setTimeout(230_000)

const registry = { retention: { days: 90 } }

t.test('tables in trouble', { skip: needsForBackups }, async t => {
  const mariadb = await startMariadb()
  t.teardown(mariadb.stop)

  await t.test('a dump that is damaged, and good nowhere, is made anew, and said', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(2).ms), insertRows(10, 20, dayAgo(1).ms), insertRows(20, 30, dayAgo(0).ms))
    await host.must(0)
    for (const at of [host.to, ...host.destinations]) {
      truncateSync(join(at, host.path(2)), 100)
      rmSync(join(at, host.path(1)))
      flip(join(at, host.path(0)))
    }
    await host.query('DELETE FROM Edit_1 WHERE event_n = 25')

    const report = await host.must(1)

    t.match(report, { outcome: 'failed', tables: { made: 3 } })
    t.match(report.failures, [/damaged: .* has 100 bytes, and had \d+; no destination/, /damaged: .* is gone; no destination/, /damaged: .* has other bytes/])
    t.match(await host.must(0), { tables: { made: 0, unchanged: 3 } })
  })

  await t.test('one table that cannot be read keeps neither the others nor the files', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(2).ms), editTable.replaceAll('Edit', 'Bad'), insertRows(0, 10, dayAgo(2).ms, 'Bad_1'))
    await mariadb.query('CREATE USER IF NOT EXISTS \'few\'@\'127.0.0.1\' IDENTIFIED BY \'p#a"s\\\\s\'')
    await mariadb.query(`GRANT SELECT ON ${host.database}.Edit_1 TO 'few'@'127.0.0.1'`)
    await mariadb.query(`GRANT SELECT (id, uuid, timestamp) ON ${host.database}.Bad_1 TO 'few'@'127.0.0.1'`)
    writeFileSync(join(host.directory, 'backup.cnf'), '[client]\nuser = few\npassword = "p#a\\"s\\\\s"\n', { mode: 0o600 })
    host.log('a.log-20261125', '{}\n')

    const report = await host.must(1)

    t.match(report, { outcome: 'failed', tables: { made: 1 }, files: { made: 1 }, failures: [/^table Bad_1: /] })
    t.notMatch(JSON.stringify(report), 'p#a')
    t.strictSame(host.paths('tables'), [host.path(2)])
  })

  // seen to fail with the wait_timeout of the server
  await t.test('the server does not hang up while a dump takes longer than it waits for a question', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(2).ms), 'CREATE TABLE notes (n INT)', 'INSERT INTO notes VALUES (1)')
    host.replace('mariadb-dump', `sleep 6; exec ${findProgram('mariadb-dump') ?? ''} "$@"`)
    const [row] = await host.query('SELECT @@GLOBAL.wait_timeout AS seconds')
    await host.query('SET GLOBAL wait_timeout = 3')
    t.teardown(async () => { await host.query(`SET GLOBAL wait_timeout = ${String(row?.['seconds'])}`) })

    t.match(await host.must(0), { tables: { made: 2 } })
  })

  // seen to end with 70
  await t.test('a connection that is lost during a dump is told, and keeps nothing else', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(2).ms), 'CREATE TABLE notes (n INT)', 'INSERT INTO notes VALUES (1)')
    host.log('a.log-20261125', '{}\n')
    const client = `mariadb --no-defaults --user=root --socket=${mariadb.socket} --skip-column-names`
    host.replace('mariadb-dump', `${client} -e "SELECT CONCAT('KILL ', ID, ';') FROM information_schema.PROCESSLIST WHERE DB = '${host.database}'" | ${client}; exec ${findProgram('mariadb-dump') ?? ''} "$@"`)

    t.match(await host.must(1), { files: { made: 1 }, failures: [/^tables of /], destinations: [{ failure: null }, { failure: null }] })
  })

  // seen to fail with a position that is committed before the rows
  await t.test('positions are not ahead of rows: they stay as they were while a table of events cannot be dumped', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(2).ms), 'CREATE TABLE vanadium_positions (consumer VARCHAR(64) PRIMARY KEY, position TEXT)',
      "INSERT INTO vanadium_positions VALUES ('a', 'before')", 'CREATE TABLE notes (n INT)', 'INSERT INTO notes VALUES (1)')
    await host.must(0)
    const positions = `tables/${host.database}/vanadium_positions/undated.sql.gz`
    await host.query(insertRows(10, 20, dayAgo(2).ms + 60_000))
    await host.query("UPDATE vanadium_positions SET position = 'after'")
    await host.query('INSERT INTO notes VALUES (2)')
    const program = findProgram('mariadb-dump') ?? ''
    host.replace('mariadb-dump', `[[ \${@: -1} == Edit_1 ]] && exit 3; exec ${program} "$@"`)

    t.match(await host.must(1), { tables: { made: 1 }, failures: [/^table Edit_1: /] })
    for (const at of [host.to, ...host.destinations]) t.match(host.content(positions, at), "'before'")

    host.replace('mariadb-dump', `exec ${program} "$@"`)
    t.match(await host.must(0), { tables: { made: 2 } })
    t.match(host.content(positions, host.destinations[0]), "'after'")
    t.strictSame(readdirSync(join(host.to, `tables/${host.database}/vanadium_positions`)).filter(name => name.startsWith('.')), [])
  })

  // seen to fail without a look at vanadium_schemas
  await t.test('a table that the account may not read is not passed over', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(2).ms), editTable.replaceAll('Edit', 'Hidden'), 'CREATE TABLE vanadium_schemas (name VARCHAR(64), revision INT, table_name VARCHAR(64))',
      "INSERT INTO vanadium_schemas VALUES ('Edit', 1, 'Edit_1'), ('Hidden', 1, 'Hidden_1')")
    await mariadb.query("CREATE USER 'some'@'127.0.0.1'")
    for (const table of ['Edit_1', 'vanadium_schemas']) await mariadb.query(`GRANT SELECT ON ${host.database}.${table} TO 'some'@'127.0.0.1'`)
    writeFileSync(join(host.directory, 'backup.cnf'), '[client]\nuser = some\n', { mode: 0o600 })

    t.match(await host.must(1), { tables: { made: 2 }, failures: [/^table Hidden_1: vanadium_schemas names it, and this account cannot see it; GRANT SELECT/] })

    await mariadb.query(`GRANT SELECT ON ${host.database}.Hidden_1 TO 'some'@'127.0.0.1'`)
    await host.must(0)
  })

  // seen to fail with --defaults-extra-file of a file that is in the staging area
  await t.test('the password is on no command line, and in no file that has a name', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 10, dayAgo(2).ms))
    await mariadb.query("CREATE USER IF NOT EXISTS 'secret'@'127.0.0.1' IDENTIFIED BY 'cAnArY#\\'7'")
    await mariadb.query(`GRANT SELECT ON ${host.database}.* TO 'secret'@'127.0.0.1'`)
    writeFileSync(join(host.directory, 'backup.cnf'), '[client]\nuser = secret\npassword = "cAnArY#\'7"\n', { mode: 0o600 })
    host.replace('mariadb-dump', `
      tr '\\0' '\\n' < /proc/$$/cmdline > ${host.directory}/seen
      cat /proc/$PPID/cmdline /proc/$$/environ >> ${host.directory}/seen
      grep -rl cAnArY ${host.to} >> ${host.directory}/seen
      readlink /proc/self/fd/3 > ${host.directory}/link
      exec ${findProgram('mariadb-dump') ?? ''} "$@"`)

    await host.must(0)

    const seen = readFileSync(join(host.directory, 'seen'), 'latin1')
    t.match(seen, /--single-transaction/)
    t.notMatch(seen, 'cAnArY')
    t.match(readFileSync(join(host.directory, 'link'), 'utf8'), /\(deleted\)/)
    t.strictSame(readdirSync(host.to).sort(), ['.destinations', '.lock', 'reports', 'tables'])
  })

  // seen to fail with a manifest that is made of a query before the dump
  await t.test('while rows come in, each manifest is that of its dump', async t => {
    const host = await tableHost(t, mariadb, registry, editTable, insertRows(0, 2000, dayAgo(0).ms))
    let isOver = false
    let n = 2000
    const feeding = (async () => {
      for (; !isOver; n += 20) await host.query(insertRows(n, n + 20, dayAgo(0).ms))
    })()
    host.replace('mariadb-dump', `${findProgram('mariadb-dump') ?? ''} "$@" | while IFS= read -r line; do printf '%s\\n' "$line"; done; exit \${PIPESTATUS[0]}`)
    try {
      for (let run = 0; run < 2; run++) {
        await host.must(0)
        const manifest = host.manifest(host.path(0))
        const other = await mariadb.database()
        restore(mariadb, other, join(host.to, `tables/${host.database}/Edit_1/schema.sql`), join(host.to, host.path(0)))
        const ended = new AbortController()
        const reader = await openMysqlReader(parseUri(`mysql://root@127.0.0.1:${mariadb.port}/${other}`), '', 'test', ended.signal)
        const query: Query = async sql => await reader.query(sql)
        await setUpSession(query)
        const [table] = await backupTables(query)
        t.strictSame(await hoursOfTable(query, table as BackupTable, dayAgo(0).day), manifest.hours)
        ended.abort()
      }
    } finally {
      isOver = true
      await feeding
    }
    t.ok(n > 2100, `${n} rows came`)
  })

  await t.test('a database that is away keeps neither files nor what is there from the destinations', async t => {
    const host = await tableHost(t, mariadb, registry)
    host.configure({ tables: `mysql://127.0.0.1:1/${host.database}?defaults-file=${join(host.directory, 'backup.cnf')}` })
    host.log('a.log-20261125', '{}\n')

    t.match(await host.must(1), { files: { made: 1 }, failures: [/^tables of mysql:\/\/127\.0\.0\.1:1\/.*ECONNREFUSED/], destinations: [{ failure: null }, { failure: null }] })
    t.equal(host.paths('files', host.destinations[0]).length, 1)
  })
})
