import { createEffort, TooMuchEffort } from '../../../lib/event/effort.js'
import { regExpEngine } from '../../../lib/event/regexp.js'
import type { Target } from '../harness.js'
import { mutateText, nastyTexts } from '../mutate.js'
import type { Random } from '../random.js'

interface Input { readonly pattern: string, readonly text: string }

const atoms = ['a', 'b', '.', '\\d', '\\w', '\\s', '[a-z]', '[^a]', '\\pL', '\\p{Greek}', '\\P{L}', '(?:a|b)', '(a)', '(a|ab)', '()', '^', '$', '\\b', '|', '(?i)', '\u{1f600}', '[\u{10000}-\u{10ffff}]', '(?=a)', '\\1', '\\k<n>', '(?<n>a)']
/** Of a pattern: more than is taken. */
const longest = 20_000
const repeats = ['', '', '', '*', '+', '?', '*?', '{2}', '{3,}', '{1,30}', '{0,500}', '{1000}', '{1000}']

/** Regular expressions that somebody else may have written, in schemas and in `tap --where`. */
export const patterns: Target<Input> = {
  name: 'pattern',
  open: async () => await Promise.resolve({
    generate (random) {
      const made = madeUp(random, 4)
      return { pattern: random.oneIn(4) ? mutateText(random, made, atoms, longest) : made, text: pumped(random) }
    },
    run ({ pattern, text }) {
      const effort = createEffort()
      effort.begin()
      try {
        regExpEngine(effort)(pattern).test(text)
      } catch (error) {
        if (!(error instanceof TooMuchEffort)) throw error
      }
    }
  })
}

function madeUp (random: Random, depth: number): string {
  const pieces = Array.from({ length: 1 + random.int(4) }, () => {
    const inner = depth > 0 && random.oneIn(3) ? `(?:${madeUp(random, depth - 1)})` : random.pick(atoms)
    return inner + random.pick(repeats)
  })
  return pieces.join('').repeat(random.oneIn(6) ? random.size(5000) : 1).slice(0, longest)
}

function pumped (random: Random): string {
  return Array.from({ length: 1 + random.int(4) }, () => random.pick(['a', 'b', 'ab', ' ', '1', '\u{1f600}', 'é', random.pick(nastyTexts)]).repeat(random.size(10_000))).join('').slice(0, 30_000)
}
