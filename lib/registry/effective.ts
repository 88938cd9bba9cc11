import type { Anonymisation, Owner } from './entry.js'
import type { Registry } from './registry.js'

/** What holds for schemas that have no entry; no schema is called that. */
export const allOthers = '*'

/** Keys of an entry, in the order in which they are shown. Each is an effective value of its own. */
export const effectiveKeys = [
  'owners', 'team', 'description', 'thresholds.over', 'thresholds.under', 'thresholds.invalid', 'sampling.rate', 'sampling.by', 'retention.days', 'retention.keep',
  'retention.anonymise', 'retention.aggregate', 'retention.reason', 'retention.until', 'volume', 'user'
] as const

export type EffectiveKey = typeof effectiveKeys[number]

/** What holds for a schema at a time, as text; null: nothing. */
export type Effective = Readonly<Record<EffectiveKey, string | null>>

export function effectiveOf (registry: Registry, schema: string, nowMs = Date.now()): Effective {
  const { people, team, description, thresholds, sampling, retention, volume, user } = registry.find(schema, nowMs)
  const limits = (name: 'over' | 'under' | 'invalid'): string | null => {
    const found = thresholds[name]
    return found === undefined ? null : `warning ${found.warning}, critical ${found.critical}`
  }
  return {
    owners: listed(people.map(personText)),
    team,
    description,
    'thresholds.over': limits('over'),
    'thresholds.under': limits('under'),
    'thresholds.invalid': limits('invalid'),
    'sampling.rate': String(sampling?.rate ?? 1),
    'sampling.by': sampling?.by ?? null,
    'retention.days': String(retention.days),
    'retention.keep': listed(retention.keep),
    'retention.anonymise': listed([...retention.anonymise].map(([field, how]) => `${field} (${howText(how)})`)),
    'retention.aggregate': retention.aggregate === null ? null : `by ${listed(retention.aggregate.by) ?? 'nothing'}; of ${listed(retention.aggregate.of) ?? 'nothing'}`,
    'retention.reason': retention.longer?.reason ?? null,
    'retention.until': retention.longer?.until ?? null,
    volume: volume === null ? null : String(volume),
    user
  }
}

function listed (names: readonly string[]): string | null {
  return names.length === 0 ? null : names.join(', ')
}

function personText ({ name, mail }: Owner): string {
  return name === null ? mail : `${name} <${mail}>`
}

function howText (how: Anonymisation): string {
  switch (how.method) {
    case 'hash': return 'hash'
    case 'truncate': return `truncate ${how.length}`
    case 'bucket': return `bucket ${how.size}`
  }
}
