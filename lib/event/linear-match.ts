import { RE2JS } from 're2js'

/** Groups by number, as `[start, end)`; null where there is no match. */
export type GroupFinder = (text: string) => ((group: number) => readonly [number, number]) | null

/** Steps of the backtracking engine that are few enough: some milliseconds. */
const fewSteps = 4e6

/**
 * Up to which length a text may be tried with the backtracking engine, which is much faster as long as it does not go back: an expression
 * with so many parts whose end is not plain takes a power of the length.
 */
export function longestTried (unclearEnds: number): number {
  if (unclearEnds === 0) return Infinity
  // where such a part ends, and where the white space behind it does, can both be chosen
  const power = 2 * unclearEnds
  return (fewSteps * factorial(power)) ** (1 / power)
}

function factorial (n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1)
}

/** Finds the same as the regular expression, anchored at the start, in time linear in the text. Null for one that needs to go back. */
export function linearFinder (source: string): GroupFinder | null {
  try {
    const pattern = RE2JS.compile(RE2JS.translateRegExp(source))
    return text => {
      const matcher = pattern.matcher(text)
      return matcher.lookingAt() ? group => [matcher.start(group), matcher.end(group)] : null
    }
  } catch {
    return null
  }
}
