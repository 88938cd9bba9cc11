import { streamOfLine, type Stream } from './lines.js'

/** What a sink has, by stream, in the order in which it has it. */
export type Arrivals = ReadonlyMap<Stream, readonly number[]>

/** Of one sink: the numbers of the lines in question, in order. */
export interface Verdict {
  readonly arrived: number
  readonly missing: readonly number[]
  /** As often as there is one too many; also what belongs into another stream, and what was never sent. */
  readonly repeated: readonly number[]
  /** After a higher number of the same stream. */
  readonly disordered: readonly number[]
}

export function isGood ({ missing, repeated, disordered }: Verdict): boolean {
  return missing.length + repeated.length + disordered.length === 0
}

/** Compares, event by event, what a sink has with the `sent` lines 0, 1, 2 … */
export function judge (sent: number, arrivals: Arrivals): Verdict {
  const there = new Uint8Array(sent)
  const repeated: number[] = []
  const disordered: number[] = []
  let arrived = 0
  for (const [stream, numbers] of arrivals) {
    let highest = -1
    for (const number of numbers) {
      arrived++
      if (there[number] !== 0 || streamOfLine(number) !== stream) repeated.push(number)
      if (number < highest) disordered.push(number)
      there[number] = 1
      highest = Math.max(highest, number)
    }
  }
  const missing = Array.from(there.keys()).filter(number => there[number] === 0)
  return { arrived, missing, repeated, disordered }
}
