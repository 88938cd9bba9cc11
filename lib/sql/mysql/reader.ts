import type { Socket } from 'node:net'
import mysql, { type RowDataPacket } from 'mysql2/promise'
import { StreamError } from '../../errors.js'
import type { Uri } from '../../stream/uri.js'
import { connectionOptions, openSocket } from './session.js'

/** Where a connection goes over the network. */
export interface Way {
  /** Of this end. */
  readonly localPort: number
  readonly address: string
  readonly port: number
}

/** A connection that only reads. */
export interface MysqlReader {
  /** Null by a local socket. */
  readonly way: Way | null
  /** Of a statement with a `?` for each value. Throws the server's error; the connection is to be closed after any. */
  query (sql: string, values?: ReadonlyArray<string | number>): Promise<RowDataPacket[]>
}

/**
 * Connects once, with the credentials and the TLS that a session of the consumer's would have. A server that is read-only will do.
 * `program` is what the server shows to those who ask who is connected. Ends, and whatever waits for it fails, when `signal` is aborted.
 */
export async function openMysqlReader (uri: Uri, defaultsFile: string, program: string, signal: AbortSignal): Promise<MysqlReader> {
  const options = connectionOptions(uri, defaultsFile)
  if (signal.aborted) throw new StreamError('stopped', `${uri.text} was waited for in vain`)
  const socket = openSocket(options)
  signal.addEventListener('abort', () => { socket.destroy() }, { once: true })
  const connection = await mysql.createConnection({ ...options, stream: () => socket, connectAttributes: { program_name: 'vanadium', for: program } })
  connection.on('error', () => { socket.destroy() })
  return {
    way: wayOf(socket),
    async query (sql, values = []) {
      const [rows] = values.length === 0 ? await connection.query<RowDataPacket[]>(sql) : await connection.execute<RowDataPacket[]>(sql, [...values])
      return rows
    }
  }
}

function wayOf ({ localPort, remoteAddress, remotePort }: Socket): Way | null {
  if (localPort === undefined || remoteAddress === undefined || remotePort === undefined) return null
  return { localPort, address: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ''), port: remotePort }
}
