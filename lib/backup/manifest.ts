/** What a backup, an archive or a table has, hour by hour: two that have the same have the same events, in whatever order. */
export interface Manifest {
  /** Of this format: 1. */
  readonly version: number
  /** When it was made, ISO 8601. */
  readonly made: string
  /** Where. */
  readonly host: string
  readonly source: Source
  readonly hours: readonly Hour[]
}

export type Source = FileSource | DumpSource | SchemaSource

/** A JSON log or archive, as it is in the backup. */
export interface FileSource {
  readonly kind: 'file'
  /** Where it was found last, absolute: logrotate renames. */
  readonly path: string
  /** Of the backup. */
  readonly bytes: number
  /** Of these bytes; hex. */
  readonly sha256: string
  /** The log of which it is, as writers know it: `/var/log/vanadium/all.log`. */
  readonly log: string
  /** SHA-256 of its first line, hex: tells it from the log's other files. */
  readonly head: string
  /** The file on the host, as it was then: one that is so still is not looked into again. */
  readonly seen: string
  /** Until when, and by which policies, nothing of it has to go; empty if nobody knows. */
  readonly clean: string
}

/** A dump of what one table has of one day, and of the whole table's rows then. */
export interface DumpSource {
  readonly kind: 'dump'
  /** Of the dump, below the directory of the backup: `tables/log/NavigationTiming_5323808/2026-11-26.sql.gz`. */
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  readonly database: string
  readonly table: string
  /** `2026-11-26`, by the events' time; `undated` for what has no time. */
  readonly day: string
  /** Rows that the table had once and has no more, although they may stay: the dump and `hours` have them, too. */
  readonly kept: readonly Hour[]
  /** Which policy's fields were taken out of `kept`, as a purge would have: its fingerprint. Empty, or not there: none's. */
  readonly stripped?: string
}

/** The statement that makes a table. Its manifest has no hours. */
export interface SchemaSource {
  readonly kind: 'schema'
  readonly path: string
  readonly bytes: number
  readonly sha256: string
  readonly database: string
  readonly table: string
}

/** Events of one schema in one hour of their own time. */
export interface Hour {
  /** `2026-11-26T11`, UTC; `undated` for what has no time. */
  readonly hour: string
  /** As tables are called: `NavigationTiming_5323808`; `-` for lines that name none. */
  readonly schema: string
  readonly count: number
  /** Time of the earliest and the latest event, ISO 8601, to the second; empty without a time. */
  readonly first: string
  readonly last: string
  /** Sum of the uuids as 128-bit numbers, modulo 2^128, 32 hex digits: the same of an archive and of the table that was made of it. 0 where there are none. */
  readonly uuids: string
  /** Sum of the SHA-256 of each line, or of each row (`hours.ts`), modulo 2^256, 64 hex digits: tells whether anything in them has changed. */
  readonly content: string
}

/** The day, and the hour, of what has no time that can be told. */
export const undated = 'undated'
