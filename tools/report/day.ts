import { ConfigError } from '../../lib/errors.js'

export const dayMs = 24 * 3600_000
export const hourMs = 3600_000

/** A day in UTC. */
export interface Day {
  /** `2014-05-21` */
  readonly name: string
  /** Milliseconds since 1970. */
  readonly fromMs: number
  readonly toMs: number
}

/** The day in which a time is, or so many days before it. */
export function dayOf (timeMs: number, daysBefore = 0): Day {
  const fromMs = (Math.floor(timeMs / dayMs) - daysBefore) * dayMs
  return { name: new Date(fromMs).toISOString().slice(0, 10), fromMs, toMs: fromMs + dayMs }
}

/** `yesterday`, `today`, or `YYYY-MM-DD`. Throws `ConfigError`: also for a day that has not begun. */
export function parseDay (option: string, text: string, nowMs: number): Day {
  if (text === 'today' || text === 'yesterday') return dayOf(nowMs, text === 'today' ? 0 : 1)
  const fromMs = Date.parse(`${text}T00:00:00Z`)
  const day = Number.isNaN(fromMs) ? undefined : dayOf(fromMs)
  if (day?.name !== text) throw new ConfigError('bad-option', `${option} "${text}": give a day in UTC as ${dayOf(nowMs, 1).name}, or today, or yesterday`)
  if (day.fromMs > nowMs) throw new ConfigError('bad-option', `${option} ${text}: that day has not begun; give ${dayOf(nowMs).name} or one before`)
  return day
}
