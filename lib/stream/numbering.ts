import { hash } from 'node:crypto'
import type { Sequence } from './state.js'

/** Gives each record of a batch its number, in order. `held`: nobody sees the numbers before the next save. */
export type Numbering = (records: readonly Buffer[], held: boolean) => number[]

/** Which numbers of a sequence are given: each `increment`th, of those that leave the same remainder as `offset`. */
export interface Steps {
  /** From 1 to `mostIncrement`. Hosts whose numbers must not meet have the same one. */
  readonly increment: number
  /** From 1 to `increment`; each of those hosts has another one. */
  readonly offset: number
}

/** So many numbers are taken for one that is given. */
export const mostIncrement = 1000

/**
 * The first of `count` numbers; each next one is `increment` higher. What is between them is taken from the sequence as well, so that none is given
 * twice, whatever the steps were before.
 */
export function takeSteps (sequence: Sequence, { increment, offset }: Steps, count: number, held = false): number {
  const start = held ? sequence.takeHeld(count * increment) : sequence.take(count * increment)
  // of so many numbers in a row exactly `count` leave that remainder
  return start + (offset + increment - start % increment) % increment
}

export function inSteps (sequence: Sequence, steps: Steps): Numbering {
  return ({ length }, held) => {
    const first = takeSteps(sequence, steps, length, held)
    return Array.from({ length }, (_, i) => first + i * steps.increment)
  }
}

/** Of how many different lines, at most, it is known that they came: twice as many, for half of the time each. */
const rememberedLines = 250_000
const rememberedMs = 5 * 60_000
const numbers = 2 ** 52

/** What a line is numbered with that came for the first time: 52 bits, the first 13 digits of its SHA-1. */
export function contentNumber (line: Buffer): number {
  return parseInt(hash('sha1', line, 'hex').slice(0, 13), 16)
}

export interface ContentOptions {
  /** Never goes back. */
  readonly nowMs?: () => number
  /** Lines, and milliseconds, after which the older half of what is remembered is forgotten. */
  readonly lines?: number
  readonly ms?: number
}

/**
 * Numbers that are made of the lines, so that each host gives the same one to the same line. A line that comes again within some minutes is
 * another event: it gets the number behind that of the last one. What came before, and a line that comes again after a restart, is taken for
 * the same event (docs/decisions/0024).
 */
export function byContent ({ nowMs = () => performance.now(), lines = rememberedLines, ms = rememberedMs }: ContentOptions = {}): Numbering {
  // how often the line with that number came
  let younger = new Map<number, number>()
  let older = new Map<number, number>()
  let since = nowMs()

  function forget (): void {
    older = younger
    younger = new Map()
    since = nowMs()
  }

  function numberOf (line: Buffer): number {
    const number = contentNumber(line)
    const before = younger.get(number) ?? older.get(number) ?? 0
    younger.set(number, before + 1)
    if (younger.size >= lines) forget()
    return (number + before) % numbers
  }

  return records => {
    const age = nowMs() - since
    if (age >= ms) forget()
    // nothing came for so long that all of it is too old
    if (age >= 2 * ms) older = new Map()
    return records.map(numberOf)
  }
}
