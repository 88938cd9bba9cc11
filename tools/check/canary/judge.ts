import type { Range } from '../range.js'
import { stateOf, type Figure, type Result } from '../result.js'
import type { ReadProblem, Sighting } from './rows.js'

/** What came of a canary. */
export interface Findings {
  /** When its row was seen; null if it was not. */
  readonly seenMs: number | null
  readonly sentMs: number
  /** As it was seen last; null if the database gave no answer in time. */
  readonly last: Sighting | ReadProblem | null
  /** Why the canary did not get in; null if it did, or if nobody says. */
  readonly sendProblem: string | null
  readonly nowMs: number
  readonly front: string
  readonly database: string
}

export interface Limits {
  readonly warning: Range | undefined
  readonly critical: Range | undefined
}

/**
 * A row that is merely late is judged by the age of the newest that is there. Where it is known that none can arrive, or none ever did,
 * that is an alarm at once; where nobody may look, nothing is known.
 */
export function judge (findings: Findings, limits: Limits): Result {
  const { seenMs, sentMs, last, nowMs, front, database } = findings
  const newestMs = seenMs !== null ? sentMs : last !== null && 'newestMs' in last ? last.newestMs : null
  const ageSeconds = newestMs === null ? null : Math.max(0, nowMs - newestMs) / 1000
  const figures = figuresOf(findings, ageSeconds, limits)
  if (seenMs !== null && ageSeconds !== null) {
    return { state: stateOf(ageSeconds, limits.warning, limits.critical), summary: `the row was there after ${seconds(seenMs - sentMs)}`, figures }
  }
  const details = [`sent to ${front}, looked for in ${database}`]
  const reasons = reasonsOf(findings)
  if (reasons.length > 0) return { state: isUnseen(findings) ? 'unknown' : 'critical', summary: reasons.join('; '), details, figures }
  const late = `no row after ${seconds(nowMs - sentMs)}`
  if (ageSeconds === null) return { state: 'critical', summary: `${late}, nor any before of this front`, details, figures }
  return { state: stateOf(ageSeconds, limits.warning, limits.critical), summary: `${late}; the newest is of ${seconds(ageSeconds * 1000)} ago`, details, figures }
}

/** Rows may well be there: nobody may look. */
function isUnseen ({ sendProblem, last }: Findings): boolean {
  return sendProblem === null && last !== null && 'kind' in last && last.kind === 'refused'
}

/** What is known to keep rows from arriving, or from being seen. */
function reasonsOf ({ sendProblem, last, sentMs, nowMs }: Findings): string[] {
  return [
    ...sendProblem === null ? [] : [`cannot send: ${sendProblem}`],
    ...last === null ? [`the database gave no answer for ${seconds(nowMs - sentMs)}`] : [],
    ...last !== null && 'kind' in last ? [`${kinds[last.kind]}: ${last.reason}`] : []
  ]
}

const kinds: Readonly<Record<ReadProblem['kind'], string>> = {
  away: 'database unreachable',
  table: 'no table of canaries yet',
  refused: 'may not read Canary_1'
}

function figuresOf ({ seenMs, sentMs }: Findings, ageSeconds: number | null, limits: Limits): Figure[] {
  return [
    ...seenMs === null ? [] : [{ label: 'latency', value: (seenMs - sentMs) / 1000, unit: 's', min: 0 } as const],
    ...ageSeconds === null ? [] : [{ label: 'age', value: ageSeconds, unit: 's', min: 0, ...limits } as const]
  ]
}

/** A tenth where that matters. */
function seconds (ms: number): string {
  return `${ms < 10_000 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`
}
