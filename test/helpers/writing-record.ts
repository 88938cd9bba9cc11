import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import mysql from 'mysql2/promise'
import type { Test } from 'tap'
import { leaseTables } from '../../lib/sql/mysql/lease-tables.js'
import type { Mariadb } from './mariadb.js'
import type { NetworkHost } from './network-host.js'
import { until } from './wait.js'

const run = promisify(execFile)

/** What the server was asked to change in one go, and did: a take-over of the lease, or some rows. Seconds are by the server's clock. */
export interface Transaction {
  /** Of a take-over: the new token; of rows null. */
  readonly token: number | null
  /** Its address. */
  readonly by: string
  readonly connections: readonly string[]
  readonly rows: number
  /** When the first and the last of its rows were written. */
  readonly first: number
  readonly last: number
  /** When it was committed, at the latest: the server keeps whole seconds of that. */
  readonly committed: number
}

/**
 * Who wrote when, by the server's own books: triggers note each row, and each change of the fence, in the same transaction, and the binary log has the
 * transactions in the order of their commits. Those that were rolled back are not in it.
 */
export interface WritingRecord {
  /** Begins to note rows of a table, which must be there. */
  note (table: string): Promise<void>
  /** By the server's clock. */
  seconds (): Promise<number>
  /** Of rows that were noted. */
  countOf (host: NetworkHost): Promise<number>
  /**
   * Resolves when a transaction of the host stands still behind its first row, which waits for a lock; it goes on when what it resolved with is called,
   * or when the server has waited long enough.
   */
  holdMidway (host: NetworkHost): Promise<() => Promise<void>>
  /** In the order of the commits. */
  transactions (): Promise<Transaction[]>
}

export interface RecordOptions {
  readonly database: string
  /** Of the consumers, without privileges beyond the database. */
  readonly account: string
  readonly hosts: readonly NetworkHost[]
}

/** What a server needs to keep a record. */
export const recordArguments = ['--log-bin=log', '--server-id=1', '--binlog-format=ROW']

const books = 'record'
const address = "SUBSTRING_INDEX(USER(), '@', -1)"
const moment = 'UNIX_TIMESTAMP(SYSDATE(6))'
const patienceMs = 30_000
/** What the server says of open transactions is what it was when somebody looked last, if that was a tenth of a second ago. */
const lookMs = 200

/** Before a consumer makes its tables; hosts are told apart by their addresses. */
export async function keepRecord (server: Mariadb, { database, account, hosts }: RecordOptions): Promise<WritingRecord> {
  // a connection in a trigger is that of who made it, also for who wants to end it
  const trigger = `CREATE DEFINER = ${account} TRIGGER`
  await server.query(`CREATE DATABASE ${books}`)
  await server.query(`CREATE TABLE ${books}.gates (address VARCHAR(64) NOT NULL PRIMARY KEY)`)
  for (const host of hosts) await server.query(`INSERT INTO ${books}.gates VALUES ('${host.address}')`)
  await server.query(`CREATE TABLE ${books}.stored (address VARCHAR(64) NOT NULL, connection BIGINT NOT NULL, moment DECIMAL(20,6) NOT NULL)`)
  await server.query(`CREATE TABLE ${books}.taken (address VARCHAR(64) NOT NULL, connection BIGINT NOT NULL, moment DECIMAL(20,6) NOT NULL, token BIGINT NOT NULL)`)
  await server.query(`GRANT SELECT, INSERT ON ${books}.* TO ${account}`)
  await server.query(`GRANT TRIGGER ON ${database}.* TO ${account}`)
  for (const statement of leaseTables) await server.query(statement, database)
  for (const event of ['INSERT', 'UPDATE']) {
    await server.query(`${trigger} taken_by_${event} AFTER ${event} ON vanadium_fences FOR EACH ROW INSERT INTO ${books}.taken VALUES (${address}, CONNECTION_ID(), ${moment}, NEW.token)`, database)
  }

  return {
    async note (table) {
      await server.query(`${trigger} noted_${table} AFTER INSERT ON ${table} FOR EACH ROW INSERT INTO ${books}.stored
        SELECT address, CONNECTION_ID(), ${moment} FROM ${books}.gates WHERE address = ${address} LOCK IN SHARE MODE`, database)
    },
    seconds: async () => Number((await server.query(`SELECT ${moment} AS seconds`))[0]?.['seconds']),
    countOf: async ({ address }) => Number((await server.query(`SELECT COUNT(*) AS n FROM ${books}.stored WHERE address = '${address}'`))[0]?.['n']),

    async holdMidway ({ name, address }) {
      const connection = await mysql.createConnection({ socketPath: server.socket, user: 'root', database: books })
      await connection.beginTransaction()
      await connection.query(`SELECT address FROM gates WHERE address = '${address}' FOR UPDATE`)
      await until(`a transaction of ${name} stands still`, async () => (await server.query(`SELECT trx_id FROM information_schema.innodb_trx
        WHERE trx_state = 'LOCK WAIT' AND trx_rows_modified > 0 AND trx_query LIKE '%${books}.gates%'`)).length > 0, patienceMs, lookMs)
      return async () => {
        await connection.rollback()
        await connection.end()
      }
    },

    async transactions () {
      const [logs, [row]] = [await server.query('SHOW BINARY LOGS'), await server.query('SELECT @@datadir AS directory')]
      const files = logs.map(log => join(String(row?.['directory']), String(log['Log_name'])))
      const { stdout } = await run('mariadb-binlog', ['--base64-output=DECODE-ROWS', '-v', `--database=${books}`, ...files], { maxBuffer: 1 << 30 })
      return parse(stdout.split('\n'))
    }
  }
}

/** Of mariadb-binlog -v: a statement for each row, its values each on a line, and Xid behind the last of a transaction. */
function parse (lines: readonly string[]): Transaction[] {
  const found: Transaction[] = []
  let rows: string[][] = []
  for (const line of lines) {
    const value = /^### {3}@\d+=(.*)$/.exec(line)?.[1]
    if (/^### INSERT INTO `\w+`\.`(stored|taken)`/.test(line)) rows.push([])
    else if (value !== undefined) rows.at(-1)?.push(value.replace(/^'(.*)'$/, '$1'))
    const [, year, month, day, time] = /^#(\d\d)(\d\d)(\d\d) +(\S+) .*\tXid = /.exec(line) ?? []
    if (time === undefined || rows.length === 0) continue
    found.push(transactionOf(rows, new Date(`20${year}-${month}-${day}T${time.padStart(8, '0')}`).getTime() / 1000 + 1))
    rows = []
  }
  return found
}

function transactionOf (rows: readonly string[][], committed: number): Transaction {
  const token = rows.map(row => row[3]).find(token => token !== undefined)
  const moments = rows.map(row => Number(row[2]))
  return {
    token: token === undefined ? null : Number(token),
    by: [...new Set(rows.map(([address]) => address))].join(),
    connections: [...new Set(rows.map(([, connection]) => connection ?? ''))],
    rows: token === undefined ? rows.length : 0,
    first: Math.min(...moments),
    last: Math.max(...moments),
    committed
  }
}

/**
 * Fails unless tokens grow one by one, and all that was written under a token was begun after the take-over, and committed before the next one, which came after
 * its last row: then no two hosts wrote at the same moment.
 */
export function oneWriter (t: Test, transactions: readonly Transaction[]): void {
  const wrong: Array<{ readonly what: string, readonly transaction: Transaction, readonly holder: Transaction | undefined }> = []
  let holder: Transaction | undefined
  let last = 0
  for (const transaction of transactions) {
    const say = (what: string): void => { wrong.push({ what, transaction, holder }) }
    const { token, by, first } = transaction
    if (token !== null) {
      if (holder !== undefined && token !== (holder.token ?? 0) + 1) say('a token that is not the next one')
      if (first < last) say('a take-over while the holder before wrote')
      holder = transaction
    } else {
      if (by !== holder?.by) say('rows of a host that had not the lease')
      if (first < (holder?.first ?? 0)) say('rows that were begun before the host had the lease')
      last = Math.max(last, transaction.last)
    }
  }
  t.strictSame(wrong, [], 'one host wrote at a time: the one that had the lease')
}
