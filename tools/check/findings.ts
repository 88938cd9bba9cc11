import { byGravity, cutInside, mostCharacters, type Figure, type Result, type State } from './result.js'

/** What is to be said of one of several things that a check looks at. */
export interface Finding {
  readonly name: string
  readonly state: State
  /** Behind the name: `412, 13 of 14 points above 350`. */
  readonly text: string
  /** Of two in the same state the one with more of it is named. */
  readonly weight: number
  readonly figure?: Figure
}

/** Lines of details, and figures, at most. */
const most = 100
/** Of a name that has to be shortened. */
const fewestOfName = 16

/**
 * The worst decides, and is named; how many others are not well is said behind it. Details are a line for each of those, with `verbose`
 * for all. `allWell` is the summary when there is nothing to say of any; without it the first is named.
 */
export function resultOf (findings: readonly Finding[], { allWell, verbose }: { allWell?: string, verbose: boolean }): Result {
  const sorted = [...findings].sort((a, b) => byGravity(a.state, b.state) || b.weight - a.weight)
  const [first] = sorted
  if (first === undefined) return { state: 'ok', summary: allWell ?? 'there is nothing to look at' }
  const bad = sorted.filter(({ state }) => state !== 'ok')
  const shown = verbose ? sorted : bad.length > 1 ? bad : []
  const figures = sorted.flatMap(({ figure }) => figure === undefined ? [] : [figure]).slice(0, most)
  return {
    state: first.state,
    summary: bad.length === 0 && allWell !== undefined ? allWell : summaryOf(first, bad.length - 1),
    details: shown.slice(0, most).map(({ name, state, text }) => `${state.toUpperCase()}: ${name}: ${text}`)
      .concat(shown.length > most ? [`and ${shown.length - most} more`] : []),
    figures
  }
}

/** Names may be long; what is said of them must be read. */
function summaryOf ({ name, state, text }: Finding, others: number): string {
  const behind = `: ${text}${others > 0 ? `; ${others} other${others === 1 ? '' : 's'}` : ''}`
  const room = mostCharacters - `${state}: `.length - [...behind].length
  return `${cutInside(name, Math.max(room, fewestOfName))}${behind}`
}
