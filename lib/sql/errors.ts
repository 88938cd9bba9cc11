import { codeOf, ConfigError } from '../errors.js'

/**
 * What a database's error calls for. `wait`: it passes by itself, the work is repeated. `operator`: the same, but somebody
 * must act. `schema`: a table or a column is missing. `row`: a value is refused, the rest of the batch is not. `bug`: not a
 * database's error at all.
 */
export const errorClasses = ['wait', 'operator', 'schema', 'row', 'bug'] as const
export type ErrorClass = typeof errorClasses[number]

/** By number: https://mariadb.com/kb/en/mariadb-error-code-reference/ and MySQL's "Server Error Message Reference". */
const serverErrors: Record<Exclude<ErrorClass, 'bug'>, readonly number[]> = {
  wait: [
    1020, // record has changed since it was read
    1021, 1114, 1030, 1026, 3, // disk full, table full, storage engine, write failed
    1037, 1038, 1041, // out of memory
    1040, 1203, 1226, // too many connections
    1042, 1043, 1053, 1077, 1152, 1153, 1156, 1158, 1159, 1160, 1161, 1184, // connection, shutdown, packets
    1047, 1205, 1206, 1213, 1412, 1479, 1637, 1614, // not ready, locks, deadlock, table changed meanwhile
    1180, 1196, 1317, 1927, 1969, 3024, // commit failed, statement or connection killed, statement took too long
    1290, 1792, 1836 // read-only
  ],
  operator: [
    1044, 1045, 1049, 1129, 1130, 1142, 1143, 1227, 1251, 1370, 1396, 1524, 1698, 1820, 1862, 3118, // account, database, privileges
    1034, 1194, 1195 // table is damaged
  ],
  schema: [1054, 1146],
  row: [
    1048, 1062, 1118, 1136, 1169, 1216, 1264, 1265, 1292, 1300, 1364, 1366, 1367, 1406, 1411, 1416, 1452, 1526, 1557, 1586,
    1644, 1690, 1701, 1748, 1859, 3140, 3819, 4025
  ]
}

const classByNumber = new Map(errorClasses.flatMap(kind =>
  kind === 'bug' ? [] : serverErrors[kind].map(number => [number, kind] as const)))

/** Codes of Node, mysql2 and SQLite (`https://sqlite.org/rescode.html`), by how they begin. */
const codes: ReadonlyArray<readonly [RegExp, ErrorClass]> = [
  [/^(?:ECONN|ENET|EHOST|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|ENOENT|EADDR|PROTOCOL_)/, 'wait'],
  [/^(?:HANDSHAKE_|CERT_|ERR_TLS|ERR_SSL|ERR_OSSL|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|AUTH_|EACCES|EPERM)/, 'operator'],
  [/^SQLITE_(?:BUSY|LOCKED|FULL|IOERR|NOMEM|INTERRUPT|PROTOCOL|SCHEMA)/, 'wait'],
  [/^SQLITE_(?:READONLY|CANTOPEN|PERM|AUTH|CORRUPT|NOTADB)/, 'operator'],
  [/^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG|RANGE)/, 'row'],
  // no table, no column: SQLite does not tell more than that the statement cannot be prepared
  [/^SQLITE_ERROR/, 'schema']
]

/** Whether it is known what a server's error calls for. */
export function isKnown (number: number): boolean {
  return classByNumber.has(number)
}

/** One table for all databases. An error of a server that it does not know is waited out, which loses nothing. */
export function classify (error: unknown): ErrorClass {
  if (!(error instanceof Error)) return 'bug'
  if (error instanceof ConfigError) return 'operator'
  if ('errno' in error && typeof error.errno === 'number' && error.errno > 0) return classOfServerError(error.errno, error)
  const code = codeOf(error)
  const known = code === undefined ? undefined : codes.find(([shape]) => shape.test(code))?.[1]
  if (known !== undefined) return known
  // mysql2: the connection cannot be used any more
  return 'fatal' in error && error.fatal === true ? 'wait' : 'bug'
}

function classOfServerError (number: number, error: Error): ErrorClass {
  const known = classByNumber.get(number)
  if (known !== undefined) return known
  // the classes of the SQL standard: data exception, integrity constraint violation
  const state = 'sqlState' in error ? String(error.sqlState) : ''
  return state.startsWith('22') || state.startsWith('23') ? 'row' : 'operator'
}

export const noSuchTable = 1146

/** The server's number of an error; 0 if it is none of a server. */
export function numberOf (error: unknown): number {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? error.errno : 0
}

/** The column that a server names in an error about a value, as far as it does; for people, nothing depends on it. */
export function columnIn (message: string): string | undefined {
  return /column '?(?:`?[^`'\s.]+`?\.){0,2}[`']?([^`'\s]+)/i.exec(message)?.[1]
}
