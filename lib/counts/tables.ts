/** Of what time a row counts: a minute, or an hour, into which minutes are folded. */
export const minuteMs = 60_000
export const hourMs = 3600_000

/** Minutes are kept for so long at least, and until their hour is over. */
const minutesKeptMs = 3 * hourMs
/** Hours are kept for so long. */
const hoursKeptMs = 100 * 24 * hourMs

/** Samples of events, and what was seen, are kept for so long, which is how long journals keep raw lines. */
const samplesKeptMs = 7 * 24 * hourMs

/** What is before it is folded into hours. */
export function foldedBefore (nowMs: number): number {
  return Math.floor((nowMs - minutesKeptMs) / hourMs) * hourMs
}

/** What is before it is forgotten. */
export function forgottenBefore (nowMs: number): number {
  return Math.floor((nowMs - hoursKeptMs) / hourMs) * hourMs
}

/** Samples of what is before it, and what was seen, are forgotten. */
export function samplesBefore (nowMs: number): number {
  return Math.floor((nowMs - samplesKeptMs) / hourMs) * hourMs
}

/** Of a monitor's state. Times are of the start of a minute or an hour. */
export const countTables = `
  CREATE TABLE IF NOT EXISTS schema_count (
    span_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, stream TEXT NOT NULL, schema TEXT NOT NULL, valid INTEGER NOT NULL, invalid INTEGER NOT NULL,
    PRIMARY KEY (span_ms, time_ms, stream, schema)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS raw_count (
    span_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, stream TEXT NOT NULL, raw INTEGER NOT NULL,
    PRIMARY KEY (span_ms, time_ms, stream)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS failure (
    span_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, schema TEXT NOT NULL, code TEXT NOT NULL, pointer TEXT NOT NULL, expected TEXT NOT NULL,
    seen TEXT NOT NULL, count INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, sample TEXT NOT NULL,
    PRIMARY KEY (span_ms, time_ms, schema, code, pointer, expected)
  ) STRICT, WITHOUT ROWID;`
