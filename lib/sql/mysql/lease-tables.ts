import { noSuchTable, numberOf } from '../errors.js'
import { tupleOf } from './literals.js'

/**
 * Who writes, of several consumers that could: the server's clock alone decides (docs/decisions/0022). `token` grows with each take-over.
 * It is beside the lease, in a row of its own, because each load of rows locks it (`LOCK IN SHARE MODE`) until its commit, and a renewal must not wait for that.
 */
export const leaseTables: readonly string[] = [`
  CREATE TABLE IF NOT EXISTS vanadium_leases (
    name VARCHAR(64) NOT NULL PRIMARY KEY COMMENT 'What the consumers call it: lease=',
    holder VARCHAR(255) NOT NULL COMMENT 'Member that may write; empty if none',
    token BIGINT NOT NULL COMMENT 'Grows with each take-over',
    since DATETIME(6) NOT NULL COMMENT 'When the holder took it, UTC',
    expires DATETIME(6) NOT NULL COMMENT 'When somebody else may take it, UTC',
    seconds DOUBLE NOT NULL COMMENT 'For so long each renewal holds',
    wanted_by VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'Member that asks the holder to let go; empty if none'
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='Which consumer writes'`, `
  CREATE TABLE IF NOT EXISTS vanadium_fences (
    name VARCHAR(64) NOT NULL PRIMARY KEY COMMENT 'Of the lease',
    token BIGINT NOT NULL COMMENT 'Whose holder has another one may not commit',
    holder VARCHAR(255) NOT NULL COMMENT 'Whose token that is: after a fail-over to a replica two may have got the same number'
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='Locked by each load of rows, and by a take-over'`, `
  CREATE TABLE IF NOT EXISTS vanadium_lease_members (
    name VARCHAR(64) NOT NULL COMMENT 'Of the lease',
    member VARCHAR(255) NOT NULL COMMENT 'Host, instance and state: db1/mysql/0123456789abcdef',
    host VARCHAR(255) NOT NULL,
    instance VARCHAR(255) NOT NULL COMMENT 'The consumer: --name',
    seen DATETIME(6) NOT NULL COMMENT 'When it was heard of last, UTC',
    lag_seconds DOUBLE NOT NULL COMMENT 'Age of the oldest record that it has not stored, or not seen stored',
    connection BIGINT NOT NULL COMMENT 'Writes the rows, as the server counts connections; 0 if none yet',
    connected DATETIME(6) NULL COMMENT 'When that connection was entered, UTC: a server that starts again counts anew',
    version VARCHAR(64) NOT NULL COMMENT 'Of vanadium',
    PRIMARY KEY (name, member)
  ) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT='Consumers that could write, the one that does included'`]

/** Lease seconds after which a member that was not heard of is none any more. */
const silenceFactor = 3

/** Heard of lately, so that it writes, or could take over. */
export function isThere ({ seconds }: Pick<Lease, 'seconds'>, { seenSecondsAgo }: Pick<Member, 'seenSecondsAgo'>): boolean {
  return seenSecondsAgo <= seconds * silenceFactor
}

export interface Lease {
  readonly name: string
  /** Empty if nobody has it, or had it and its time is over. */
  readonly holder: string
  readonly token: number
  /** ISO 8601, by the server's clock. */
  readonly since: string
  /** Until somebody else may take it; negative when that is so. */
  readonly secondsLeft: number
  /** For so long each renewal holds. */
  readonly seconds: number
  readonly wantedBy: string
  readonly members: readonly Member[]
}

export interface Member {
  /** `<host>/<instance>/<state>`. */
  readonly member: string
  readonly host: string
  readonly instance: string
  readonly seenSecondsAgo: number
  readonly lagSeconds: number
  readonly connection: number
  readonly version: string
}

/** What the database says of a lease; null if nobody ever had it. */
export async function readLease (query: (sql: string) => Promise<ReadonlyArray<Readonly<Record<string, unknown>>>>, name: string): Promise<Lease | null> {
  try {
    const [lease] = await query(`SELECT holder, token, DATE_FORMAT(since, '%Y-%m-%dT%H:%i:%s.%fZ') AS since, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), expires) / 1e6 AS seconds_left, seconds, wanted_by
      FROM vanadium_leases WHERE name IN ${tupleOf([name])}`)
    if (lease === undefined) return null
    const members = await query(`SELECT member, host, instance, TIMESTAMPDIFF(MICROSECOND, seen, UTC_TIMESTAMP(6)) / 1e6 AS seen_seconds_ago, lag_seconds, connection, version
      FROM vanadium_lease_members WHERE name IN ${tupleOf([name])} ORDER BY member`)
    const secondsLeft = Number(lease['seconds_left'])
    return {
      name,
      holder: secondsLeft > 0 ? String(lease['holder']) : '',
      token: Number(lease['token']),
      since: String(lease['since']),
      secondsLeft,
      seconds: Number(lease['seconds']),
      wantedBy: String(lease['wanted_by']),
      members: members.map(row => ({
        member: String(row['member']),
        host: String(row['host']),
        instance: String(row['instance']),
        seenSecondsAgo: Number(row['seen_seconds_ago']),
        lagSeconds: Number(row['lag_seconds']),
        connection: Number(row['connection']),
        version: String(row['version'])
      }))
    }
  } catch (error) {
    if (numberOf(error) === noSuchTable) return null
    throw error
  }
}
