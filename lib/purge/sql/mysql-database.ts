import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'
import mysql from 'mysql2/promise'
import type { Socket } from 'node:net'
import { ConfigError, messageOf, StreamError, VanadiumError } from '../../errors.js'
import { mysqlDialect } from '../../sql/ddl.js'
import { classify, numberOf } from '../../sql/errors.js'
import { declared } from '../../sql/existing.js'
import { tupleOf } from '../../sql/mysql/literals.js'
import { refuseReadOnly } from '../../sql/mysql/server-checks.js'
import { connectionOptions, openSocket } from '../../sql/mysql/session.js'
import type { Uri } from '../../stream/uri.js'
import { RowsGone } from './change.js'
import type { FoundTable, PurgeDatabase, Row, Statements, TableColumn } from './database.js'

/** How long a statement of ours waits for rows or tables of others: so long others wait for us, should both hold something. */
const lockWaitSeconds = 2

/** Somebody else holds what we need, or a statement of so many rows is longer than the server takes. */
const tooMuch = [1205, 1213, 1020, 1153]
const forbidden = [1044, 1045, 1142, 1143, 1227, 1370]

/** One connection, made when it is needed and made again when it is lost. */
export function mysqlPurgeDatabase (uri: Uri, defaultsFile: string): PurgeDatabase {
  let connection: Connection | null = null
  let socket: Socket | null = null

  function drop (): void {
    socket?.destroy()
    socket = connection = null
  }

  async function connected (): Promise<Connection> {
    if (connection !== null) return connection
    const options = connectionOptions(uri, defaultsFile)
    const opened = socket = openSocket(options)
    const made = await mysql.createConnection({ ...options, stream: () => opened, connectAttributes: { program_name: 'vanadium', for: 'purge' } })
    made.on('error', () => { if (socket === opened) drop() })
    await setUp(made)
    return (connection = made)
  }

  async function attempt<T> (work: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await work(await connected())
    } catch (error) {
      // of an error of the server the connection knows nothing
      if (numberOf(error) <= 0 || (error as { fatal?: unknown }).fatal === true) drop()
      throw error
    }
  }

  const statements: Statements = {
    query: async sql => await attempt(async link => (await link.query<RowDataPacket[]>(sql))[0]),
    execute: async sql => await attempt(async link => (await link.query<ResultSetHeader>(sql))[0].affectedRows)
  }

  return {
    ...statements,
    name: uri.text.replace(/\?.*$/, ''),
    quote: mysqlDialect.quote,
    literal: value => tupleOf([value]).slice(1, -1),
    waitForRows: ' LOCK IN SHARE MODE',
    types: {
      key: 'CHAR(40) NOT NULL PRIMARY KEY',
      text: 'MEDIUMTEXT NULL',
      integer: 'BIGINT NULL',
      number: 'DOUBLE NULL',
      day: 'DATE NOT NULL, KEY (day)',
      options: 'ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'
    },
    replacing: (key, columns) => `ON DUPLICATE KEY UPDATE ${columns.filter(column => column !== key).map(column => `${mysqlDialect.quote(column)} = VALUES(${mysqlDialect.quote(column)})`).join(', ')}`,
    tables: async () => await tablesOf(statements.query),

    async requireWritable () {
      try {
        await attempt(async () => { await refuseReadOnly(async sql => await statements.query(sql) as RowDataPacket[]) })
      } catch (cause) {
        if (numberOf(cause) !== 1290) throw cause
        throw new ConfigError('bad-uri', `${uri.text}: the server is read-only; name the one that takes writes, its replicas follow`, { cause })
      }
    },

    async transaction (work) {
      // a connection that is lost within is not to be made again within
      const link = await attempt(async link => {
        await link.query('START TRANSACTION')
        return link
      })
      const within: Statements = {
        query: async sql => (await link.query<RowDataPacket[]>(sql))[0],
        execute: async sql => (await link.query<ResultSetHeader>(sql))[0].affectedRows
      }
      try {
        const result = await work(within)
        await link.query('COMMIT')
        return result
      } catch (error) {
        await link.query('ROLLBACK').catch(drop)
        throw error
      }
    },

    remedyOf (error) {
      if (error instanceof RowsGone || tooMuch.includes(numberOf(error))) return 'smaller'
      return !(error instanceof VanadiumError) && classify(error) === 'wait' ? 'wait' : 'none'
    },

    explain (error) {
      if (error instanceof VanadiumError) return error
      if (forbidden.includes(numberOf(error))) return new ConfigError('bad-credentials', `${uri.text}: ${messageOf(error)}; the account needs ${privileges} on the database: /usr/share/doc/vanadium/examples/mysql/vanadium-accounts.sql`, { cause: error })
      return classify(error) === 'wait' ? new StreamError('connection-lost', `${uri.text}: ${messageOf(error)}`, { cause: error }) : error
    },

    tidy: async () => {},

    async close () {
      await connection?.end().catch(() => {})
      drop()
    }
  }
}

const privileges = 'SELECT, INSERT, UPDATE, DELETE, CREATE and ALTER'

/** Pins what the statements rely on. */
async function setUp (connection: Connection): Promise<void> {
  await connection.query(`SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1,
    lock_wait_timeout = ${lockWaitSeconds}, innodb_lock_wait_timeout = ${lockWaitSeconds}`)
  const [[server]] = await connection.query<RowDataPacket[]>('SELECT @@GLOBAL.log_bin AS log, @@GLOBAL.binlog_format AS format')
  // only rows are locked then, not what is between them; where statements are logged, InnoDB refuses that
  if (!(Number(server?.['log']) === 1 && server?.['format'] === 'STATEMENT')) await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
  // what MySQL 8 says of a table's next id may be a day old; MariaDB knows no such thing
  await connection.query('SET SESSION information_schema_stats_expiry = 0').catch(() => {})
}

const inDatabase = 'TABLE_SCHEMA = DATABASE()'

async function tablesOf (query: Statements['query']): Promise<FoundTable[]> {
  const tables = await query(`SELECT TABLE_NAME AS name, TABLE_COMMENT AS comment, AUTO_INCREMENT AS next FROM information_schema.TABLES WHERE ${inDatabase} AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`)
  const columns = await query(`SELECT TABLE_NAME AS name, COLUMN_NAME AS \`column\`, COLUMN_TYPE AS type, IS_NULLABLE AS nullable, COALESCE(GENERATION_EXPRESSION, '') AS expression FROM information_schema.COLUMNS WHERE ${inDatabase} ORDER BY TABLE_NAME, ORDINAL_POSITION`)
  const indexes = await query(`SELECT TABLE_NAME AS name, COLUMN_NAME AS \`column\` FROM information_schema.STATISTICS WHERE ${inDatabase} AND SEQ_IN_INDEX = 1`)
  const [columnsOf, indexesOf] = [byTable(columns), byTable(indexes)]
  return tables.map(({ name, comment, next }) => ({
    name: String(name),
    comment: String(comment),
    columns: (columnsOf.get(String(name)) ?? []).map(columnOf),
    indexed: new Set((indexesOf.get(String(name)) ?? []).map(({ column }) => String(column).toLowerCase())),
    nextId: next === null ? null : Number(next)
  }))
}

function byTable (rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(String(row['name']))
    if (group === undefined) groups.set(String(row['name']), [row])
    else group.push(row)
  }
  return groups
}

function columnOf ({ column, type, nullable, expression }: Row): TableColumn {
  return { ...declared(String(column), String(type)), nullable: nullable === 'YES', generated: String(expression) !== '' }
}
