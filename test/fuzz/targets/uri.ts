import { builtInReaders } from '../../../lib/readers/index.js'
import { hidePasswords, parseUri, streamOf } from '../../../lib/stream/uri.js'
import { builtInWriters } from '../../../lib/writers/index.js'
import type { Target } from '../harness.js'
import { mutateText, nastyTexts } from '../mutate.js'

/** URIs of all schemes, and what is asked about them before they are opened. */
export const uris: Target<string> = {
  name: 'uri',
  async open () {
    const readers = builtInReaders()
    const writers = builtInWriters()
    const handlers = [...readers.handlers(), ...writers.handlers()]
    const seeds = ['tcp://me:secret@[::1]:8600/a%20b?x=1#', 'map:filter:tcp://127.0.0.1:1?function=a&hwm=1', ...handlers.flatMap(({ examples }) => examples)]
    const options = handlers.flatMap(({ params }) => Object.keys(params.properties))
    return await Promise.resolve({
      generate (random) {
        const seed = random.pick(seeds)
        const option = `${random.pick(options)}=${random.pick([...nastyTexts, 'true', '1', 'x'])}`
        const text = random.oneIn(2) ? `${seed}${seed.includes('?') ? '&' : '?'}${option}` : seed
        return random.oneIn(4) ? text : mutateText(random, text, seeds, random.oneIn(20) ? 65_536 : 2000)
      },
      run (text) {
        hidePasswords(text)
        const problems: unknown[] = []
        for (const work of [() => parseUri(text), () => streamOf(text), () => readers.check(text), () => writers.check(text)]) {
          try {
            work()
          } catch (error) {
            problems.push(error)
          }
        }
        const bug = problems.find(problem => !(problem instanceof Error && problem.name === 'ConfigError'))
        if (bug !== undefined) throw bug
      }
    })
  }
}
