import { connect as connectSocket, isIP, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import mysql, { type Connection, type ConnectionOptions, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import { ConfigError } from '../../errors.js'
import type { Context } from '../../stream/contracts.js'
import type { Uri } from '../../stream/uri.js'
import { numberOf } from '../errors.js'
import { createPatience, type Patience } from '../patience.js'
import { readDefaultsFile, type ClientOptions } from './defaults-file.js'
import { noFile, rowsOnce, type FileSource } from './local-infile.js'
import { askFor, StatementWatch } from './long-statement.js'
import { limitsOf, refuseReadOnly, warnOfStatements, type ServerLimits } from './server-checks.js'
import { tlsOptions } from './tls.js'

/** A connection whose session is set up as ours are, and what its server allows. */
export interface Link {
  /** Bytes of the longest statement that the server takes. */
  readonly maxPacket: number
  query (sql: string): Promise<RowDataPacket[]>
  /** Of a statement that returns no rows: how many it changed. */
  execute (sql: string): Promise<number>
  /** Throws an error that is waited out while the server is read-only. To be asked before anything is written. */
  requireWritable (): Promise<void>
  /** Why the server takes no `LOAD DATA LOCAL`; null if it does. */
  readonly noLoad: string | null
  /** Of a statement that loads the file `rowsName`: sends `pieces` for it. A piece is no longer than `maxPacket`. */
  load (sql: string, pieces: Iterable<Buffer>): Promise<Loaded>
  /** The server refused `LOAD DATA LOCAL` after all: none is sent any more. */
  giveUpLoad (reason: string): void
}

export interface Loaded {
  /** Rows that are in the table now. */
  readonly stored: number
  /** 65,535 may be more. */
  readonly warnings: number
}

export interface SessionOptions {
  readonly uri: Uri
  /** What it is for, for the log. */
  readonly purpose: 'rows' | 'tables' | 'indexes' | 'lease'
  /** Path of a `my.cnf` file; empty for none. */
  readonly defaultsFile: string
  /** How long a statement waits for those who use its table, if the server does not say less. */
  readonly lockWaitSeconds: number
  /** A transaction of ours that stands still for so long is ended by the server. */
  readonly silenceSeconds?: number
  readonly held: () => number
  /** A statement that has no answer for so long is asked after; of a lease, it is given up. */
  readonly askMs?: number
  /** No pause between two attempts is longer. */
  readonly mostPauseMs?: number
}

const connectTimeoutMs = 10_000
const keepAliveMs = 10_000

/**
 * One connection to MySQL or MariaDB that is made when it is needed and made again when it is lost. An error ends it, so that
 * the next attempt begins with nothing left over from the last; credentials are read again each time.
 */
export class Session {
  readonly #ctx: Context
  readonly #options: SessionOptions
  readonly #patience: Patience
  readonly #watch: StatementWatch
  /** Of the connection, as the server counts. */
  #id = ''
  #socket: Socket | null = null
  #connection: Connection | null = null
  #link: Link | null = null
  #queue: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor (ctx: Context, options: SessionOptions) {
    this.#ctx = ctx
    this.#options = options
    const { uri, held, askMs, mostPauseMs, purpose } = options
    // a lease is kept beside the loop: that must not be taken for progress of the loop, nor is it rows that wait
    const told = purpose === 'lease' ? Object.create(ctx, { progress: { value: () => {} }, waiting: { value: () => {} }, stateIfAny: { value: null } }) as Context : ctx
    this.#patience = createPatience(told, { store: uri.text, held, onExpired: () => { this.#drop() }, ...(mostPauseMs === undefined ? {} : { mostPauseMs }) })
    this.#watch = new StatementWatch(told, {
      store: uri.text,
      ask: purpose === 'lease'
        ? null
        : async () => {
          const options = connectionOptions(uri, this.#options.defaultsFile)
          return await askFor(this.#id, options, openSocket(options))
        },
      breakOff: error => { this.#socket?.destroy(error) },
      ...(askMs === undefined ? {} : { everyMs: askMs })
    })
  }

  /**
   * One after the other. `work` is repeated as a whole after an error that passes, and others have their turn before; other errors
   * are thrown.
   */
  async run<T> (work: (link: Link) => Promise<T>): Promise<T> {
    return await this.#patience.persist(async () => {
      const turn = this.#queue.then(async () => await this.#attempt(work))
      this.#queue = turn.catch(() => {})
      return await turn
    })
  }

  async #attempt<T> (work: (link: Link) => Promise<T>): Promise<T> {
    this.#watch.begin()
    try {
      return await work(this.#link ?? await this.#connect())
    } catch (error) {
      this.#drop()
      throw error
    } finally {
      this.#watch.end()
      // its turn came behind one that the close has ended, and it has connected anew
      if (this.#isClosed) this.#drop()
    }
  }

  /** Connects without being asked for anything yet, so that the log says at once when the server is away. */
  warmUp (): void {
    // what is thrown, the next work throws again
    this.run(async () => {}).catch(() => {})
  }

  /** Waits for nothing: what still runs throws. */
  close (): void {
    this.#isClosed = true
    // says good-bye, so that the server does not count an aborted connection
    this.#connection?.end().catch(() => {})
    this.#socket?.destroySoon()
    this.#socket = null
    this.#patience.end()
  }

  #drop (): void {
    this.#socket?.destroy()
    this.#socket = null
    this.#connection = null
    this.#link = null
  }

  async #connect (): Promise<Link> {
    const { uri, defaultsFile, lockWaitSeconds, silenceSeconds = longestSilence } = this.#options
    const options = connectionOptions(uri, defaultsFile)
    const socket = this.#socket = openSocket(options)
    const refuse = noFile(error => { socket.destroy(error) })
    const connection = this.#connection = await mysql.createConnection({ ...options, connectAttributes: this.#attributes(), stream: () => socket, infileStreamFactory: refuse })
    // an idle connection that is lost is no error: the next work makes another
    connection.on('error', () => { if (this.#socket === socket) this.#drop() })
    const limits = await setUp(connection, silenceSeconds)
    const link = linkOf(connection, { ...limits, refuse }, {
      answered: () => { this.#watch.answered() },
      givenUp: reason => { this.#ctx.log.warn('the database takes no LOAD DATA LOCAL any more; rows come by INSERT', { store: uri.text, reason }) }
    })
    // not what was said at the connect: a proxy has numbers of its own
    this.#id = String((await link.query('SELECT CONNECTION_ID() AS id'))[0]?.['id'])
    await link.requireWritable()
    await link.execute(`SET SESSION lock_wait_timeout = LEAST(@@GLOBAL.lock_wait_timeout, ${lockWaitSeconds})`)
    this.#tell(limits)
    return (this.#link = link)
  }

  #tell ({ noLoad, logsStatements }: ServerLimits): void {
    const { uri, purpose } = this.#options
    const isForRows = purpose === 'rows'
    if (isForRows && logsStatements) warnOfStatements(this.#ctx.log, uri.text)
    const way = noLoad === null ? { rows_by: 'LOAD DATA LOCAL' } : { rows_by: 'INSERT', reason: noLoad }
    this.#ctx.log.info('connected to the database', { store: uri.text, for: purpose, ...(isForRows ? way : {}) })
  }

  /** For people who ask the server who is connected: https://mariadb.com/kb/en/performance-schema-session_connect_attrs-table/ */
  #attributes (): Record<string, string> {
    return { program_name: 'vanadium', daemon: this.#ctx.daemon, instance: this.#ctx.name, for: this.#options.purpose }
  }
}

/** A socket of our own, because mysql2 cannot break one off so that what waits for it fails. */
export function openSocket ({ socketPath, host = '', port = 0 }: ConnectionOptions): Socket {
  const socket = socketPath === undefined ? connectSocket(port, host) : connectSocket(socketPath)
  // what a certificate is compared with: Node takes "localhost" where mysql2 names no host, which it does not for an address
  if (isIP(host) !== 0) Object.assign(socket, { _host: host })
  return socket.setNoDelay(true).setKeepAlive(true, keepAliveMs)
}

/** Pins what our statements rely on, whatever the server's defaults are. Returns what the server allows. */
async function setUp (connection: Connection, silenceSeconds: number): Promise<ServerLimits> {
  await connection.query("SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, max_error_count = 65535")
  // rows that are seen are committed, and a count is of one moment
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  // lets a table of several hundred columns be made; needs a privilege in MySQL 8, so it must not be required. Replicas know nothing
  // of what a session sets: where there may be some, the server's own setting counts, or such a table would stop them
  await connection.query('SET SESSION innodb_strict_mode = IF(@@GLOBAL.log_bin, @@GLOBAL.innodb_strict_mode, 0)').catch(() => {})
  await leaveNothingLocked(connection, silenceSeconds)
  return await limitsOf(async sql => (await connection.query<RowDataPacket[]>(sql))[0])
}

/** Seconds. Between two statements of a transaction of ours there are milliseconds. */
const longestSilence = 10
const longestIdleness = 60

/**
 * Of who is paused, or cut off, in the middle of a transaction the server thinks that there is more to come: it would keep the locks for hours, and
 * another host could not store the same rows. MySQL knows only how long a whole session may be idle.
 */
async function leaveNothingLocked (connection: Connection, silenceSeconds: number): Promise<void> {
  await connection.query(`SET SESSION net_read_timeout = LEAST(@@SESSION.net_read_timeout, ${silenceSeconds})`)
  try {
    await connection.query(`SET SESSION idle_transaction_timeout = ${silenceSeconds}`)
  } catch (error) {
    if (numberOf(error) !== unknownVariable) throw error
    await connection.query(`SET SESSION wait_timeout = LEAST(@@SESSION.wait_timeout, ${longestIdleness})`)
  }
}

const unknownVariable = 1193

interface Events {
  /** A statement is over. */
  answered (): void
  /** No rows are loaded any more. */
  givenUp (reason: string): void
}

function linkOf (connection: Connection, { maxPacket, noLoad, refuse }: ServerLimits & { refuse: FileSource }, { answered, givenUp }: Events): Link {
  const query: Link['query'] = async sql => (await connection.query<RowDataPacket[]>(sql).finally(answered))[0]
  return {
    maxPacket,
    query,
    requireWritable: async () => { await refuseReadOnly(query) },
    get noLoad () { return noLoad },
    execute: async sql => (await connection.query<ResultSetHeader>(sql).finally(answered))[0].affectedRows,
    async load (sql, pieces) {
      const [{ affectedRows, warningStatus }] = await connection.query<ResultSetHeader>({ sql, infileStreamFactory: rowsOnce(pieces, refuse) }).finally(answered)
      return { stored: affectedRows, warnings: warningStatus }
    },
    giveUpLoad (reason) {
      noLoad = reason
      givenUp(reason)
    }
  }
}

/** The URI wins over the file. Without a host in either, the socket; without that, this host. Throws `ConfigError`. */
export function connectionOptions (uri: Uri, defaultsFile: string): ConnectionOptions {
  const file: ClientOptions = defaultsFile === '' ? new Map() : readDefaultsFile(defaultsFile)
  const host = uri.host ?? file.get('host')
  const socketPath = (host === undefined || host === 'localhost') && file.get('protocol')?.toLowerCase() !== 'tcp' ? file.get('socket') : undefined
  const ssl = tlsOptions(file, socketPath !== undefined)
  return {
    ...(socketPath === undefined ? { host: host ?? '127.0.0.1', port: uri.port ?? portOf(file) } : { socketPath }),
    user: uri.user ?? file.get('user') ?? userInfo().username,
    password: file.get('password') ?? '',
    database: uri.path.slice(1),
    charset: 'utf8mb4_bin',
    timezone: 'Z',
    // rows changed, not rows found: how duplicates are told from new rows
    flags: ['-FOUND_ROWS'],
    // statements come without placeholders: not to be searched for them
    queryFormat: sql => sql,
    supportBigNumbers: true,
    dateStrings: true,
    connectTimeout: connectTimeoutMs,
    ...(ssl === undefined ? {} : { ssl })
  }
}

function portOf (file: ClientOptions): number {
  const written = file.get('port') ?? '3306'
  const port = Number(written)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new ConfigError('bad-credentials', `port "${written}" is none; write a number from 1 to 65535`)
  return port
}
