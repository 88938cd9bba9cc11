import { ConfigError } from '../../lib/errors.js'

/** What Icinga tells of (https://icinga.com/docs/icinga-2/latest/doc/09-object-types/#notification). */
export const types = [
  'PROBLEM', 'RECOVERY', 'ACKNOWLEDGEMENT', 'CUSTOM', 'FLAPPINGSTART', 'FLAPPINGEND', 'DOWNTIMESTART', 'DOWNTIMEEND', 'DOWNTIMEREMOVED'
] as const
export type Type = typeof types[number]

/** What a mail tells of. All text may come from strangers. */
export interface Alert {
  readonly type: Type
  readonly host: string
  /** Without `vanadium-` before it: `rate`; `host` if it is the host itself. */
  readonly service: string
  /** `CRITICAL`, `DOWN` … */
  readonly state: string
  /** First line of what the plug-in said, without the state before it. */
  readonly summary: string
  readonly details: readonly string[]
  /** When the state became what it is, in milliseconds since 1970; null if that was not told. */
  readonly sinceMs: number | null
  /** When it had become what it was before. */
  readonly beforeMs: number | null
  readonly author: string
  readonly comment: string
}

export interface AlertOptions {
  readonly type: Type
  readonly host: string
  readonly service: string | undefined
  readonly 'alert-state': string
  readonly output: string
  readonly 'long-output': string
  readonly since: string | undefined
  readonly before: string | undefined
  readonly author: string
  readonly comment: string
}

/** Of what a mail shows; a plug-in may print anything. */
const mostLines = 30
const mostCharacters = 300

/** Throws `ConfigError` for times that are none. */
export function readAlert (options: AlertOptions): Alert {
  const [first = '', ...details] = `${options.output}\n${options['long-output']}`.split('\n').map(printable)
  return {
    type: options.type,
    host: printable(options.host),
    service: options.service === undefined || options.service === '' ? 'host' : printable(options.service).replace(/^vanadium-/, ''),
    state: printable(options['alert-state']),
    summary: first.replace(/^(OK|UP|WARNING|CRITICAL|UNKNOWN|DOWN)\b[ :-]*/, ''),
    details: details.filter(line => line !== '').slice(0, mostLines),
    sinceMs: readTime('--since', options.since),
    beforeMs: readTime('--before', options.before),
    author: printable(options.author),
    comment: printable(options.comment)
  }
}

/** One line, of which nothing turns the direction of writing or ends a header. */
function printable (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ').trim().slice(0, mostCharacters)
}

/** Seconds since 1970, as Icinga has them; 0 and less if it does not know. */
function readTime (option: string, text: string | undefined): number | null {
  if (text === undefined || text === '') return null
  const seconds = Number(text)
  if (!Number.isFinite(seconds)) throw new ConfigError('bad-option', `${option} "${text}": give seconds since 1970`)
  return seconds > 0 ? seconds * 1000 : null
}
