import { startMariadb, type Mariadb, type Row } from './mariadb.js'
import { until } from './wait.js'

/** A server that follows another one. */
export interface Replica extends Mariadb {
  /** Resolves when it has all that the primary has; rejects with what stopped it. */
  caughtUp (): Promise<void>
}

/** A server that others can follow. `format` is what its binary log has: rows, statements, or what is safe. */
export async function startPrimary (format: 'ROW' | 'MIXED' | 'STATEMENT', args: readonly string[] = []): Promise<Mariadb> {
  return await startMariadb(['--server-id=1', '--log-bin=binlog', `--binlog-format=${format}`, ...args])
}

/** Starts a server that follows `primary` from the first statement of its binary log on. */
export async function startReplica (primary: Mariadb, args: readonly string[] = []): Promise<Replica> {
  const server = await startMariadb(['--server-id=2', '--log-bin=binlog', '--log-slave-updates', '--skip-slave-start', ...args])
  await primary.query("CREATE USER IF NOT EXISTS replica@'%' IDENTIFIED BY 'follows'")
  await primary.query("GRANT REPLICATION SLAVE ON *.* TO replica@'%'")
  await server.query(`CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${primary.port}, MASTER_USER = 'replica', MASTER_PASSWORD = 'follows',
    MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`)
  await server.query('START SLAVE')

  async function caughtUp (): Promise<void> {
    const [end] = await primary.query('SELECT @@gtid_binlog_pos AS position')
    await until(`the replica is at ${String(end?.['position'])}`, async () => {
      const [status] = await server.query('SHOW SLAVE STATUS')
      const error = String(status?.['Last_SQL_Error'])
      if (error !== '') throw new Error(`the replica has stopped: ${error}`)
      const [wait] = await server.query(`SELECT MASTER_GTID_WAIT('${String(end?.['position'])}', 1) AS reached`)
      return wait?.['reached'] === 0
    }, 60_000)
  }

  return { ...server, caughtUp }
}

/** All rows of all tables of a database, and the statements that make the tables. */
export async function contents (server: Mariadb, database: string): Promise<Record<string, { made: string, rows: Row[] }>> {
  const tables = await server.query(`SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${database}' ORDER BY name`)
  const entries = tables.map(async ({ name, type }) => {
    const [made] = await server.query(`SHOW CREATE TABLE \`${String(name)}\``, database)
    const rows = await server.query(`SELECT * FROM \`${String(name)}\`${type === 'BASE TABLE' ? ' ORDER BY 1' : ''}`, database)
    // the next id may differ: the primary counts those that it gave to rows that were refused
    return [String(name), { made: String(made?.['Create Table'] ?? made?.['Create View']).replace(/ AUTO_INCREMENT=\d+/, ''), rows }] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}
