import type { RowDataPacket } from 'mysql2/promise'
import type { Log } from '../../log.js'

type Query = (sql: string) => Promise<RowDataPacket[]>

/** What a server answers to an account without special rights: https://mariadb.com/kb/en/e1290/. It is waited out. */
const readOnlyServer = 1290

/**
 * Throws while the server is read-only, a replica for example, also if the account has rights by which it could write all the same.
 * A row that only a replica has is lost, or stops the replication, and nobody is told.
 */
export async function refuseReadOnly (query: Query): Promise<void> {
  const [server] = await query('SELECT @@GLOBAL.read_only AS readOnly')
  if (['0', 'OFF'].includes(String(server?.['readOnly']))) return
  throw Object.assign(new Error('the server is read-only; nothing is written until it is not (read_only=OFF), or the URI names the server that takes writes'), { errno: readOnlyServer })
}

export interface ServerLimits {
  /** Bytes of the longest statement that it takes. */
  readonly maxPacket: number
  /** Why it is sent no `LOAD DATA LOCAL`; null if it is. */
  readonly noLoad: string | null
  /** It writes statements as they are into its binary log: replicas may come to other rows than it did. */
  readonly logsStatements: boolean
}

export async function limitsOf (query: Query): Promise<ServerLimits> {
  // not SELECT @@…: servers to come may not know the one or the other any more
  const variables = await query("SHOW VARIABLES WHERE Variable_name IN ('max_allowed_packet', 'local_infile', 'log_bin', 'binlog_format')")
  const values = new Map(variables.map(row => [String(row['Variable_name']), String(row['Value'])]))
  const logsStatements = values.get('log_bin') === 'ON' && values.get('binlog_format') === 'STATEMENT'
  const noLoad = values.get('local_infile') === 'OFF'
    ? 'local_infile is OFF on the server'
    // of several writers' rows a replica was seen to miss some then
    : logsStatements ? 'the binary log of the server has statements' : null
  return { maxPacket: Number(values.get('max_allowed_packet')), noLoad, logsStatements }
}

export function warnOfStatements (log: Log, store: string): void {
  log.warn('the server\'s binary log has statements instead of rows: replicas may get other rows; set binlog_format to MIXED or ROW', { store })
}
