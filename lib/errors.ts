/**
 * Every error that vanadium raises on purpose. What happens next follows from the class, never from the text:
 * a `ConfigError` ends the daemon with 78, a `StreamError` with 1, a `RecordError` costs one record and nothing else.
 * Anything that is none of these is a bug and ends the daemon with 70.
 */

export const errorCodes = [
  // the operator's mistake
  'bad-option', 'bad-uri', 'bad-format', 'bad-schema', 'bad-registry', 'bad-plugin', 'bad-credentials', 'state-in-use', 'newer-state', 'damaged-state',
  // one bad record
  'bad-encoding', 'bad-line', 'bad-json', 'bad-capsule', 'too-long', 'unknown-schema', 'refused-schema', 'invalid-event',
  'refused-by-store', 'failed-function',
  // transport
  'cannot-connect', 'connection-lost', 'cannot-bind', 'cannot-read', 'cannot-write', 'no-space', 'stopped'
] as const

export type ErrorCode = typeof errorCodes[number]

export const exitCodes = { done: 0, transport: 1, bug: 70, config: 78 } as const

interface Details {
  cause?: unknown
  [field: string]: unknown
}

/** The base of the three; `details` are logged as fields beside the message. */
export class VanadiumError extends Error {
  readonly code: ErrorCode
  readonly details: Record<string, unknown>

  constructor (code: ErrorCode, message: string, { cause, ...details }: Details = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.code = code
    this.details = details
  }
}

/** A line of a file that an operator wrote, from 1 on. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** The operator wrote something that cannot work. Names the value that came and what is allowed. Exit 78. */
export class ConfigError extends VanadiumError {
  /** The argument that it is about, as it came: an option with its dashes, or a value. Never logged: there may be a password in it. */
  subject: string | null = null
  /** Where that stands, if in a file. */
  place: Place | null = null
}

/** Does what may throw a `ConfigError`, which is then about this argument. */
export function about<T> (subject: string, look: () => T): T {
  try {
    return look()
  } catch (error) {
    if (error instanceof ConfigError) error.subject = subject
    throw error
  }
}

/** The same, of what takes its time. */
export async function aboutLater<T> (subject: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look()
  } catch (error) {
    return about(subject, () => { throw error })
  }
}

/** One record is bad. Counted and kept as an event error or a dead letter; never ends a daemon. */
export class RecordError extends VanadiumError {}

/** A transport failed and could not be brought back. Exit 1: systemd starts the daemon again. */
export class StreamError extends VanadiumError {}

/**
 * What was taken is left where it came from: somebody else stores it, and it comes again at the next start. No failure: whoever was told to
 * stop ends in order, and commits nothing more.
 */
export class LeftError extends StreamError {}

/** Shape: one of `exitCodes`. */
export function exitCodeOf (error: unknown): number {
  if (error instanceof ConfigError) return exitCodes.config
  if (error instanceof StreamError) return exitCodes.transport
  return exitCodes.bug
}

/** The message of whatever was thrown, without its stack. */
export function messageOf (thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(messageOf).join('; ')
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The `code` that Node and most libraries put on their errors (`ECONNREFUSED`, `EAGAIN`), or undefined. */
export function codeOf (thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}
