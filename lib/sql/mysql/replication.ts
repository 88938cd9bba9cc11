type Row = Readonly<Record<string, unknown>>

/** Of the statements, the one that shows all connections of a replica, also before and after names were changed. */
const statements = {
  mariadb: ['SHOW ALL REPLICAS STATUS', 'SHOW ALL SLAVES STATUS'],
  mysql: ['SHOW REPLICA STATUS', 'SHOW SLAVE STATUS']
} as const
const syntaxError = 1064

/** What a server says about those that it follows, one row each. `open` connects to it, and again after an error. */
export async function replicationStatus (open: () => Promise<{ query (sql: string): Promise<readonly Row[]> }>): Promise<readonly Row[]> {
  const [server] = await (await open()).query('SELECT VERSION() AS version')
  const [now, before] = statements[/mariadb/i.test(String(server?.['version'])) ? 'mariadb' : 'mysql']
  try {
    return await (await open()).query(now)
  } catch (error) {
    if ((error as { errno?: unknown }).errno !== syntaxError) throw error
    return await (await open()).query(before)
  }
}

/** One server that another one follows. */
export interface Following {
  /** Of the connection; empty where there is only one. */
  readonly label: string
  readonly source: string
  /** Null while it is not known. */
  readonly seconds: number | null
  /** Why it does not follow; null if it does. */
  readonly broken: string | null
}

/** Columns have the names of MySQL 8.0.22 and later, or older ones, which MariaDB keeps. */
export function followingOf (row: Row): Following {
  const value = (...names: string[]): string => names.map(name => row[name]).filter(found => found !== undefined && found !== null).map(String)[0] ?? ''
  const behind = value('Seconds_Behind_Source', 'Seconds_Behind_Master')
  const threads = [
    { name: 'receiver (IO) thread', runs: value('Replica_IO_Running', 'Slave_IO_Running'), error: value('Last_IO_Error') },
    { name: 'SQL thread', runs: value('Replica_SQL_Running', 'Slave_SQL_Running'), error: value('Last_SQL_Error') }
  ]
  const broken = threads.find(({ runs }) => runs !== 'Yes')
  return {
    label: value('Connection_name', 'Channel_Name'),
    source: `${value('Source_Host', 'Master_Host')}:${value('Source_Port', 'Master_Port')}`,
    seconds: behind === '' ? null : Number(behind),
    broken: broken === undefined ? null : `the ${broken.name} ${broken.runs === 'No' ? 'does not run' : `is ${broken.runs.toLowerCase()}`}${broken.error === '' ? '' : `: ${broken.error}`}`
  }
}
