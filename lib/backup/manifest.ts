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

export type Source =
  /** A JSON log or archive, as it is on disk. */
  | { readonly kind: 'file', readonly path: string, readonly bytes: number, /** Of the bytes on disk; hex. */ readonly sha256: string }
  /** A dump of what one table has of one day, and of the whole table's rows then. */
  | { readonly kind: 'dump', readonly path: string, readonly bytes: number, readonly sha256: string, readonly database: string, readonly table: string, /** `2026-11-26`, by the events' time. */ readonly day: string }

/** Events of one schema in one hour of their own time. */
export interface Hour {
  /** `2026-11-26T11`, UTC. */
  readonly hour: string
  /** As tables are called: `NavigationTiming_5323808`; `-` for lines that name none. */
  readonly schema: string
  readonly count: number
  /** Time of the earliest and the latest event, ISO 8601, to the second. */
  readonly first: string
  readonly last: string
  /** Sum of the uuids as 128-bit numbers, modulo 2^128, 32 hex digits: the same of an archive and of the table that was made of it. */
  readonly uuids: string
  /** Sum of the SHA-256 of each line, or of each row as it is dumped, modulo 2^256, 64 hex digits: tells whether anything in them has changed. */
  readonly content: string
}
