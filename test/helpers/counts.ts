import type { Test } from 'tap'
import { openCounts, type Counts, type Failure } from '../../lib/counts/read.js'
import { openCountStore, type CountStore } from '../../lib/counts/store.js'
import { openState, type State } from '../../lib/stream/state.js'

/** The durable counts of a monitor, at whatever time it is. */
export interface TestCounts {
  readonly directory: string
  readonly state: State
  readonly store: CountStore
  readonly counts: Counts
  /** What the store takes for now. */
  setTime (ms: number): void
}

export function openTestCounts (t: Test, nowMs: number, instance = 'monitor-all', directory = t.testdir()): TestCounts {
  let now = nowMs
  const state = openState(directory, instance)
  const store = state.extend(home => openCountStore(home, () => now))
  const counts = openCounts(directory)
  t.teardown(() => {
    counts.close()
    state.close()
  })
  return { directory, state, store, counts, setTime (ms) { now = ms } }
}

export const always = [0, Number.MAX_SAFE_INTEGER] as const

export function failure (fields: Partial<Failure> = {}): Failure {
  return { schema: 'Edit', code: 'validation', pointer: '/event/x', expected: 'a string', seen: '1', count: 1, firstMs: 0, lastMs: 0, sample: '', ...fields }
}
