import { RE2JS } from 're2js'

/** Groups by number, as `[start, end)`; null where there is no match. */
export type GroupFinder = (text: string) => ((group: number) => readonly [number, number]) | null

/** Steps of the backtracking engine that are few enough: some milliseconds. */
const fewSteps = 4e7

/** With more, nothing is short enough. */
const mostChoices = 20

/**
 * Up to which length a text may be tried with the backtracking engine, which is much faster as long as it does not go back. `choices` are
 * places that an expression can put anywhere: it takes that power of the length.
 */
export function longestTried (choices: number): number {
  if (choices > mostChoices) return 0
  return choices === 0 ? Infinity : (fewSteps * factorial(choices)) ** (1 / choices)
}

function factorial (n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1)
}

/** Of expressions of the operator's own, and of white space beside white space. What is repeated in something repeated takes more than any power. */
export function choicesInText (text: string): number {
  if (/\)[*+{]/.test(text)) return Infinity
  return 2 * (text.match(/(?<!\\)[*+?{|(]| \t|\t /g)?.length ?? 0)
}

/** Finds the same as the regular expression, anchored at the start, in time linear in the text. Null for one that needs to go back. */
export function linearFinder (source: string): GroupFinder | null {
  try {
    const pattern = RE2JS.compile(RE2JS.translateRegExp(`^(?:${source})`))
    // whoever asks whether a line matches asks soon where its parts are
    let last: { readonly text: string, readonly found: ReturnType<GroupFinder> } | undefined
    return text => {
      if (text !== last?.text) last = { text, found: find(pattern, text) }
      return last.found
    }
  } catch {
    return null
  }
}

function find (pattern: RE2JS, text: string): ReturnType<GroupFinder> {
  // whether there is a match is found out several times as fast as where
  if (!pattern.test(text)) return null
  const matcher = pattern.matcher(text)
  return matcher.lookingAt() ? group => [matcher.start(group), matcher.end(group)] : null
}
