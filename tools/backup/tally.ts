import type { Counts, Kept } from '../../lib/backup/report.js'

/** What of a backup is done, or would be. */
export type Kind = 'tables' | 'files'

/** A dump or a file that is made or removed. */
export interface Step {
  readonly kind: Kind
  readonly action: 'make' | 'remove'
  /** Below the staging area. */
  readonly path: string
  readonly rows: number
  readonly bytes: number
}

/** Adds up a run. */
export interface Tally {
  readonly steps: readonly Step[]
  readonly kept: readonly Kept[]
  readonly failures: readonly string[]
  add (step: Step): void
  unchanged (kind: Kind): void
  keep (path: string, rows: number): void
  fail (failure: string): void
  counts (kind: Kind): Counts
}

export function createTally (): Tally {
  const steps: Step[] = []
  const kept: Kept[] = []
  const failures: string[] = []
  const unchanged = { tables: 0, files: 0 }
  return {
    steps,
    kept,
    failures,
    add (step) { steps.push(step) },
    unchanged (kind) { unchanged[kind]++ },
    keep (path, rows) { kept.push({ path, rows }) },
    fail (failure) { failures.push(failure) },
    counts (kind) {
      const made = steps.filter(step => step.kind === kind && step.action === 'make')
      const sum = (name: 'rows' | 'bytes'): number => made.reduce((sum, step) => sum + step[name], 0)
      return {
        made: made.length,
        unchanged: unchanged[kind],
        removed: steps.filter(step => step.kind === kind && step.action === 'remove').length,
        rows: sum('rows'),
        bytes: sum('bytes')
      }
    }
  }
}
