/** What there is of one host. */
export interface HostTally {
  readonly name: string
  files: number
  /** Without empty ones. */
  lines: number
  empty: number
  optedOut: number
  /** JSON objects, as dead letters. */
  withoutUuid: number
  /** No JSON objects: torn lines. */
  notJson: number
  /** Lines too long to be looked into. */
  tooLong: number
  /** Each once, however often it has it. */
  events: number
  /** Further lines of events that it has. */
  duplicates: number
  /** Events that no other host has. */
  only: number
  /** Events that it lacks, and another host has. */
  missing: number
  readonly span: Span
  /** Of the events that it lacks. */
  readonly missingSpan: Span
}

/** From the earliest to the latest time of some events, in milliseconds since the epoch; empty as long as `firstMs` is after `lastMs`. */
export interface Span {
  firstMs: number
  lastMs: number
}

export function newTally (name: string): HostTally {
  const emptySpan = (): Span => ({ firstMs: Infinity, lastMs: -Infinity })
  return { name, files: 0, lines: 0, empty: 0, optedOut: 0, withoutUuid: 0, notJson: 0, tooLong: 0, events: 0, duplicates: 0, only: 0, missing: 0, span: emptySpan(), missingSpan: emptySpan() }
}
