import { countKeys, splice } from '../../../lib/event/capsule.js'
import { RecordError } from '../../../lib/errors.js'
import { holdsUnsafeNumber, jsonOf, parseJson, stringifyJson } from '../../../lib/event/json.js'
import type { Target } from '../harness.js'
import { anyJson, mutateJson, mutateText, oddJson } from '../mutate.js'
import { seedEvents } from './seeds.js'

/** JSON with numbers that a double does not hold, keys that stand twice, and text that is put at its end. */
export const json: Target<string> = {
  name: 'json',
  async open () {
    const seeds = seedEvents()
    return await Promise.resolve({
      generate (random) {
        const value = random.oneIn(3) ? anyJson(random, 6) : mutateJson(random, random.pick(seeds))
        const text = oddJson(random, value)
        return random.oneIn(3) ? mutateText(random, text) : text
      },
      run (text: string) {
        const value = parseJson(text)
        holdsUnsafeNumber(value)
        const written = unlessTooDeep(() => stringifyJson(value))
        if (written === null) return
        if (stringifyJson(parseJson(written)) !== written) throw new Error('what was written is read as something else')
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return
        const added = unlessTooDeep(() => splice(text, countKeys(value), `,"vanadium":${jsonOf('x')}`))
        if (added === null) return
        const whole = JSON.parse(added) as Record<string, unknown>
        if (whole['vanadium'] !== 'x' || added.includes('\n')) throw new Error('what was added is not there')
      }
    })
  }
}

/** What recurses may run out of stack: its callers make a record error of that. */
function unlessTooDeep<T> (work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof RangeError) throw new RecordError('bad-json', 'nested too deeply')
    throw error
  }
}
