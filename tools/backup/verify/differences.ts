import type { Hour } from '../../../lib/backup/manifest.js'
import type { Affected } from './finding.js'

/** An hour of a schema that is not what it was. */
export interface Difference {
  readonly hour: string
  readonly schema: string
  /** Null: nothing was there. */
  readonly was: Hour | null
  /** Null: nothing is. */
  readonly is: Hour | null
}

/** What two have of the same events, hour by hour; those that agree are left out. */
export function differencesOf (was: readonly Hour[], is: readonly Hour[]): Difference[] {
  const [before, now] = [byKey(was), byKey(is)]
  return [...new Map([...before, ...now])].flatMap(([key, { hour, schema }]) => {
    const difference = { hour, schema, was: before.get(key) ?? null, is: now.get(key) ?? null }
    return isSame(difference.was, difference.is) ? [] : [difference]
  })
}

export function keyOf ({ hour, schema }: Pick<Hour, 'hour' | 'schema'>): string {
  return `${hour} ${schema}`
}

function byKey (hours: readonly Hour[]): Map<string, Hour> {
  return new Map(hours.map(hour => [keyOf(hour), hour]))
}

export function isSame (one: Hour | null, other: Hour | null): boolean {
  return hasSameEvents(one, other) && one?.content === other?.content
}

/** Whatever their fields are. */
export function hasSameEvents (one: Hour | null, other: Hour | null): boolean {
  return one?.count === other?.count && one?.uuids === other?.uuids
}

/** How many of what was there are not there any more; null if as many are there, but others. */
export function affected ({ hour, schema, was, is }: Difference): Affected {
  const lost = (was?.count ?? 0) - (is?.count ?? 0)
  return { hour, schema, events: lost > 0 ? lost : null }
}
