import { eventErrorSchema } from '../event/event-error.js'
import type { Anonymisation, Retention } from '../registry/entry.js'
import type { Registry } from '../registry/registry.js'
import type { Rules } from './store.js'

export const dayMs = 86_400_000

/** A policy as it stands in reports: `Retention` as plain JSON. */
export interface Policy extends Omit<Retention, 'anonymise'> {
  readonly anonymise: Readonly<Record<string, Anonymisation>>
}

export interface RulesInForce extends Rules {
  /** By schema; `*` is for those that have none of their own. */
  readonly policies: Readonly<Record<string, Policy>>
}

/** What a registry says, at one moment. */
export function rulesInForce (registry: Pick<Registry, 'names' | 'find'>, nowMs: number): RulesInForce {
  const defaults = registry.find(noSchema, nowMs).retention
  // asked for each event of a file
  const own = new Map(registry.names.map(name => [name, registry.find(name, nowMs).retention]))
  const of = (schema: string): Retention => own.get(schema) ?? defaults
  const named = registry.names.filter(name => JSON.stringify(policyOf(of(name))) !== JSON.stringify(policyOf(defaults)))
  return {
    nowMs,
    of,
    names: registry.names,
    mostDays: Math.max(defaults.days, ...named.map(name => of(name).days)),
    policies: Object.fromEntries([['*', policyOf(defaults)], ...named.map((name): [string, Policy] => [name, policyOf(of(name))])])
  }
}

/** A name that no schema can have: what holds for it are the defaults. */
export const noSchema = ''

/**
 * How many days an event error may stay, which is about that schema: as many as all, or as one of its own, whichever are fewest. Nobody
 * knows what is in it.
 */
export function daysOfError (rules: Pick<Rules, 'of'>, schema: string): number {
  return Math.min(...[noSchema, eventErrorSchema.name, schema].map(name => rules.of(name).days))
}

/** Whether something of an event stays after its time. */
export function keepsAnything ({ keep, anonymise }: Retention): boolean {
  return keep.length > 0 || anonymise.size > 0
}

function policyOf (retention: Retention): Policy {
  return { ...retention, anonymise: Object.fromEntries(retention.anonymise) }
}
