import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { cutLink, type CutLink } from './cut-link.js'
import { startDaemon, type Daemon } from './daemon.js'
import { startMariadb, type Mariadb } from './mariadb.js'
import { countRows, numberedEvent, numberedSchemas } from './numbered-events.js'
import { stablePort } from './ports.js'
import { shortDirectory } from './streams.js'
import { until } from './wait.js'

const run = promisify(execFile)

/** One of two hosts that get the same events: a forwarder with a journal, and a consumer that shares a lease. */
export interface Side {
  readonly name: 'a' | 'b'
  /** What it connects to the database by, as the server sees it: who writes is told by that. */
  readonly account: string
  readonly state: string
  /** Its events come from here. */
  readonly file: string
  readonly forwarder: Daemon
  consumer: Daemon
  /** Starts the consumer again. */
  start (): Daemon
}

export interface Pair {
  readonly server: Mariadb
  readonly database: string
  readonly a: Side
  readonly b: Side
  /** From `a` to the database. */
  readonly link: CutLink
  /** Events `from` to before `end`, to one or both. */
  send (from: number, end: number, to?: ReadonlyArray<'a' | 'b'>, schema?: string): void
  /** Resolves when the table has so many rows. */
  stored (count: number, table?: string): Promise<void>
  /** Who has the lease: the sides that believe so, of those that run, by their logs. Only to know when to go on. */
  holder (): Promise<'a' | 'b' | ''>
}

export interface PairOptions {
  readonly seconds?: number
  readonly askSeconds?: number
  readonly batchRows?: number
}

const lease = 'pair'

/**
 * A MariaDB with a binary log, and two hosts. A trigger notes for each row which connection stored it, within the same transaction: together with
 * `vanadium_fences` the binary log tells who wrote when.
 */
export async function startPair (t: Test, { seconds = 8, askSeconds = 60, batchRows = 500 }: PairOptions = {}): Promise<Pair> {
  const server = await startMariadb(['--log-bin=log', '--server-id=1', '--binlog-format=ROW', '--skip-name-resolve', '--log-bin-trust-function-creators=1'])
  t.teardown(server.stop)
  const database = await server.database()
  // one account: only such connections end each other
  await server.query("CREATE USER vanadium@'%'")
  await server.query(`GRANT SELECT, INSERT, UPDATE, CREATE, ALTER, CREATE VIEW, SHOW VIEW, DROP ON ${database}.* TO vanadium@'%'`)
  await server.query(`CREATE TABLE ${database}.written (n BIGINT AUTO_INCREMENT PRIMARY KEY, account VARCHAR(255) NOT NULL, event BIGINT NOT NULL)`)
  const schemas = numberedSchemas(t, 'Counted', 'Late')
  const directory = shortDirectory(t)
  const defaults = join(directory, 'socket.cnf')
  writeFileSync(defaults, `[client]\nuser=vanadium\nsocket=${server.socket}\n`, { mode: 0o600 })
  const options = `batch-rows=${batchRows}&lease=${lease}&lease-seconds=${seconds}&lease-ask-seconds=${askSeconds}`
  const link = await cutLink(t, server.port)
  // by two ways, so that the server tells them apart
  const a = await startSide(t, 'a', directory, schemas, `mysql://vanadium@127.0.0.1:${link.port}/${database}?${options}`, 'vanadium@127.0.0.1')
  const b = await startSide(t, 'b', directory, schemas, `mysql:///${database}?defaults-file=${defaults}&${options}`, 'vanadium@localhost')
  return {
    server,
    database,
    a,
    b,
    link,
    send (from, end, to = ['a', 'b'], schema = 'Counted') {
      const lines = Array.from({ length: end - from }, (_, i) => `${numberedEvent(from + i, { schema })}\n`).join('')
      for (const side of to) appendFileSync({ a, b }[side].file, lines)
    },
    stored: async (count, table) => { await until(`${count} rows are stored`, async () => await countRows(server, database, table) === count, 60_000, 100) },
    async holder () {
      try {
        const [row] = await server.query('SELECT holder, expires > UTC_TIMESTAMP(6) AS good FROM vanadium_leases', database)
        return Number(row?.['good']) === 1 ? sideOf(String(row?.['holder'])) : ''
      } catch {
        return ''
      }
    }
  }
}

async function startSide (t: Test, name: 'a' | 'b', directory: string, schemas: string, output: string, account: string): Promise<Side> {
  const [file, state, port, replay] = [join(directory, `${name}.log`), join(directory, name), await stablePort(), await stablePort()]
  writeFileSync(file, '')
  const forwarder = startDaemon(t, 'forwarder', '--state', state, '--input', `file://${file}?follow=true&poll-interval=20`, '--output', `tcp://127.0.0.1:${port}?journal=events&replay=${replay}&subscribers=${name}`)
  await forwarder.logged('ready')
  const start = (): Daemon => startDaemon(t, 'consumer', '--name', name, '--state', state, '--schemas', schemas, '--flush-interval', '0.2', '--input', `tcp://127.0.0.1:${port}?as=${name}`, '--output', output)
  const side: Side = {
    name,
    account,
    state,
    file,
    forwarder,
    consumer: start(),
    start: () => (side.consumer = start())
  }
  return side
}

/** Records of its input that the consumer has not committed, by the books of its publisher. */
export function pending ({ state, name, file }: Side): number {
  const db = new Database(join(state, 'forwarder-forwarder.sqlite'), { readonly: true })
  try {
    const { next = 0 } = db.prepare<[string], { next: number }>('SELECT next FROM journal_subscriber WHERE subscriber = ?').get(name) ?? {}
    return readFileSync(file, 'utf8').split('\n').length - 1 - next
  } finally {
    db.close()
  }
}

/** Notes who stores rows, from now on; the table must be there. */
export async function noteWriters ({ server, database }: Pair, table = 'Counted_1'): Promise<void> {
  await server.query(`CREATE TRIGGER noted_${table} AFTER INSERT ON ${table} FOR EACH ROW INSERT INTO written (account, event) VALUES (USER(), NEW.event_n)`, database)
}

function sideOf (member: string): 'a' | 'b' | '' {
  const [, name = ''] = member.split('/')
  return name === 'a' || name === 'b' ? name : ''
}

/** What the binary log says, in the order of the commits: a take-over, or a transaction that stored rows. */
export type Commit = { readonly kind: 'taken', readonly token: number, readonly by: string } | { readonly kind: 'rows', readonly accounts: readonly string[], readonly rows: number }

export async function commits ({ server, database }: Pair): Promise<Commit[]> {
  const [logs, [row]] = [await server.query('SHOW BINARY LOGS'), await server.query('SELECT @@datadir AS directory')]
  const files = logs.map(log => join(String(row?.['directory']), String(log['Log_name'])))
  const { stdout } = await run('mariadb-binlog', ['--base64-output=DECODE-ROWS', '-v', ...files], { maxBuffer: 1 << 30 })
  return parse(stdout, database)
}

/** Of mariadb-binlog -v: a statement for each row, and COMMIT behind the last of a transaction. */
function parse (text: string, database: string): Commit[] {
  const found: Commit[] = []
  let accounts = new Map<string, number>()
  let taken: Commit | null = null
  let table = ''
  let values = new Map<number, string>()
  const endRow = (): void => {
    if (table === 'written') accounts.set(values.get(2) ?? '', (accounts.get(values.get(2) ?? '') ?? 0) + 1)
    if (table === 'vanadium_fences') taken = { kind: 'taken', token: Number(values.get(2)), by: sideOf(values.get(3) ?? '') }
    table = ''
    values = new Map()
  }
  for (const line of text.split('\n')) {
    const change = new RegExp(`^### (?:INSERT INTO|UPDATE) \`${database}\`\\.\`(\\w+)\``).exec(line)
    const value = /^### {3}@(\d+)=(?:'(.*)'|(-?\d+))/.exec(line)
    if (change !== null) {
      endRow()
      table = change[1] ?? ''
    } else if (value !== null) values.set(Number(value[1]), value[2] ?? value[3] ?? '')
    else if (!line.startsWith('###') && table !== '') endRow()
    if (!/^COMMIT/.test(line)) continue
    if (taken !== null) found.push(taken)
    if (accounts.size > 0) found.push({ kind: 'rows', accounts: [...accounts.keys()], rows: [...accounts.values()].reduce((sum, rows) => sum + rows, 0) })
    taken = null
    accounts = new Map()
  }
  return found
}

/** Fails the test unless each transaction that stored rows is of the one who had taken the lease last by then, and there were so many take-overs at least. */
export async function neverTwo (t: Test, pair: Pair, takeOvers: number): Promise<void> {
  const all = await commits(pair)
  let holder = ''
  const wrong: Commit[] = []
  let [taken, rows] = [0, 0]
  for (const commit of all) {
    if (commit.kind === 'taken') {
      holder = commit.by
      taken++
    } else {
      rows += commit.rows
      if (commit.accounts.length !== 1 || commit.accounts[0] !== (holder === 'a' ? pair.a : pair.b).account) wrong.push(commit)
    }
  }
  t.strictSame(wrong, [], 'rows are of the holder')
  t.ok(taken >= takeOvers, `${taken} take-overs, ${takeOvers} expected`)
  t.ok(rows > 0, `${rows} rows were noted`)
}
