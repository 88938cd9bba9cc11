import type { Range } from './range.js'

/** What a plug-in may find, with its exit code. */
export const states = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const
export type State = keyof typeof states

/** A figure for graphs. */
export interface Figure {
  readonly label: string
  readonly value: number
  /** `s`, `%`, `B`, `c` for a counter; none for a mere number. */
  readonly unit?: 's' | '%' | 'B' | 'c'
  readonly warning?: Range | undefined
  readonly critical?: Range | undefined
  readonly min?: number
  readonly max?: number
}

export interface Result {
  readonly state: State
  /** What is wrong, or that nothing is, in a few words: with the state before it it must fit 80 characters. */
  readonly summary: string
  /** More lines, shown at once. */
  readonly details?: readonly string[]
  readonly figures?: readonly Figure[]
}

/** The worst of several, for which unknown is worse than a warning and less than an alarm: an alarm is known for sure. */
const gravity: readonly State[] = ['ok', 'warning', 'unknown', 'critical']

export function worst (found: Iterable<State>): State {
  return [...found].reduce<State>((one, other) => byGravity(one, other) > 0 ? other : one, 'ok')
}

/** For sorting, the worst first. */
export function byGravity (one: State, other: State): number {
  return gravity.indexOf(other) - gravity.indexOf(one)
}

/** The state of a figure. */
export function stateOf (value: number, warning: Range | undefined, critical: Range | undefined): State {
  if (critical?.isAlert(value) === true) return 'critical'
  return warning?.isAlert(value) === true ? 'warning' : 'ok'
}

/** Of the first line. */
export const mostCharacters = 79

/**
 * What a plug-in prints (https://www.monitoring-plugins.org/doc/guidelines.html#PLUGOUTPUT): a line of less than 80 characters, a
 * bar, performance data, then details. Bars and what is not printable are replaced: names come from strangers.
 */
export function resultText ({ state, summary, details = [], figures = [] }: Result): string {
  const line = printable(`${state.toUpperCase()}: ${summary}`)
  const first = cut(line, mostCharacters)
  const performance = figures.map(figureText).join(' ')
  const whole = first === line ? [] : [line]
  return [`${first}${performance === '' ? '' : ` | ${performance}`}`, ...[...whole, ...details].map(printable)].join('\n') + '\n'
}

/** At most so many characters, of which the last says that some are missing. */
export function cut (text: string, most: number): string {
  const characters = [...text]
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : text
}

/** The same, with what is missing in the middle: names differ at their ends. */
export function cutInside (text: string, most: number): string {
  const characters = [...text]
  if (characters.length <= most) return text
  const start = Math.floor((most - 1) / 2)
  return `${characters.slice(0, start).join('')}…${characters.slice(characters.length - (most - 1 - start)).join('')}`
}

/** Nothing that ends a line, begins performance data, or turns the direction of writing: format characters may. */
function printable (text: string): string {
  return text.replace(/\|/g, '¦').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ')
}

function figureText ({ label, value, unit, warning, critical, min, max }: Figure): string {
  const name = /^[A-Za-z0-9_./-]+$/.test(label) ? label : `'${printable(label).replace(/^$|['=\\]/g, '_')}'`
  const parts = [`${name}=${number(value)}${Number.isFinite(value) ? unit ?? '' : ''}`, warning?.text, critical?.text, limit(min), limit(max)].map(part => part ?? '')
  return parts.join(';').replace(/;+$/, '')
}

/** A figure for people: three digits that say something. */
export function short (value: number): string {
  if (!Number.isFinite(value)) return 'infinite'
  return Math.abs(value) >= 100 ? number(Math.round(value)) : number(Number(value.toPrecision(3)))
}

/** Six digits do; never in exponents, which not all that read it understand. */
function number (value: number): string {
  if (!Number.isFinite(value)) return 'U'
  if (Number.isInteger(value)) return String(BigInt(value))
  return value.toFixed(6).replace(/\.?0+$/, '').replace(/^-0$/, '0')
}

function limit (value: number | undefined): string | undefined {
  return value === undefined ? undefined : number(value)
}
