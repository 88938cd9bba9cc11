import { readFileSync } from 'node:fs'
import { connect as connectSocket, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import mysql, { type Connection, type ConnectionOptions, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import { ConfigError, messageOf } from '../errors.js'
import type { Context } from '../stream/contracts.js'
import type { Uri } from '../stream/uri.js'
import { readDefaultsFile, type ClientOptions } from './defaults-file.js'
import { noFile, rowsOnce, type FileSource } from './local-infile.js'
import { createPatience, type Patience } from './patience.js'

/** A connection whose session is set up as ours are, and what its server allows. */
export interface Link {
  /** Bytes of the longest statement that the server takes. */
  readonly maxPacket: number
  query (sql: string): Promise<RowDataPacket[]>
  /** Of a statement that returns no rows: how many it changed. */
  execute (sql: string): Promise<number>
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
  /** Path of a `my.cnf` file; empty for none. */
  readonly defaultsFile: string
  readonly held: () => number
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
  #socket: Socket | null = null
  #connection: Connection | null = null
  #link: Link | null = null
  #queue: Promise<unknown> = Promise.resolve()

  constructor (ctx: Context, options: SessionOptions) {
    this.#ctx = ctx
    this.#options = options
    const { uri, held } = options
    this.#patience = createPatience(ctx, { store: uri.text, held, onExpired: () => { this.#drop() } })
  }

  /** One after the other. `work` is repeated as a whole after an error that passes; other errors are thrown. */
  async run<T> (work: (link: Link) => Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => await this.#patience.persist(async () => {
      try {
        return await work(this.#link ?? await this.#connect())
      } catch (error) {
        this.#drop()
        throw error
      }
    }))
    this.#queue = turn.catch(() => {})
    return await turn
  }

  /** Connects without being asked for anything yet, so that the log says at once when the server is away. */
  warmUp (): void {
    // what is thrown, the next work throws again
    this.run(async () => {}).catch(() => {})
  }

  /** Waits for nothing: what still runs throws. */
  close (): void {
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
    const { uri, defaultsFile } = this.#options
    const options = connectionOptions(uri, defaultsFile)
    const socket = this.#socket = openSocket(options)
    const refuse = noFile(error => { socket.destroy(error) })
    const connection = this.#connection = await mysql.createConnection({ ...options, stream: () => socket, infileStreamFactory: refuse })
    // an idle connection that is lost is no error: the next work makes another
    connection.on('error', () => { if (this.#socket === socket) this.#drop() })
    const { maxPacket, noLoad } = await setUp(connection)
    this.#link = linkOf(connection, { maxPacket, noLoad, refuse }, reason => {
      this.#ctx.log.warn('the database takes no LOAD DATA LOCAL any more; rows come by INSERT', { store: uri.text, reason })
    })
    this.#ctx.log.info('connected to the database', { store: uri.text, ...(noLoad === null ? { rows_by: 'LOAD DATA LOCAL' } : { rows_by: 'INSERT', reason: noLoad }) })
    return this.#link
  }
}

/** A socket of our own, because mysql2 cannot break one off so that what waits for it fails. */
function openSocket ({ socketPath, host = '', port = 0 }: ConnectionOptions): Socket {
  const socket = socketPath === undefined ? connectSocket(port, host) : connectSocket(socketPath)
  return socket.setNoDelay(true).setKeepAlive(true, keepAliveMs)
}

type ServerLimits = Pick<Link, 'maxPacket' | 'noLoad'>

/** Pins what our statements rely on, whatever the server's defaults are. Returns what the server allows. */
async function setUp (connection: Connection): Promise<ServerLimits> {
  await connection.query("SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, max_error_count = 65535")
  // lets a table of several hundred columns be made; needs a privilege in MySQL 8, so it must not be required
  await connection.query('SET SESSION innodb_strict_mode = OFF').catch(() => {})
  const [[server]] = await connection.query<RowDataPacket[]>('SELECT @@max_allowed_packet AS maxPacket, @@GLOBAL.read_only AS readOnly, @@GLOBAL.local_infile AS localInfile')
  if (!isOff(server?.['readOnly'])) {
    // an account with special rights could write all the same, to a replica for example
    throw Object.assign(new Error('the server is read-only'), { errno: readOnlyServer })
  }
  return { maxPacket: Number(server?.['maxPacket']), noLoad: isOff(server?.['localInfile']) ? 'local_infile is OFF on the server' : null }
}

function isOff (value: unknown): boolean {
  return ['0', 'OFF'].includes(String(value))
}

const readOnlyServer = 1290

function linkOf (connection: Connection, { maxPacket, noLoad, refuse }: ServerLimits & { refuse: FileSource }, onGivenUp: (reason: string) => void): Link {
  return {
    maxPacket,
    get noLoad () { return noLoad },
    query: async sql => (await connection.query<RowDataPacket[]>(sql))[0],
    execute: async sql => (await connection.query<ResultSetHeader>(sql))[0].affectedRows,
    async load (sql, pieces) {
      const [{ affectedRows, warningStatus }] = await connection.query<ResultSetHeader>({ sql, infileStreamFactory: rowsOnce(pieces, refuse) })
      return { stored: affectedRows, warnings: warningStatus }
    },
    giveUpLoad (reason) {
      noLoad = reason
      onGivenUp(reason)
    }
  }
}

/** The URI wins over the file. Without a host in either, the socket; without that, this host. Throws `ConfigError`. */
export function connectionOptions (uri: Uri, defaultsFile: string): ConnectionOptions {
  const file: ClientOptions = defaultsFile === '' ? new Map() : readDefaultsFile(defaultsFile)
  const host = uri.host ?? file.get('host')
  const socketPath = host === undefined || host === 'localhost' ? file.get('socket') : undefined
  return {
    ...(socketPath === undefined ? { host: host ?? '127.0.0.1', port: uri.port ?? Number(file.get('port') ?? 3306) } : { socketPath }),
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
    ...tlsOptions(file)
  }
}

function tlsOptions (file: ClientOptions): Pick<ConnectionOptions, 'ssl'> {
  const ca = file.get('ssl-ca')
  if (ca === undefined) return {}
  const certificate = file.get('ssl-cert')
  const key = file.get('ssl-key')
  return {
    ssl: {
      ca: read('ssl-ca', ca),
      ...(certificate === undefined ? {} : { cert: read('ssl-cert', certificate) }),
      ...(key === undefined ? {} : { key: read('ssl-key', key) }),
      rejectUnauthorized: true,
      verifyIdentity: !['0', 'off', 'false'].includes((file.get('ssl-verify-server-cert') ?? '').toLowerCase())
    }
  }
}

function read (option: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new ConfigError('bad-credentials', `${option} "${path}" cannot be read: ${messageOf(cause)}; name a PEM file that this user can read`, { cause })
  }
}
