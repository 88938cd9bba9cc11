/** What is killed, when and how: the same for the same seed. Told in progress, not in time, so that it means the same on any machine. */

export const daemons = ['raw', 'processor', 'all', 'mysql', 'sqlite', 'file'] as const
export type DaemonName = typeof daemons[number]
export type Victim = DaemonName | 'database'

/** Whose count of records says how far the run is: of the lines that were sent, or of what a sink has. */
export const gauges = ['sent', 'mysql', 'sqlite', 'file'] as const
export type Gauge = typeof gauges[number]

/** The victims whose own count says when they are in the middle of their work. */
const ownGauge: Readonly<Partial<Record<Victim, Gauge>>> = { mysql: 'mysql', sqlite: 'sqlite', file: 'file', database: 'mysql' }

/** How far a victim comes in its next life before it is killed again: nowhere, to its first log line, until it is ready. */
const moments = ['spawned', 'speaks', 'ready'] as const
export type Moment = typeof moments[number]

export interface Strike {
  readonly gauge: Gauge
  readonly reaches: number
  /** Killed at once; all are down at the same time. */
  readonly victims: readonly Victim[]
  /** Lines that are sent before they are started again. */
  readonly linesAway: number
  /** When each is killed a second time. */
  readonly again: Moment | null
}

export interface ScheduleOptions {
  readonly seed: number
  readonly events: number
  /** Of daemons, spread over all of them; what is left over falls on those at the end of the chain. */
  readonly kills: number
  readonly databaseKills: number
}

export function makeSchedule ({ seed, events, kills, databaseKills }: ScheduleOptions): Strike[] {
  const random = randomNumbers(seed)
  const below = (end: number): number => Math.floor(random() * end)
  const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T
  const due: Victim[] = Array.from({ length: kills + databaseKills }, (_, n) => n < kills ? daemons.at(-1 - n % daemons.length) as Victim : 'database')
  for (let i = due.length - 1; i > 0; i--) swap(due, i, below(i + 1))

  /** Takes the next one out, of those that are wanted. */
  function next (isWanted: (victim: Victim) => boolean): Victim[] {
    const at = due.findIndex(isWanted)
    return at === -1 ? [] : due.splice(at, 1)
  }

  const strikes: Array<Omit<Strike, 'reaches'>> = []
  while (due.length > 0) {
    const victims = next(() => true)
    const [first = 'database'] = victims
    const kind = below(5)
    if (kind === 0) victims.push(...next(other => other !== first))
    const isStruckAgain = kind === 1 && next(other => other === first).length > 0
    strikes.push({ victims, again: isStruckAgain ? pick(moments) : null, gauge: ownGauge[first] ?? pick(gauges), linesAway: pick([0, 0, 500, 2000]) })
  }
  const apart = events / (strikes.length + 1)
  return strikes.map((strike, n) => ({ ...strike, reaches: Math.round((n + 0.5 + random()) * apart) }))
}

export function killsOf ({ victims, again }: Strike): number {
  return victims.length * (again === null ? 1 : 2)
}

function swap<T> (list: T[], i: number, j: number): void {
  [list[i], list[j]] = [list[j] as T, list[i] as T]
}

/** From 0 to below 1: mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function randomNumbers (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
