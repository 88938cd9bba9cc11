import type Database from 'better-sqlite3'

export interface Subscriber {
  readonly subscriber: string
  /** The number that it needs next: it has committed all before. */
  readonly next: number
  /** When it said something last. */
  readonly heardMs: number
}

/** Who reads a journal, and what each has committed: in memory, and in the table as it was at the last `keep`. */
export interface Subscribers {
  has (subscriber: string): boolean
  list (): Subscriber[]
  /** What a subscriber says. A new one is in the table at once. False if there are too many to know one more. */
  report (subscriber: string, next: number, nowMs: number): boolean
  /** It is there, and has nothing new to say. */
  hear (subscriber: string, nowMs: number): void
  /**
   * Writes what was reported since the last time, that nobody needs anything before `end` any more, and that some are forgotten;
   * within a transaction of the caller's. `written`, with the same, follows when that is through.
   */
  write (end: number, forgotten: readonly string[]): void
  written (end: number, forgotten: readonly string[]): void
  /** Leaves out those whom somebody has taken out of the table (`vanadium journal forget`). Returns them. */
  refresh (): string[]
}

/** Names come from the network. */
const mostSubscribers = 1000

export function loadSubscribers (db: Database.Database, journal: string): Subscribers {
  const stored = db.prepare<[string], Subscriber>('SELECT subscriber, next, heard_ms AS heardMs FROM journal_subscriber WHERE journal = ?')
  const keep = db.prepare(`INSERT INTO journal_subscriber (journal, subscriber, next, heard_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET next = excluded.next, heard_ms = excluded.heard_ms`)
  const advance = db.prepare('UPDATE journal_subscriber SET next = ? WHERE journal = ? AND next < ?')
  const remove = db.prepare('DELETE FROM journal_subscriber WHERE journal = ? AND subscriber = ?')
  const known = new Map(stored.all(journal).map(({ subscriber, next, heardMs }) => [subscriber, { next, heardMs }]))
  /** Whose row is older than what is known. */
  const reported = new Set<string>()

  function keepOne (subscriber: string): void {
    const { next = 0, heardMs = 0 } = known.get(subscriber) ?? {}
    keep.run(journal, subscriber, next, heardMs)
  }

  return {
    has: subscriber => known.has(subscriber),
    list: () => [...known].map(([subscriber, one]) => ({ subscriber, ...one })),
    report (subscriber, next, nowMs) {
      const isNew = !known.has(subscriber)
      if (isNew && known.size >= mostSubscribers) return false
      known.set(subscriber, { next, heardMs: nowMs })
      reported.add(subscriber)
      // killed before the next pruning, the publisher must not have forgotten who needs what
      if (isNew) keepOne(subscriber)
      return true
    },
    hear (subscriber, nowMs) {
      const one = known.get(subscriber)
      if (one === undefined) return
      one.heardMs = nowMs
      reported.add(subscriber)
    },
    write (end, forgotten) {
      for (const subscriber of reported) keepOne(subscriber)
      advance.run(end, journal, end)
      for (const subscriber of forgotten) remove.run(journal, subscriber)
    },
    written (end, forgotten) {
      reported.clear()
      for (const one of known.values()) one.next = Math.max(one.next, end)
      for (const subscriber of forgotten) known.delete(subscriber)
    },
    refresh () {
      const kept = new Set(stored.all(journal).map(({ subscriber }) => subscriber))
      const gone = [...known.keys()].filter(subscriber => !kept.has(subscriber) && !reported.has(subscriber))
      for (const subscriber of gone) known.delete(subscriber)
      return gone
    }
  }
}
