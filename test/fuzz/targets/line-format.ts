import { compileFormat } from '../../../lib/event/line-format.js'
import { createAddressScrubber } from '../../../lib/event/scrub.js'
import type { Target } from '../harness.js'
import { mutateText, nastyTexts } from '../mutate.js'
import type { Random } from '../random.js'
import { seedLines } from './seeds.js'

interface Input { readonly format: string, readonly line: string }

const pieces = ['%q', '%j', '%t', '%D', '%h', '%u', '%l', '%n', '%o', '%{a}s', '%{b}s', '%{seqId}d', '%{userAgent}i', '%{referer}i', '%{host}s:%{port}d', '%{__proto__}s', '%{constructor}s', 'EventLogging', 'x', '\\x25', '\\t', '\t', ',']

/** Formats, with lines that nearly match them. */
export const lineFormats: Target<Input> = {
  name: 'line-format',
  async open () {
    const seeds = seedLines()
    const formats = seeds.map(({ format }) => format)
    const lines = seeds.map(({ line }) => line)
    return await Promise.resolve({
      generate (random: Random) {
        const { format, line } = random.pick(seeds)
        const own = random.oneIn(2) ? format : random.oneIn(6) ? mutateText(random, format, formats, 200) : madeUp(random)
        return { format: own, line: random.oneIn(3) ? pumped(random) : mutateText(random, line, lines) }
      },
      run ({ format, line }: Input) {
        const compiled = compileFormat(format)
        compiled.match(line)
        createAddressScrubber(compiled, () => 'hash')(line)
      }
    })
  }
}

function madeUp (random: Random): string {
  return Array.from({ length: 1 + random.int(7) }, () => random.pick(pieces)).join(random.pick([' ', ' ', '  ', '\t', ' - ']))
}

/** A line of few kinds of characters, each many times. */
function pumped (random: Random): string {
  return Array.from({ length: 1 + random.int(4) }, () => random.pick(['?', ' ', '\t', 'a', '1', 'a ', ' \t', '?a ', '2014-05-21T09:30:01 ', '1.2.3.4 ', ':', 'a:1', random.pick(nastyTexts)]).repeat(1 + random.size(20_000))).join('').slice(0, 65_536)
}
