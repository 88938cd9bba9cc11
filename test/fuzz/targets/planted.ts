import { RecordError } from '../../../lib/errors.js'
import { referenceWork } from '../../helpers/speed.js'
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
  // 0.3 s on an idle machine
  plant('planted-slow', text => { if (text.includes('!y')) for (let times = 0; times < 50; times++) referenceWork() }),
  plant('planted-hang', text => { if (text.includes('!')) for (;;) referenceWork() }),
  plant('planted-exit', text => { if (text.includes('!')) process.exit(3) }),
  plant('planted-memory', text => { if (text.includes('!')) Buffer.alloc(400 << 20, 'x') }),
  plant('planted-growth', text => { kept.push(Array.from({ length: 2000 }, () => text + 'z')) })
]
