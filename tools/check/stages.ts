import { lastErrorKey, pulseKey, pulseMs, type LastError, type Pulse } from '../../lib/cli/pulse.js'
import { messageOf } from '../../lib/errors.js'
import { waitingKey, type Waiting } from '../../lib/stream/waiting.js'
import { openShelf, type Books, type OwnJournal } from '../ledger/books.js'
import { isUp, parsed } from '../status/daemons.js'

/** How far a subscriber is behind one journal. */
export interface Behind {
  readonly journal: string
  /** `forwarder all-events`; null if it is on another host. */
  readonly publisher: string | null
  readonly records: number
  /** How long the oldest record that it has not stored has been in the journal: what earlier stages took does not count. */
  readonly seconds: number
  /** Records a second that come into the journal; null if it cannot be known. */
  readonly inflow: number | null
}

/** A reader of journals, with what there is to say about why it is behind. */
export interface Stage {
  /** `consumer mysql`; `subscriber mysql` if no daemon of this host is known to be it. */
  readonly name: string
  readonly label: string
  readonly instance: string
  readonly behind: readonly Behind[]
  /** Null if it is not on this host, or never ran. */
  readonly up: boolean | null
  /** Records a second that it takes; null if it cannot be known. */
  readonly rate: number | null
  readonly waiting: Waiting | null
  readonly lastError: LastError | null
}

export interface Stages {
  readonly stages: readonly Stage[]
  readonly unreadable: ReadonlyArray<{ readonly instance: string, readonly reason: string }>
  /** Whether any journal is published or read here. */
  readonly hasJournals: boolean
}

/** Growth is that of so long, in milliseconds, at most. */
const windowMs = 60_000
/** A rate is old after so many pulses. */
const missedPulses = 6

/** Every reader of a journal of this host, and every daemon here that reads one of another. Throws `ConfigError` if there is no state. */
export function stagesOf (directory: string, nowMs = Date.now()): Stages {
  const unreadable: Array<{ instance: string, reason: string }> = []
  const { books: readable, close } = openShelf(directory, Infinity, Infinity, ({ instance, error }) => { unreadable.push({ instance, reason: messageOf(error) }) })
  try {
    const books = [...readable, ...unreadable.map(({ instance }) => closedBooks(instance))]
    const read = books.flatMap(publisher => publisher.journals.flatMap(journal => journal.subscribers.map(({ subscriber, next }) => {
      const reader = readerOf(subscriber, journal, publisher, books)
      const committed = Math.max(next, ...inputsOf(reader, journal).map(input => input.next))
      return { subscriber, reader, behind: behindOf(journal, publisher, committed, nowMs) }
    })))
    const known = new Set(read.flatMap(({ reader }) => reader ?? []))
    const remote = books.filter(one => !known.has(one)).flatMap(reader => fromPulse(reader, nowMs))
    const keys = [...new Set([...read, ...remote].map(({ subscriber, reader }) => nameOf(subscriber, reader)))]
    const stages = keys.map(name => {
      const of = [...read, ...remote].filter(({ subscriber, reader }) => nameOf(subscriber, reader) === name)
      const [{ subscriber, reader }] = of as [typeof of[number]]
      return stageOf(name, subscriber, reader, of.map(({ behind }) => behind), { directory, nowMs })
    })
    return { stages, unreadable, hasJournals: stages.length > 0 || books.some(({ journals }) => journals.length > 0) }
  } finally {
    close()
  }
}

/** Of a state that cannot be read at least the name is known. */
function closedBooks (state: string): Books {
  const [, daemon = '', instance = ''] = /^([a-z]+)-(.*)$/.exec(state) ?? []
  return { daemon, instance, entries: [], journals: [], inputs: [], remarks: new Map() }
}

function nameOf (subscriber: string, reader: Books | undefined): string {
  return reader === undefined ? `subscriber ${subscriber}` : `${reader.daemon} ${reader.instance}`
}

function inputsOf (reader: Books | undefined, journal: OwnJournal): Books['inputs'] {
  return reader?.inputs.filter(({ name, id }) => name === journal.name && id === journal.id) ?? []
}

/** Who reads the journal under that name; before it has read anything, the instance that is called so. */
function readerOf (subscriber: string, journal: OwnJournal, publisher: Books, shelf: readonly Books[]): Books | undefined {
  const others = shelf.filter(books => books !== publisher && books.daemon !== 'replay')
  return others.find(books => inputsOf(books, journal).some(({ as }) => as === subscriber)) ??
    others.find(({ inputs }) => inputs.some(({ name, as }) => name === journal.name && as === subscriber)) ??
    others.find(({ instance, inputs }) => instance === subscriber && inputs.length === 0)
}

function behindOf (journal: OwnJournal, publisher: Books, committed: number, nowMs: number): Behind {
  const records = Math.max(0, journal.next - committed)
  const savedMs = records === 0 ? null : journal.savedOf(committed)
  return {
    journal: journal.name,
    publisher: `${publisher.daemon} ${publisher.instance}`,
    records,
    seconds: savedMs === null ? 0 : Math.max(0, Math.round((nowMs - savedMs) / 1000)),
    inflow: savedMs === null ? null : inflowOf(journal, Math.max(savedMs, nowMs - windowMs), nowMs)
  }
}

/** All that came since a record which somebody lacks is still there. */
function inflowOf (journal: OwnJournal, sinceMs: number, nowMs: number): number | null {
  const seconds = (nowMs - sinceMs) / 1000
  return seconds < windowMs / 6000 ? null : journal.since(sinceMs).records / seconds
}

/** What the publisher on another host has answered last. While its reader is down it is not asked: it may be behind for as long. */
function fromPulse (reader: Books, nowMs: number): Array<{ subscriber: string, reader: Books, behind: Behind }> {
  const pulse = parsed<Pulse>(reader.remarks.get(pulseKey))
  if (pulse === null || pulse.lag === null) return []
  const { records, seconds } = pulse.lag
  const silentSeconds = Math.max(0, Math.round((nowMs - pulse.atMs) / 1000))
  const isOld = silentSeconds * 1000 > missedPulses * pulseMs
  return [{ subscriber: reader.instance, reader, behind: { journal: '', publisher: null, records, seconds: isOld ? seconds + silentSeconds : seconds, inflow: null } }]
}

function stageOf (name: string, subscriber: string, reader: Books | undefined, behind: readonly Behind[], { directory, nowMs }: { directory: string, nowMs: number }): Stage {
  const common = { name, label: name.replace(' ', '-'), instance: reader?.instance ?? subscriber, behind }
  if (reader === undefined) return { ...common, up: null, rate: null, waiting: null, lastError: null }
  const up = isUp(directory, reader)
  const pulse = parsed<Pulse>(reader.remarks.get(pulseKey))
  const waiting = parsed<Waiting>(reader.remarks.get(waitingKey))
  return {
    ...common,
    up,
    rate: !up ? 0 : pulse === null || nowMs - pulse.atMs > missedPulses * pulseMs ? null : pulse.rate,
    // what a run that was killed has waited for, the next one may have
    waiting: up && waiting !== null && pulse !== null && waiting.sinceMs >= pulse.startedMs ? waiting : null,
    lastError: parsed(reader.remarks.get(lastErrorKey))
  }
}

/** Whether it catches up: in how many seconds, or not, in records a second by which it falls behind. Null if that cannot be known. */
export type Trend = { readonly inSeconds: number } | { readonly fallsBehind: number } | null

export function trendOf ({ behind, rate }: Stage): Trend {
  const inflows = behind.flatMap(({ inflow }) => inflow ?? [])
  const records = behind.reduce((sum, one) => sum + one.records, 0)
  if (records === 0 || rate === null || inflows.length < behind.length) return null
  const gain = rate - inflows.reduce((sum, inflow) => sum + inflow, 0)
  return gain > 0 ? { inSeconds: Math.round(records / gain) } : { fallsBehind: -gain }
}
