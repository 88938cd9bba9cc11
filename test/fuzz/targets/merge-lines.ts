import { createDigest, Identifier, identifyBytes, identifyObject, type LineKey } from '../../../tools/merge/identity.js'
import type { Target } from '../harness.js'
import { anyJson, mutateJson, mutateText, oddJson } from '../mutate.js'
import { seedEvents } from './seeds.js'

const newKey = (): LineKey => ({ timeMs: 0, a: 0, b: 0, c: 0, isJson: false })

/** Lines of log files, which are looked through for their uuid and time: as if they were parsed. */
export const mergeLines: Target<string> = {
  name: 'merge-lines',
  async open () {
    const seeds = seedEvents()
    const identifier = new Identifier()
    return await Promise.resolve({
      generate (random) {
        const text = oddJson(random, random.oneIn(3) ? anyJson(random, 6) : mutateJson(random, random.pick(seeds)))
        return random.oneIn(2) ? mutateText(random, text) : text
      },
      run (text: string) {
        const bytes = Buffer.from(text)
        const [found, expected] = [newKey(), newKey()]
        identifier.identify(bytes, 0, bytes.length, found)
        parsed(bytes, expected)
        if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`it was taken for ${JSON.stringify(found)}, and is ${JSON.stringify(expected)}`)
      }
    })
  }
}

function parsed (bytes: Buffer, key: LineKey): void {
  let value: unknown = null
  try {
    value = JSON.parse(bytes.toString())
  } catch { /* no JSON */ }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    identifyObject(value as Record<string, unknown>, bytes, key)
    return
  }
  const digest = createDigest()
  digest.update(bytes)
  identifyBytes(digest.digest(), key)
}
