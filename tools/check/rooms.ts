import { pulseKey, pulseMs, type Pulse } from '../../lib/cli/pulse.js'
import { messageOf } from '../../lib/errors.js'
import { boundsKey, type Bounds } from '../../lib/stream/journal-bounds.js'
import { openShelf, type Books, type OwnJournal } from '../ledger/books.js'
import { isUp, parsed } from '../status/daemons.js'

/** What room a journal has. Times in milliseconds. */
export interface Room {
  readonly journal: string
  /** `forwarder all-events` */
  readonly publisher: string
  readonly bytes: number
  readonly mostBytes: number
  /** How long ago the oldest record was put in; 0 if there is none. */
  readonly oldestMs: number
  readonly mostAgeMs: number
  /** The bounds are not known, as its daemon has not run since it tells them: those that are usual. */
  readonly isAssumed: boolean
  readonly bytesPercent: number
  /** Of a journal that is kept for somebody; else 0: age takes nothing from anybody. */
  readonly agePercent: number
  readonly bytesPerSecond: number
  /** Until a bound takes records from somebody; null if none will. */
  readonly hours: number | null
  /** For whom it is kept: the subscriber that is furthest behind; null if none is worth a word. */
  readonly holder: string | null
  readonly lacks: number
  readonly heldMs: number
  /** How long the holder has said nothing. */
  readonly silentMs: number
}

export interface Rooms {
  readonly rooms: readonly Room[]
  readonly unreadable: ReadonlyArray<{ readonly instance: string, readonly reason: string }>
}

const usual: Bounds = { mostBytes: 10 * 2 ** 30, mostAgeMs: 7 * 24 * 3_600_000 }
/** Growth is that of so long at most, and of so long at least. */
const windowMs = 600_000
const leastWindowMs = 10_000
/** Whoever lacks what came before this holds nothing back yet: it is about to take it. */
const promptMs = 30_000

/** Of every journal of this host. Throws `ConfigError` if there is no state. */
export function roomsOf (directory: string, nowMs = Date.now()): Rooms {
  const unreadable: Array<{ instance: string, reason: string }> = []
  const { books, close } = openShelf(directory, Infinity, Infinity, ({ instance, error }) => { unreadable.push({ instance, reason: messageOf(error) }) })
  try {
    const rooms = books.flatMap(publisher => publisher.journals.map(journal => roomOf(journal, publisher, { shelf: books, directory, nowMs })))
    return { rooms, unreadable }
  } finally {
    close()
  }
}

interface Surroundings {
  readonly shelf: readonly Books[]
  readonly directory: string
  readonly nowMs: number
}

function roomOf (journal: OwnJournal, publisher: Books, surroundings: Surroundings): Room {
  const { nowMs } = surroundings
  const stored = parsed<Bounds>(publisher.remarks.get(boundsKey(journal.name)))
  const { mostBytes, mostAgeMs } = stored ?? usual
  const oldestSavedMs = journal.savedOf(0)
  const held = holderOf(journal, surroundings)
  const bytesPerSecond = held === null ? 0 : growthOf(journal, held, surroundings)
  return {
    journal: journal.name,
    publisher: `${publisher.daemon} ${publisher.instance}`,
    bytes: journal.bytes,
    mostBytes,
    oldestMs: oldestSavedMs === null ? 0 : Math.max(0, nowMs - oldestSavedMs),
    mostAgeMs,
    isAssumed: stored === null,
    bytesPercent: journal.bytes / mostBytes * 100,
    agePercent: held === null ? 0 : held.heldMs / mostAgeMs * 100,
    bytesPerSecond,
    hours: held === null ? null : hoursOf(bytesPerSecond > 0 ? (mostBytes - journal.bytes) / bytesPerSecond : Infinity, isMoving(held, surroundings) ? Infinity : (mostAgeMs - held.heldMs) / 1000),
    holder: held?.subscriber ?? null,
    lacks: held?.lacks ?? 0,
    heldMs: held?.heldMs ?? 0,
    silentMs: held === null ? 0 : Math.max(0, nowMs - held.heardMs)
  }
}

function hoursOf (...seconds: readonly number[]): number | null {
  const least = Math.min(...seconds)
  return Number.isFinite(least) ? Math.max(0, least) / 3600 : null
}

interface Held {
  readonly subscriber: string
  readonly reader: Books | undefined
  readonly lacks: number
  readonly heldMs: number
  readonly heardMs: number
}

/** Who is furthest behind, if far enough. */
function holderOf (journal: OwnJournal, { shelf, nowMs }: Surroundings): Held | null {
  const [last] = journal.subscribers.map(({ subscriber, next, heardMs }) => {
    const reader = shelf.find(({ inputs }) => inputs.some(({ name, id, as }) => name === journal.name && id === journal.id && as === subscriber))
    const committed = Math.max(next, ...reader?.inputs.filter(({ name, id }) => name === journal.name && id === journal.id).map(input => input.next) ?? [])
    const savedMs = committed < journal.next ? journal.savedOf(committed) : null
    return { subscriber, reader, lacks: journal.next - committed, heldMs: savedMs === null ? 0 : nowMs - savedMs, heardMs }
  }).sort((a, b) => b.lacks - a.lacks)
  return last === undefined || last.lacks <= 0 || last.heldMs < promptMs ? null : last
}

/** Bytes a second: what comes in, less what the holder takes, as far as that is known. */
function growthOf (journal: OwnJournal, held: Held, surroundings: Surroundings): number {
  const windowOfMs = Math.min(windowMs, held.heldMs)
  if (windowOfMs < leastWindowMs) return 0
  const { records, bytes } = journal.since(surroundings.nowMs - windowOfMs)
  const perRecord = records === 0 ? 0 : bytes / records
  return Math.max(0, bytes / (windowOfMs / 1000) - takenBy(held, surroundings) * perRecord)
}

/** Records a second. */
function takenBy ({ reader }: Held, { directory, nowMs }: Surroundings): number {
  if (reader === undefined || !isUp(directory, reader)) return 0
  const pulse = parsed<Pulse>(reader.remarks.get(pulseKey))
  return pulse === null || nowMs - pulse.atMs > 6 * pulseMs ? 0 : pulse.rate
}

/** Whether the oldest record will have been taken before it is too old, as far as can be told. */
function isMoving (held: Held, surroundings: Surroundings): boolean {
  return takenBy(held, surroundings) > 0
}
