import { createHash } from 'node:crypto'
import { eventErrorSchema } from '../../lib/event/event-error.js'
import type { Hour } from '../../lib/backup/manifest.js'
import { dayMs, daysOfError, keepsAnything, noSchema, type RulesInForce } from '../../lib/purge/rules.js'
import { tableName } from '../../lib/sql/names.js'

/** How long what a file has may stay in it as it is. */
export interface LineRetention {
  /** Tells these policies from others. */
  readonly fingerprint: string
  /** Days for lines of a schema, as manifests call it: at most so many, where more than one number may hold. */
  daysOf (schema: string): number
  /** Whether nothing of an hour should have changed yet: at none of its lines a purge has been; `fileMs`: when what has no time was written. */
  isYoung (hour: Hour, fileMs: number): boolean
  /** Milliseconds since 1970 until which nothing of a file has to go; `fileMs`: when what has no time was written. */
  dueMs (hours: readonly Hour[], fileMs: number): number
  /** Whether all of a file has to go, whatever it is. */
  isOver (hours: readonly Hour[], fileMs: number): boolean
}

export function lineRetention (rules: RulesInForce, oldestDays: number | null): LineRetention {
  // what is no event, or stands for one that is invalid, may be about any schema
  const least = Math.min(...['', ...rules.names].map(name => Math.min(daysOfError(rules, name), rules.of(name).days)))
  const [own, longest] = [new Map<string, number>(), new Map<string, number>()]
  const keeping = new Set<string>()
  for (const name of rules.names) {
    const plain = plainName(tableName(name, 1))
    const retention = rules.of(name)
    own.set(plain, Math.min(own.get(plain) ?? Infinity, retention.days))
    longest.set(plain, Math.max(longest.get(plain) ?? 0, retention.days))
    if (keepsAnything(retention)) keeping.add(plain)
  }
  const keepsSome = [noSchema, ...rules.names].some(name => keepsAnything(rules.of(name)))
  const mostDays = Math.min(keepsSome ? Infinity : rules.mostDays, oldestDays ?? Infinity)

  function daysOf (schema: string): number {
    const name = plainName(schema)
    return schema === '-' || name === eventErrorSchema.name ? least : own.get(name) ?? rules.of(noSchema).days
  }

  /** No line may be there for longer than that. */
  function longestDaysOf (schema: string): number {
    if (schema === '-' || plainName(schema) === eventErrorSchema.name) return rules.of(noSchema).days
    return keeping.has(plainName(schema)) ? Infinity : longest.get(plainName(schema)) ?? (keepsAnything(rules.of(noSchema)) ? Infinity : rules.of(noSchema).days)
  }

  function isHourOver ({ schema, last }: Hour, fileMs: number): boolean {
    const lastMs = Math.min(last === '' ? fileMs : Date.parse(last), fileMs)
    return lastMs < rules.nowMs - Math.min(longestDaysOf(schema), oldestDays ?? Infinity) * dayMs
  }

  return {
    fingerprint: createHash('sha256').update(JSON.stringify([rules.policies, oldestDays])).digest('hex').slice(0, 16),
    daysOf,
    isYoung: ({ schema, first }, fileMs) => Math.min(first === '' ? fileMs : Date.parse(first), fileMs) >= rules.nowMs - daysOf(schema) * dayMs,
    dueMs: (hours, fileMs) => Math.min(Infinity, ...hours.map(({ schema, first }) => Math.min(first === '' ? fileMs : Date.parse(first), fileMs) + daysOf(schema) * dayMs)),
    isOver: (hours, fileMs) => hours.length === 0 ? fileMs < rules.nowMs - mostDays * dayMs : hours.every(hour => isHourOver(hour, fileMs))
  }
}

/** Of schemas whose names differ in what tables cannot be called, it is the same. */
function plainName (table: string): string {
  return table.replace(/_\d+$/, '')
}
