import { readFileSync } from 'node:fs'
import { list } from 'isbot'
import { parse } from 'yaml'
import { createUserAgentParser } from '../../../lib/event/user-agent.js'
import type { Target } from '../harness.js'
import { mutateText } from '../mutate.js'
import type { Random } from '../random.js'

/** User agents made of pieces of the patterns that they are matched with, each many times: what makes a backtracking engine try again and again. */
export const userAgents: Target<string> = {
  name: 'user-agent',
  async open () {
    const patterns = parse(readFileSync(new URL(import.meta.resolve('uap-core/regexes.yaml')), 'utf8')) as Record<string, Array<{ regex: string }>>
    const sources = [...Object.values(patterns).flatMap(group => group.map(({ regex }) => regex)), ...list]
    const parser = createUserAgentParser({ cacheSize: 1 })
    let others = 0
    return await Promise.resolve({
      generate: random => (random.oneIn(4) ? mutateText(random, pumped(random, sources), [], 2000) : pumped(random, sources)).slice(0, 900),
      run (userAgent) {
        try {
          parser.parse(userAgent)
        } finally {
          // what is remembered would be fast when it is tried again
          parser.parse(String(++others))
        }
      }
    })
  }
}

function pumped (random: Random, sources: readonly string[]): string {
  const source = random.pick(sources)
  const pieces = source.split(/[()|?*+{}[\]^$\\]|\\[dwsb]/).filter(piece => piece !== '')
  const fillers = ['0', '1.', ' ', ';', '/', 'a', '; ', 'A-', 'Mobile ', 'Android', '.', ') ', '_']
  return Array.from({ length: 1 + random.int(5) }, () => (random.oneIn(2) || pieces.length === 0 ? random.pick(fillers) : random.pick(pieces)).repeat(1 + random.size(800))).join('')
}
