import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { codeOf } from '../../lib/errors.js'
import type { State } from '../../lib/stream/state.js'
import type { Link } from './report.js'
import { sha256 } from './signing.js'

/** What a report has to say of those before it. */
export interface Before {
  readonly previous: Link | null
  /** When runs began, since then, that were killed or could not write their report: what they did is in none. */
  readonly unreported: readonly string[]
}

interface Chain extends Before {
  /** The run that has not ended, and where its report is to be. */
  readonly begun: { readonly started: string, readonly report: string } | null
}

/** Under it a state has its `Chain`: one value, so that it is never half of one. */
const chainKey = 'purge-reports'

/** Notes that a run has begun, durably: a run of which there is never a report is one that the next report tells of. */
export function beginReport (state: Pick<State, 'position' | 'note'>, started: string, report: string): Before {
  const before = beforeNow(JSON.parse(state.position(chainKey) ?? '{"previous":null,"unreported":[],"begun":null}') as Chain)
  state.note(chainKey, JSON.stringify({ ...before, begun: { started, report } } satisfies Chain))
  return before
}

/** Notes that it has ended, with this report. */
export function endReport (state: Pick<State, 'note'>, written: Link): void {
  state.note(chainKey, JSON.stringify({ previous: written, unreported: [], begun: null } satisfies Chain))
}

/** A report that is there is whole: its run was killed just after. */
function beforeNow ({ previous, unreported, begun }: Chain): Before {
  if (begun === null) return { previous, unreported }
  try {
    return { previous: { file: basename(begun.report), sha256: sha256(readFileSync(begun.report)) }, unreported: [] }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    return { previous, unreported: [...unreported, begun.started] }
  }
}
