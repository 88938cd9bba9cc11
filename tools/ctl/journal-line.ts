/** An entry of the journal, as far as it is of interest. */
export interface JournalLine {
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** Of the unit that it is about. */
  readonly unit: string
  readonly level: string
  readonly message: string
  /** The line as a daemon wrote it; null for what systemd says of it. */
  readonly written: string | null
  /** What a daemon logged besides, without what is told already. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** Priorities of syslog. */
const levels = ['error', 'error', 'error', 'error', 'warn', 'info', 'info', 'debug']
const told = ['time', 'level', 'message', 'daemon', 'name']

/** Of what `journalctl --output=json` prints; null for what is not that. */
export function parseJournalLine (text: string): JournalLine | null {
  const entry = objectIn(text)
  if (entry === null) return null
  const own = textOf(entry['MESSAGE'])
  const unit = String(entry['UNIT'] ?? entry['_SYSTEMD_UNIT'] ?? '')
  const atMs = Number(entry['__REALTIME_TIMESTAMP']) / 1000
  const logged = own.startsWith('{') ? objectIn(own) : null
  if (logged === null || typeof logged['message'] !== 'string') return { atMs, unit, level: levels[Number(entry['PRIORITY'])] ?? 'info', message: own, written: null, fields: {} }
  const fields = Object.fromEntries(Object.entries(logged).filter(([name]) => !told.includes(name)))
  return { atMs, unit, level: String(logged['level']), message: logged['message'], written: own, fields }
}

function objectIn (text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : null
  } catch {
    return null
  }
}

/** What is no UTF-8 comes as a list of bytes; what is too long as null. */
function textOf (message: unknown): string {
  if (typeof message === 'string') return message
  return Array.isArray(message) ? Buffer.from(message as number[]).toString() : '(a message that is too long)'
}
