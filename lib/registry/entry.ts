/** From where on a figure is worth a warning, and from where on an alarm. */
export interface Limits {
  readonly warning: number
  readonly critical: number
}

/** What is normal for a schema. */
export interface Thresholds {
  /** More events a second. */
  readonly over?: Limits
  /** Fewer events a second. */
  readonly under?: Limits
  /** A larger share of events that do not validate, from 0 to 1. */
  readonly invalid?: Limits
}

/** Who answers for a schema. */
export interface Owner {
  /** Null if the registry has only the address. */
  readonly name: string | null
  readonly mail: string
}

/** Which of a schema's events are kept. The same value gives the same decision on every host, and for every schema. */
export interface Sampling {
  /** Share of the events that are kept, from 0 to 1. */
  readonly rate: number
  /** Field whose value decides, so that what shares a value is kept or dropped as a whole; null: each event by itself. */
  readonly by: FieldPath | null
}

/** Of an event with its capsule: names joined by dots, as `wiki` or `event.action`. A name stands for all that is below it. */
export type FieldPath = string

/** How a value loses what it says about a person. */
export type Anonymisation =
  /** Salted hash, the salt thrown away after the run: equal values of a run stay equal. */
  | { readonly method: 'hash' }
  /** Of a string the first characters, of an integer the first digits, the others 0. */
  | { readonly method: 'truncate', readonly length: number }
  /** Of a number the lower end of its bucket: the largest multiple of `size` that is not above it. */
  | { readonly method: 'bucket', readonly size: number }

/** What is counted by day before events are purged, into `<Schema>_daily`. */
export interface Aggregation {
  /** Fields that make a row of their own for each combination of values. */
  readonly by: readonly FieldPath[]
  /** Fields of numbers: their sum and percentiles. */
  readonly of: readonly FieldPath[]
}

/** What is kept of a schema's events, and for how long. */
export interface Retention {
  /** Days for which an event is kept whole. */
  readonly days: number
  /** What is kept of it for ever. When this and `anonymise` are empty, nothing is: the event is deleted. */
  readonly keep: readonly FieldPath[]
  /** What is kept for ever, but changed. */
  readonly anonymise: ReadonlyMap<FieldPath, Anonymisation>
  readonly aggregate: Aggregation | null
  /** Why it is kept for longer than others, and until when (UTC, `YYYY-MM-DD`, inclusive); then the days of all schemas count. */
  readonly longer: { readonly reason: string, readonly until: string } | null
}

/** What is known of a schema besides its shape. */
export interface SchemaEntry {
  /** Addresses of `people`: they are told what is wrong with its events. */
  readonly owners: readonly string[]
  readonly people: readonly Owner[]
  readonly team: string | null
  readonly description: string | null
  readonly thresholds: Thresholds
  /** Null: all events are kept. */
  readonly sampling: Sampling | null
  readonly retention: Retention
  /** Events a day that are expected. */
  readonly volume: number | null
  /** Field that identifies a user, for those who opted out. */
  readonly user: FieldPath | null
}
