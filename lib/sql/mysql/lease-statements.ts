import { noSuchTable, numberOf } from '../errors.js'
import { leaseTables } from './lease-tables.js'
import { tupleOf } from './literals.js'
import { literal } from './schemas.js'
import type { Link } from './session.js'

/** Which lease it is about, and for whom. */
export interface Claimant {
  readonly name: string
  /** `<host>/<instance>/<state>`. */
  readonly member: string
  readonly host: string
  readonly instance: string
  /** For so long a renewal holds. */
  readonly seconds: number
  /** Of vanadium. */
  readonly version: string
}

/** A lease as one member sees it. */
export interface Seen {
  readonly holder: string
  /** Of the holder; empty if nothing is known of it. */
  readonly host: string
  readonly token: number
  /** This member may take it: nobody has it, or it is this one's own from an earlier life. */
  readonly isFree: boolean
  readonly secondsLeft: number
  readonly heldSeconds: number
  readonly holderLag: number
  readonly wantedBy: string
  /** Whoever wants it was heard of lately. */
  readonly isWanted: boolean
}

const now = 'UTC_TIMESTAMP(6)'
const lockTimeout = 1205
const noSuchThread = 1094

/** One that nobody may take before its asker has had the time to; nor one that the server's clock, set back, would keep for longer than any renewal does. */
function freeFor (member: string): string {
  return `(holder IN ${tupleOf(['', member])} OR expires <= ${now} OR expires > ${now} + INTERVAL 2 * seconds SECOND)
    AND (wanted_by IN ${tupleOf(['', member])} OR expires <= ${now} - INTERVAL seconds SECOND)`
}

/** Makes it, free, if there is none of that name. Never within a transaction. */
export async function lookAtLease (link: Link, claimant: Claimant): Promise<Seen> {
  for (;;) {
    try {
      const seen = await find(link, claimant)
      if (seen !== null) return seen
    } catch (error) {
      if (numberOf(error) !== noSuchTable) throw error
    }
    await make(link, claimant)
  }
}

async function make (link: Link, { name, seconds }: Claimant): Promise<void> {
  for (const statement of leaseTables) await link.execute(statement)
  await link.execute(`INSERT IGNORE INTO vanadium_leases (name, holder, token, since, expires, seconds) VALUES (${literal(name)}, '', 0, ${now}, ${now}, ${seconds})`)
}

async function find (link: Link, { name, member, seconds }: Claimant): Promise<Seen | null> {
  const [row] = await link.query(`SELECT lease.holder, lease.token, wanted_by, holder.host, holder.lag_seconds, ${freeFor(member)} AS is_free,
      TIMESTAMPDIFF(MICROSECOND, ${now}, expires) / 1e6 AS seconds_left, TIMESTAMPDIFF(MICROSECOND, since, ${now}) / 1e6 AS held_seconds,
      asker.seen > ${now} - INTERVAL ${seconds} SECOND AS is_wanted
    FROM vanadium_leases AS lease
    LEFT JOIN vanadium_lease_members AS holder ON holder.name = lease.name AND holder.member = lease.holder
    LEFT JOIN vanadium_lease_members AS asker ON asker.name = lease.name AND asker.member = lease.wanted_by
    WHERE lease.name = ${literal(name)}`)
  if (row === undefined) return null
  return {
    holder: String(row['holder']),
    host: String(row['host'] ?? ''),
    token: Number(row['token']),
    isFree: Number(row['is_free']) === 1,
    secondsLeft: Number(row['seconds_left']),
    heldSeconds: Number(row['held_seconds']),
    holderLag: Number(row['lag_seconds'] ?? 0),
    wantedBy: String(row['wanted_by']),
    isWanted: Number(row['is_wanted'] ?? 0) === 1
  }
}

/** False if the lease is somebody else's by now. */
export async function renewLease (link: Link, { name, member, seconds }: Claimant, token: number): Promise<boolean> {
  return await link.execute(`UPDATE vanadium_leases SET expires = ${now} + INTERVAL ${seconds} SECOND, seconds = ${seconds} WHERE ${own(name, member, token)}`) > 0
}

/**
 * The new token; `taken` if somebody was faster; `blocked` if a transaction of rows of the one before is open still, for longer than this session
 * waits for locks. From the commit on no other transaction of the one before begins.
 */
export async function takeLease (link: Link, { name, member, seconds }: Claimant): Promise<number | 'taken' | 'blocked'> {
  await link.execute('START TRANSACTION')
  try {
    const [row] = await link.query(`SELECT token, ${freeFor(member)} AS is_free FROM vanadium_leases WHERE name = ${literal(name)} FOR UPDATE`)
    if (Number(row?.['is_free']) !== 1) {
      await link.execute('ROLLBACK')
      return 'taken'
    }
    const token = Number(row?.['token']) + 1
    await link.execute(`INSERT INTO vanadium_fences (name, token, holder) VALUES ${tupleOf([name, token, member])} ON DUPLICATE KEY UPDATE token = VALUES(token), holder = VALUES(holder)`)
    // of its own, taken again after a restart, it is no new one: a member that ends again and again is not to be spared each time. Set before the holder is
    await link.execute(`UPDATE vanadium_leases SET since = IF(holder = ${literal(member)}, since, ${now}), holder = ${literal(member)}, token = ${token}, expires = ${now} + INTERVAL ${seconds} SECOND, seconds = ${seconds}, wanted_by = ''
      WHERE name = ${literal(name)}`)
    await link.execute('COMMIT')
    return token
  } catch (error) {
    if (numberOf(error) !== lockTimeout) throw error
    await link.execute('ROLLBACK')
    return 'blocked'
  }
}

export async function letGoOfLease (link: Link, { name, member }: Claimant, token: number): Promise<void> {
  await link.execute(`UPDATE vanadium_leases SET holder = '', expires = ${now} WHERE ${own(name, member, token)}`)
}

/** Of one that its holder has not had for `restSeconds` yet, nothing is asked: false. */
export async function askForLease (link: Pick<Link, 'execute'>, { name, member }: Pick<Claimant, 'name' | 'member'>, restSeconds: number): Promise<boolean> {
  return await link.execute(`UPDATE vanadium_leases SET wanted_by = ${literal(member)}
    WHERE name = ${literal(name)} AND wanted_by = '' AND holder <> ${literal(member)} AND since <= ${now} - INTERVAL ${restSeconds} SECOND`) > 0
}

/** `asker` does not want it any more, or is gone. */
export async function forgetWish (link: Pick<Link, 'execute'>, { name }: Pick<Claimant, 'name'>, asker: string): Promise<void> {
  await link.execute(`UPDATE vanadium_leases SET wanted_by = '' WHERE name = ${literal(name)} AND wanted_by = ${literal(asker)}`)
}

export async function enterMember (link: Link, { name, member, host, instance, version }: Claimant, lagSeconds: number): Promise<void> {
  await link.execute(`INSERT INTO vanadium_lease_members (name, member, host, instance, seen, lag_seconds, connection, version)
    VALUES (${texts(name, member, host, instance)}, ${now}, ${lagSeconds}, 0, ${literal(version)})
    ON DUPLICATE KEY UPDATE seen = VALUES(seen), lag_seconds = VALUES(lag_seconds), version = VALUES(version)`)
}

/** To be said of the connection that writes rows, by itself, before its first transaction: this is what a take-over ends if it has to. */
export async function enterConnection (link: Link, { name, member, host, instance, version }: Claimant): Promise<void> {
  await link.execute(`INSERT INTO vanadium_lease_members (name, member, host, instance, seen, lag_seconds, connection, connected, version)
    VALUES (${texts(name, member, host, instance)}, ${now}, 0, CONNECTION_ID(), ${now}, ${literal(version)})
    ON DUPLICATE KEY UPDATE connection = VALUES(connection), connected = VALUES(connected)`)
}

/** Within the transaction of rows, first of all: whether they may be stored. Until its end nobody takes the lease. */
export async function passFence (link: Link, { name, member }: Claimant, token: number): Promise<boolean> {
  try {
    const [row] = await link.query(`SELECT token, holder FROM vanadium_fences WHERE name = ${literal(name)} LOCK IN SHARE MODE`)
    return row !== undefined && Number(row['token']) === token && row['holder'] === member
  } catch (error) {
    if (numberOf(error) === noSuchTable) return false
    throw error
  }
}

/**
 * Ends the connection that `member` writes rows by: the server rolls back what it has not committed. Its number; null if there is none any more, or
 * the account may not see it. Connections of the same account, name and host, need no privilege.
 */
export async function endConnection (link: Link, { name }: Claimant, member: string): Promise<number | null> {
  const [uptime] = await link.query("SHOW GLOBAL STATUS LIKE 'Uptime'")
  const [row] = await link.query(`SELECT connection, DATABASE() AS here FROM vanadium_lease_members
    WHERE name = ${literal(name)} AND member = ${literal(member)} AND connection <> CONNECTION_ID() AND connected > ${now} - INTERVAL ${Number(uptime?.['Value']) + 1} SECOND`)
  if (row === undefined) return null
  const processes = await link.query('SHOW PROCESSLIST')
  if (!processes.some(({ Id, db }) => String(Id) === String(row['connection']) && db === row['here'])) return null
  try {
    await link.execute(`KILL ${Number(row['connection'])}`)
    return Number(row['connection'])
  } catch (error) {
    if (numberOf(error) === noSuchThread) return null
    throw error
  }
}

function own (name: string, member: string, token: number): string {
  return `name = ${literal(name)} AND holder = ${literal(member)} AND token = ${token}`
}

function texts (...values: string[]): string {
  return tupleOf(values).slice(1, -1)
}
