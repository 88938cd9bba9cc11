import { createHmac, randomBytes } from 'node:crypto'
import type { Anonymisation } from '../registry/entry.js'

/** Of a scalar as JSON text: the text that takes its place, the same one for a value that is anonymous already; null if there is none. */
export type Anonymise = (json: string, how: Anonymisation) => string | null

/** What a hash looks like, so that it is not hashed again by the next run, whose salt is another. */
const hashed = /^"hash:[0-9a-f]{32}"$/
const digits = /^-?\d+$/

/** With a salt that nobody knows, and that is gone with the process. */
export function createAnonymise (salt: Buffer = randomBytes(32)): Anonymise {
  return (json, how) => {
    if (json === 'null') return json
    switch (how.method) {
      case 'hash': return hashed.test(json) ? json : `"hash:${createHmac('sha256', salt).update(String(JSON.parse(json))).digest('hex').slice(0, 32)}"`
      case 'truncate': return truncated(json, how.length)
      case 'bucket': return bucketed(json, how.size)
    }
  }
}

function truncated (json: string, length: number): string | null {
  if (json.startsWith('"')) {
    const characters = [...JSON.parse(json) as string]
    return characters.length <= length ? json : JSON.stringify(characters.slice(0, length).join(''))
  }
  if (!digits.test(json)) return null
  const shown = length + (json.startsWith('-') ? 1 : 0)
  return json.slice(0, shown).padEnd(json.length, '0')
}

function bucketed (json: string, size: number): string | null {
  if (!/^[-\d]/.test(json)) return null
  if (digits.test(json) && json.length < 1000 && Number.isSafeInteger(size)) {
    const value = BigInt(json)
    const rest = value % BigInt(size)
    return rest === 0n ? json : String(value - rest - (rest < 0n ? BigInt(size) : 0n))
  }
  const value = Number(json)
  const lower = lowerEnd(value, size)
  if (!Number.isFinite(lower)) return null
  return lower === value ? json : JSON.stringify(lower)
}

/** Of a multiple itself that multiple, though a quotient of doubles may be a little less than the number that it should be. */
function lowerEnd (value: number, size: number): number {
  const n = Math.floor(value / size)
  if ((n + 1) * size <= value) return (n + 1) * size
  return n * size <= value ? n * size : (n - 1) * size
}
