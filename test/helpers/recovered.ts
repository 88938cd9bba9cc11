import { readdirSync } from 'node:fs'
import mysql, { type RowDataPacket } from 'mysql2/promise'
import { hoursOfLines } from '../../lib/backup/hours.js'
import type { Hour } from '../../lib/backup/manifest.js'
import { backupTables, contentExpression, keyExpression, setUpSession, type Query } from '../../lib/backup/table.js'
import { readLines } from '../../lib/purge/file-content.js'
import type { SystemdHost } from './systemd-host.js'

/** Of each row its content hash, by its uuid. */
export type Rows = ReadonlyMap<string, string>

/** All rows of events in the database `log` of a host; none while there is none. */
export async function rowsOf (host: SystemdHost): Promise<Rows> {
  await host.must('mariadb', '-e', 'CREATE USER IF NOT EXISTS probe@localhost; GRANT SELECT ON *.* TO probe@localhost')
  const connection = await mysql.createConnection({ socketPath: host.path('/run/mysqld/mysqld.sock'), user: 'probe' })
  const query: Query = async sql => (await connection.query<RowDataPacket[]>(sql))[0]
  try {
    await setUpSession(query)
    const rows = new Map<string, string>()
    if ((await query("SHOW DATABASES LIKE 'log'")).length === 0) return rows
    await query('USE log')
    for (const table of (await backupTables(query)).filter(({ style }) => style !== 'whole')) {
      for (const row of await query(`SELECT ${keyExpression(table)} AS uuid, ${contentExpression(table)} AS content FROM \`${table.name}\``)) rows.set(String(row['uuid']), String(row['content']))
    }
    return rows
  } finally {
    await connection.end()
  }
}

/** All lines of `all-events.log`, with what is of it besides, by their uuids. */
export async function eventsOf (host: SystemdHost): Promise<ReadonlyMap<string, string>> {
  const lines = new Map<string, string>()
  for (const name of readdirSync(host.path('/var/log/vanadium')).filter(name => name.startsWith('all-events.log'))) {
    for await (const some of readLines(host.path(`/var/log/vanadium/${name}`), new AbortController().signal)) {
      for (const { bytes } of some) {
        const text = bytes.toString().trimEnd()
        lines.set(String((JSON.parse(text) as { uuid?: unknown }).uuid), text)
      }
    }
  }
  return lines
}

/** As a manifest has them. */
export async function hoursOf (events: ReadonlyMap<string, string>, of: (line: string) => boolean): Promise<Hour[]> {
  const lines = [...events.values()].filter(of).map(text => ({ bytes: Buffer.from(text), isWhole: true }))
  return await hoursOfLines((async function * () { yield await Promise.resolve(lines) })())
}
