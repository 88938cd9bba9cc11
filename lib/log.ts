import { inspect } from 'node:util'
import winston from 'winston'

export const logLevels = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = typeof logLevels[number]

export type Fields = Record<string, unknown>

/**
 * What each level means: `error`, data was lost or an operator must act; `warn`, degraded and recovering; `info`,
 * life-cycle; `debug`, everything else, per record at most here.
 *
 * A message is a constant sentence; what varies goes into `fields`. Errors and warnings that repeat are rate-limited by
 * their message: some are written, the others counted and the count written when the window ends.
 */
export interface Log {
  error (message: string, fields?: Fields): void
  warn (message: string, fields?: Fields): void
  info (message: string, fields?: Fields): void
  debug (message: string, fields?: Fields): void
  /** For work that only a written line needs. */
  enabled (level: LogLevel): boolean
  /** Writes the counts of what was held back. */
  flush (): void
}

export interface LogOptions {
  readonly level?: LogLevel
  /** Fields of every line: daemon and instance name. */
  readonly fields?: Fields
  /** Lines of the same message that are written within one window. */
  readonly burst?: number
  readonly windowMs?: number
  /** Is told every message of level error. */
  readonly onError?: (message: string) => void
  /** Where lines go; stderr unless a test says otherwise. */
  readonly stream?: NodeJS.WritableStream
}

/** A log that writes one JSON object a line: `time`, `level`, `message`, then fields. It never throws for what a field holds. */
export function createLog ({ level: least = 'info', fields = {}, burst = 5, windowMs = 10_000, onError = () => {}, stream = process.stderr }: LogOptions = {}): Log {
  const written = new Set<LogLevel>(logLevels.slice(0, logLevels.indexOf(least) + 1))
  const logger = winston.createLogger({
    level: least,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: winston.format.printf(({ level, message, own }) => lineOf({ time: new Date().toISOString(), level, message, ...fields }, own as Fields)),
    transports: [new winston.transports.Stream({ stream })]
  })
  const limiters: RepeatLimiter[] = []

  // one object: of separate arguments winston merges `message` fields into the message, and drops all after a "%d" in it
  function write (level: LogLevel, message: string, own: Fields): void {
    logger.log({ level, message, own })
  }

  function limited (level: LogLevel): Log['error'] {
    const limiter = new RepeatLimiter(burst, windowMs, (message, count) => { write(level, message, { repeated: count, in_seconds: windowMs / 1000 }) })
    limiters.push(limiter)
    return (message, own = {}) => { if (written.has(level) && limiter.allows(message)) write(level, message, own) }
  }

  function free (level: LogLevel): Log['info'] {
    return (message, own = {}) => { if (written.has(level)) write(level, message, own) }
  }

  const error = limited('error')
  return {
    error (message, own) {
      onError(message)
      error(message, own)
    },
    warn: limited('warn'),
    info: free('info'),
    debug: free('debug'),
    enabled: level => written.has(level),
    flush: () => { for (const limiter of limiters) limiter.flush() }
  }
}

/** JSON that keeps what `JSON.stringify` drops or refuses: errors with message, code, stack and causes; big integers. */
export function toJson (value: object): string {
  return JSON.stringify(value, plain)
}

/** `head` cannot be overwritten by a field of the same name. */
function lineOf (head: Fields, fields: Fields): string {
  try {
    return toJson({ ...head, ...fields, ...head })
  } catch {
    // something circular, or with a getter that throws
    return JSON.stringify({ ...head, fields: inspect(fields) })
  }
}

function plain (_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  return {
    name,
    message,
    ...('code' in value ? { code: value.code } : {}),
    stack,
    ...(cause === undefined ? {} : { cause }),
    ...(value instanceof AggregateError ? { errors: value.errors as unknown[] } : {})
  }
}

/** Messages are constants of the code, so the map is as large as the code has messages. */
class RepeatLimiter {
  readonly #burst: number
  readonly #windowMs: number
  readonly #report: (message: string, count: number) => void
  readonly #seen = new Map<string, { count: number, timer: NodeJS.Timeout }>()

  constructor (burst: number, windowMs: number, report: (message: string, count: number) => void) {
    this.#burst = burst
    this.#windowMs = windowMs
    this.#report = report
  }

  allows (message: string): boolean {
    const seen = this.#seen.get(message)
    if (seen === undefined) {
      const timer = setTimeout(() => { this.#end(message) }, this.#windowMs)
      timer.unref()
      this.#seen.set(message, { count: 1, timer })
      return true
    }
    seen.count++
    return seen.count <= this.#burst
  }

  #end (message: string): void {
    const seen = this.#seen.get(message)
    if (seen === undefined) return
    clearTimeout(seen.timer)
    this.#seen.delete(message)
    if (seen.count > this.#burst) this.#report(message, seen.count - this.#burst)
  }

  flush (): void {
    for (const message of [...this.#seen.keys()]) this.#end(message)
  }
}
