import type { Capsule } from '../../lib/event/capsule.js'
import type { EventProcessor, Outcome } from '../../lib/event/processor.js'
import { identifyEvent } from '../../lib/event/identity.js'
import type { Batch } from '../../lib/stream/contracts.js'

/** Why a record is not replayed, with what a table calls it. */
export const leftOutBecause = {
  'other-time': 'outside --from and --to',
  'other-schema': 'of other schemas than --schema',
  filtered: 'dropped by the filter: or map: of the processor\'s input',
  valid: 'events that are valid already (vanadium consumer --input file://… stores them)',
  sampled: 'not among the share that the registry keeps (sampling)',
  opted_out: 'of users who opted out',
  'not-whole': 'not kept as they came (not UTF-8)'
} as const
export type LeftOutBecause = keyof typeof leftOutBecause

/** Of one schema. */
export interface SchemaTally {
  valid: number
  invalid: number
  /** Outside the range, or not wanted; what the live filters drop is not parsed, and so is of no schema. */
  leftOut: number
  /** Of the invalid ones, by reason. */
  readonly reasons: Map<string, number>
}

/** Names and reasons come from the network: so many are told apart, the rest is counted together. */
const mostSchemas = 500
const mostReasons = 100
const others = '(others)'

/** What becomes, or would become, of the records. */
export class ReplayTally {
  readonly schemas = new Map<string, SchemaTally>()
  readonly leftOut = new Map<LeftOutBecause, number>()
  /** Records that were read from the files. */
  read = 0
  /** Events that went on as they are. */
  asTheyAre = 0

  leaveOut (why: LeftOutBecause, schema: string | null = null, count = 1): void {
    if (count > 0) this.leftOut.set(why, (this.leftOut.get(why) ?? 0) + count)
    if (schema !== null) this.#of(schema).leftOut += count
  }

  /** Counts what the processor makes of lines on the way. */
  counting (events: EventProcessor): EventProcessor {
    const counted = (outcome: Outcome): Outcome => {
      if (outcome.kind !== 'unknown-schema') this.#add(outcome)
      return outcome
    }
    return {
      process: (line, mayFetch) => counted(events.process(line, mayFetch)),
      refuse: (line, reason) => counted(events.refuse(line, reason))
    }
  }

  /** Events that are not processed. */
  pass (batch: Batch): void {
    this.asTheyAre += batch.count
    for (const text of batch.lines()) this.#of(nameOf(JSON.parse(text) as Capsule)).valid++
  }

  sum (what: 'valid' | 'invalid'): number {
    let sum = 0
    for (const schema of this.schemas.values()) sum += schema[what]
    return sum
  }

  #add (outcome: Exclude<Outcome, { kind: 'unknown-schema' }>): void {
    if (outcome.kind === 'dropped') {
      this.leaveOut(outcome.why, outcome.schema)
      return
    }
    const capsule = JSON.parse(outcome.json) as Capsule
    if (outcome.kind === 'valid') {
      this.#of(nameOf(capsule)).valid++
      return
    }
    const { schema, message } = capsule['event'] as { schema: string, message: string }
    const tally = this.#of(schema)
    tally.invalid++
    const reason = tally.reasons.has(message) || tally.reasons.size < mostReasons ? message : others
    tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1)
  }

  #of (schema: string): SchemaTally {
    const known = this.schemas.get(schema)
    if (known !== undefined) return known
    if (this.schemas.size >= mostSchemas && schema !== others) return this.#of(others)
    const made = { valid: 0, invalid: 0, leftOut: 0, reasons: new Map<string, number>() }
    this.schemas.set(schema, made)
    return made
  }
}

function nameOf (event: Readonly<Capsule>): string {
  return identifyEvent(event)?.name ?? 'unknown'
}
