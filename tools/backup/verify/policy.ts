import { eventErrorSchema } from '../../../lib/event/event-error.js'
import { dayMs, daysOfError, keepsAnything, noSchema } from '../../../lib/purge/rules.js'
import type { Rules } from '../../../lib/purge/store.js'
import { revisionOf } from '../../../lib/sql/names.js'
import { undated, type Hour } from '../../../lib/backup/manifest.js'
import { msOfHour } from './finding.js'

/**
 * What of an hour has to be there still: all of it; its events, of which the purge may have taken fields; or nothing, because it may have
 * deleted them.
 */
export type Claim = 'all' | 'events' | 'nothing'

/** Of one hour of a schema, called as its table is. `undatedMs`: when what has no time was written; of what nobody knows that, nothing has to be there. */
export type Claims = (hour: Pick<Hour, 'hour' | 'schema'>, undatedMs?: number) => Claim

/** What the policies of the registry leave at that time. An hour that is too old in part may have lost that part. */
export function claimsAt (rules: Rules, nowMs: number): Claims {
  const known = new Map<string, { readonly days: number, readonly keeps: boolean }>()
  return ({ hour, schema }, undatedMs = NaN) => {
    let policy = known.get(schema)
    if (policy === undefined) known.set(schema, policy = policyOf(schema, rules))
    if ((hour === undated ? undatedMs : msOfHour(hour)) >= nowMs - policy.days * dayMs) return 'all'
    return policy.keeps ? 'events' : 'nothing'
  }
}

/** What is of no schema, or of nobody knows which, goes as soon as anything may; so do event errors, which may be about any. */
function policyOf (table: string, rules: Rules): { days: number, keeps: boolean } {
  if (table === '-' || revisionOf(table, eventErrorSchema.name) !== null) return { days: Math.min(...[noSchema, ...rules.names].map(name => daysOfError(rules, name))), keeps: false }
  const retention = rules.of(rules.names.find(name => revisionOf(table, name) !== null) ?? noSchema)
  return { days: retention.days, keeps: keepsAnything(retention) }
}
