import type { Fate, LedgerEntry, Side } from '../../lib/stream/ledger.js'
import { unclassifiedKey } from '../../lib/stream/batch.js'
import type { Books, OwnJournal, ReadJournal } from './books.js'

/** Where what went in is not what came out. */
export interface Imbalance {
  /** Milliseconds since 1970. */
  readonly minute: number
  readonly schema: string
  /** Between what: `processor client-side, to valid`, `valid, from processor client-side to consumer mysql`. */
  readonly where: string
  readonly in: number
  readonly out: number
}

/** Records by minute and schema. */
class Sums {
  readonly #sums = new Map<string, { minute: number, schema: string, count: number }>()

  add (minute: number, schema: string, count: number): this {
    const key = `${minute} ${schema}`
    const there = this.#sums.get(key)
    if (there === undefined) this.#sums.set(key, { minute, schema, count })
    else there.count += count
    return this
  }

  get (minute: number, schema: string): number {
    return this.#sums.get(`${minute} ${schema}`)?.count ?? 0
  }

  list (): Array<{ minute: number, schema: string, count: number }> {
    return [...this.#sums.values()]
  }
}

/** What an entry is compared as. */
type Naming = (schema: string) => string

const byName: Naming = schema => schema
/** A sink counts event errors as the rows of their one table. */
const withoutFault: Naming = schema => schema.replace(/:.*/s, '')
/** Where it is not known what records are, only how many they are can be compared. */
const together: Naming = () => 'all'

/** Every minute and schema in which something is missing, or is there too often; oldest first. */
export function imbalances (shelf: readonly Books[]): Imbalance[] {
  const found = [...shelf.flatMap(withinDaemon), ...shelf.flatMap(publisher => publisher.journals.flatMap(journal => betweenDaemons(publisher, journal, shelf)))]
  return found.sort((a, b) => a.minute - b.minute || a.schema.localeCompare(b.schema))
}

export function nameOf ({ daemon, instance }: Books): string {
  return `${daemon} ${instance}`
}

function withinDaemon (books: Books): Imbalance[] {
  const { entries } = books
  const made = entries.filter(({ side }) => side === 'made')
  const streams = [...new Set(entries.filter(({ side }) => side === 'output').map(({ stream }) => stream))]
  const taken = sumsOf(entries, 'input', { taken: 1, filtered: -1 })
  const all = (sums: Sums): Sums => renamed(sums, together)
  return [
    ...(made.length === 0 ? [] : compare(all(taken), all(sumsOf(made, 'made', { passed: 1, sampled: 1, opted_out: 1 })), nameOf(books), everyMinute)),
    ...streams.flatMap(stream => {
      const out = entries.filter(entry => entry.side === 'output' && entry.stream === stream)
      const given = made.length === 0 ? taken : carriedBy(out, sumsOf(made, 'made', { passed: 1 }))
      const naming = namingFor(given, out)
      const got = sumsOf(out, 'output', { passed: 1, filtered: 1, dead_letter: 1, duplicate: 1 })
      return compare(renamed(given, naming), renamed(got, naming), `${nameOf(books)}, to ${stream}`, minutesOf(out, entries))
    })
  ]
}

/** Of what a processor made an output gets the valid events, the event errors, or both. */
function carriedBy (out: readonly LedgerEntry[], made: Sums): Sums {
  const kinds = new Set(out.map(({ schema }) => isError(schema)))
  const sums = new Sums()
  for (const { minute, schema, count } of made.list()) if (kinds.has(isError(schema))) sums.add(minute, schema, count)
  return sums
}

function isError (schema: string): boolean {
  return schema === 'EventError' || schema.startsWith('EventError:')
}

function namingFor (given: Sums, out: readonly LedgerEntry[]): Naming {
  const schemas = [...given.list(), ...out].map(({ schema }) => schema)
  if (schemas.includes(unclassifiedKey)) return together
  return schemas.includes('EventError') ? withoutFault : byName
}

const everyMinute = (): boolean => true

/** An output that was added or taken away is not asked for what was before or after. */
function minutesOf (out: readonly LedgerEntry[], entries: readonly LedgerEntry[]): (minute: number) => boolean {
  const first = Math.min(...out.map(({ minute }) => minute))
  const last = Math.max(...out.map(({ minute }) => minute))
  const end = Math.max(...entries.map(({ minute }) => minute))
  // silent for longer than this, it is taken for one that is not there any more
  const silentMs = 3600_000
  return minute => minute >= first && (minute <= last || end - last < silentMs)
}

function betweenDaemons (publisher: Books, journal: OwnJournal, shelf: readonly Books[]): Imbalance[] {
  const published = sumsOf(publisher.entries.filter(({ stream }) => stream === journal.name), 'output', { passed: 1 })
  return shelf.flatMap(subscriber => subscriber.inputs
    .filter(input => input.name === journal.name && input.id === journal.id)
    .flatMap(input => compare(published, arrived(subscriber, journal, input), `${journal.name}, from ${nameOf(publisher)} to ${nameOf(subscriber)}`, minute => minute > input.beganMs)))
}

/** What a subscriber has taken, and what still waits for it. */
function arrived (subscriber: Books, journal: OwnJournal, { next }: ReadJournal): Sums {
  const sums = sumsOf(subscriber.entries.filter(({ stream }) => stream === journal.name), 'input', { taken: 1 })
  for (const { minute, schema, count } of journal.waiting(next)) sums.add(minute, schema, count)
  return sums
}

function sumsOf (entries: readonly LedgerEntry[], side: Side, factors: Partial<Record<Fate, number>>): Sums {
  const sums = new Sums()
  for (const entry of entries) {
    const factor = entry.side === side ? factors[entry.fate] : undefined
    if (factor !== undefined) sums.add(entry.minute, entry.schema, entry.count * factor)
  }
  return sums
}

function renamed (sums: Sums, naming: Naming): Sums {
  const result = new Sums()
  for (const { minute, schema, count } of sums.list()) result.add(minute, naming(schema), count)
  return result
}

function compare (given: Sums, got: Sums, where: string, isAsked: (minute: number) => boolean): Imbalance[] {
  const keys = new Map([...given.list(), ...got.list()].map(({ minute, schema }) => [`${minute} ${schema}`, { minute, schema }]))
  return [...keys.values()]
    .filter(({ minute }) => isAsked(minute))
    .map(({ minute, schema }) => ({ minute, schema, where, in: given.get(minute, schema), out: got.get(minute, schema) }))
    .filter(entry => entry.in !== entry.out)
}
