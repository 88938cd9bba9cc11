import { eventErrorSchema } from '../event/event-error.js'
import { dayMs, daysOfError, noSchema } from '../purge/rules.js'
import type { EventTable } from '../purge/sql/event-tables.js'
import { policyOf, type TablePolicy } from '../purge/sql/policy.js'
import type { Rules } from '../purge/store.js'
import { timeOfRow, type DumpRow } from './dump-rows.js'

/** What may stay of the dumps of a table. */
export interface TableRetention {
  /** Whether nothing of a day may. */
  isOver (day: string): boolean
  /** Whether a row of a dump may not, although its day may. */
  isDue (row: DumpRow): boolean
}

/** Of a table that has no time nothing is ever too old. */
export const noRetention: TableRetention = { isOver: () => false, isDue: () => false }

export interface RetentionOptions {
  readonly rules: Rules
  /** What is older goes whatever the rules say; null for none. */
  readonly oldestDays: number | null
}

/** Of a table of events that is there. Throws `ConfigError`. */
export function retentionOfTable (table: EventTable, { rules, oldestDays }: RetentionOptions): TableRetention {
  const policy = policyOf(table, rules)
  const oldest = cutoffIn(oldestDays, rules)
  const cutoff = policy.cutoff === null ? null : timeText(policy.cutoff, table.style)
  return {
    isOver: day => endOf(day) < oldest || (policy.mode === 'delete' && cutoff !== null && endOf(day) < cutoff),
    isDue (row) {
      const time = timeOfRow(row)
      return time === null || time < oldest || (cutoff !== null && time < cutoff) || isSooner(policy, table.style, time, row)
    }
  }
}

/** Of one that is no more there: its events may not be changed any more, and go whole. */
export function retentionOfGone (name: string, { rules, oldestDays }: RetentionOptions): TableRetention {
  const schema = name.replace(/_\d+$/, '')
  const days = schema === eventErrorSchema.name ? daysOfError(rules, noSchema) : rules.of(schema).days
  const cutoff = cutoffIn(Math.min(days, oldestDays ?? Infinity), rules)
  return { isOver: day => endOf(day) < cutoff, isDue: row => (timeOfRow(row) ?? '') < cutoff }
}

function isSooner ({ sooner }: TablePolicy, style: EventTable['style'], time: string, { head, values }: DumpRow): boolean {
  return sooner.some(({ column, values: these, cutoff }) => {
    const at = head.summed.find(({ label }) => label === `${column}:`)?.at
    return at !== undefined && time < timeText(cutoff, style) && these.includes(values[at]?.toString() ?? '')
  })
}

/** The last second of it. */
function endOf (day: string): string {
  return `${day}T23:59:59Z`
}

function cutoffIn (days: number | null, { nowMs }: Rules): string {
  return days === null ? '' : new Date(Math.max(0, nowMs - days * dayMs)).toISOString().replace(/\.\d+/, '')
}

/** As a manifest has it. */
function timeText (cutoff: string, style: EventTable['style']): string {
  if (style === 'meta') return `${cutoff.replace(' ', 'T')}Z`
  const [, year = '', month = '', day = '', hour = '', minute = '', second = ''] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(cutoff) ?? []
  return `${year}-${month}-${day}T${hour}:${minute}:${second}Z`
}
