import type { Anonymisation, Retention } from './entry.js'
import type { AnonymisationInFile, RetentionInFile } from './registry-schema.js'

/** What holds at `nowMs`, where `defaultDays` do for a schema that says nothing, or whose end date has passed. */
export function retentionOf (file: RetentionInFile, defaultDays: number, nowMs: number): Retention {
  const { days = defaultDays, keep = [], anonymise = {}, aggregate, reason, until } = file
  const isOver = until !== undefined && until < new Date(nowMs).toISOString().slice(0, 10)
  return {
    days: isOver ? Math.min(days, defaultDays) : days,
    keep,
    anonymise: new Map(Object.entries(anonymise).map(([field, how]) => [field, anonymisationOf(how)])),
    aggregate: aggregate === undefined ? null : { by: [], of: [], ...aggregate },
    longer: reason === undefined || until === undefined || isOver ? null : { reason, until }
  }
}

function anonymisationOf (how: AnonymisationInFile): Anonymisation {
  if (how === 'hash') return { method: 'hash' }
  return 'truncate' in how ? { method: 'truncate', length: how.truncate } : { method: 'bucket', size: how.bucket }
}
