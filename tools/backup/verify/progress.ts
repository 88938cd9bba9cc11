import type { CommandContext } from '../../../lib/cli/command.js'
import { showProgress } from '../../replay/progress.js'

export interface VerifyProgress {
  /** So many bytes more are to be read. */
  expect (bytes: number): void
  /** So many more were. */
  readonly advance: (bytes: number) => void
  readonly waiting: (what: string | null) => void
  end (): void
}

/** A bar for whoever watches, of bytes; for others a line of the log now and then. */
export function startProgress ({ log }: Pick<CommandContext, 'log'>, what = 'verify'): VerifyProgress {
  const tally = { read: 0 }
  let waitsFor: string | null = null
  const shown = { what, total: 0, tally, isOfBytes: true, waitsFor: () => waitsFor, terminal: process.stderr.isTTY ? process.stderr : null, log }
  const end = showProgress(shown)
  return {
    expect (bytes) { shown.total += bytes },
    advance (bytes) { tally.read += bytes },
    waiting (what) { waitsFor = what },
    end
  }
}
