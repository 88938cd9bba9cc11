import { RecordError } from '../../../lib/errors.js'
import type { Target } from '../harness.js'

/** A target that takes texts of some length, and does what it should not. */
function plant (name: string, run: (text: string) => void): Target<string> {
  return {
    name,
    open: async () => await Promise.resolve({ generate: random => 'x'.repeat(random.int(4)) + random.pick(['', '', '!']) + 'y'.repeat(random.int(4)), run })
  }
}

const kept: string[][] = []

/** Targets with a bug of each kind, and one without any. */
export const planted: readonly Target[] = [
  plant('planted-good', text => { if (text.includes('!')) throw new RecordError('bad-line', 'no exclamations') }),
  plant('planted-crash', text => { if (text.includes('!')) throw new TypeError('no exclamations') }),
  plant('planted-slow', text => { if (text.includes('!y')) spin(130) }),
  plant('planted-hang', text => { if (text.includes('!')) spin(Infinity) }),
  plant('planted-exit', text => { if (text.includes('!')) process.exit(3) }),
  plant('planted-memory', text => { if (text.includes('!')) Buffer.alloc(400 << 20, 'x') }),
  plant('planted-growth', text => { kept.push(Array.from({ length: 2000 }, () => text + 'z')) })
]

function spin (ms: number): void {
  const start = process.cpuUsage()
  for (let spent = 0; spent < ms * 1000;) {
    const { user, system } = process.cpuUsage(start)
    spent = user + system
  }
}
