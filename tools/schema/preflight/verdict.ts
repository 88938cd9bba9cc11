import { isDeepStrictEqual } from 'node:util'
import type { ConfigError } from '../../../lib/errors.js'
import { capsuleName } from '../../../lib/event/schema-repository.js'
import { isRefused, type RefusedSchema, type Schema } from '../../../lib/event/schemas.js'
import type { TablePlan } from '../../../lib/sql/columns.js'
import { growthOf, tableOf } from '../tables.js'
import type { Sightings } from './sightings.js'

interface Common {
  /** Revisions of the same name that are published, by number. */
  readonly known: ReadonlyArray<Schema | RefusedSchema>
}

/** What is to be expected of a revision. */
export type Outlook =
  | Common & { readonly proposed: Schema | RefusedSchema, readonly refused: string }
  | Common & Good

export interface Good extends Common {
  readonly proposed: Schema
  readonly refused: null
  readonly sightings: Sightings
  /** Null for the capsule, which has none. */
  readonly table: TablePlan | null
  /** Null if no event passes. */
  readonly bytesOfRow: number | null
}

/** What would break, in a sentence each, the worst first; empty if it can be published. `limit` is the share of events that may fail. */
export function findingsOf (outlook: Outlook, limit: number): string[] {
  const { proposed: { name, revision }, known } = outlook
  if (outlook.refused !== null) return [`${name}/${revision} cannot be used: ${outlook.refused}`]
  return [republished(outlook), unnamed(outlook, limit), failing(outlook, limit)].filter(finding => finding !== null).map(finding => finding.replaceAll('NEXT', `${name}/${nextOf(known)}`))
}

/** The number that nobody has used yet. */
export function nextOf (known: Common['known']): number {
  return Math.max(0, ...known.map(({ revision }) => revision)) + 1
}

/** A revision of that number which is published and says something else. */
export function publishedOther ({ proposed, known }: Good): Schema | null {
  const published = known.find(({ revision }) => revision === proposed.revision)
  if (published === undefined || isRefused(published)) return null
  return isDeepStrictEqual(published.definition, proposed.definition) ? null : published
}

/** The revision that the proposed one follows, or would replace. */
export function predecessorOf ({ proposed, known }: Good): Schema | null {
  return publishedOther({ proposed, known } as Good) ?? known.filter((schema): schema is Schema => !isRefused(schema) && schema.revision < proposed.revision).at(-1) ?? null
}

function republished (outlook: Good): string | null {
  const { proposed: { name, revision }, table, sightings: { seen, changed: { mended } } } = outlook
  const published = publishedOther(outlook)
  if (published === null) return null
  const before: TablePlan | ConfigError = tableOf(published)
  const missing = table === null || !('columns' in before) ? [] : growthOf(before, table).missing
  const grows = missing.length === 0 ? '' : ` Table ${table?.name ?? ''} would have to gain ${missing.map(column => column.name).join(', ')} while events flow.`
  const early = mended === 0 ? '' : ` ${mended} of ${seen} events are sent as if it were in force, and are refused until it is.`
  return `${name}/${revision} is published already, and says something else: two daemons that do not have the same copy do not take the same events.${grows}${early} Publish it as NEXT`
}

function unnamed ({ sightings, proposed }: Good, limit: number): string | null {
  const { unnamed, looked, unnamedButAlike } = sightings
  if (looked === 0 || unnamed / looked <= limit) return null
  const alike = unnamedButAlike === 0 ? '' : ` ${unnamedButAlike === unnamed ? 'All of them' : `${unnamedButAlike} of them`} would be valid events of ${proposed.name}/${proposed.revision} if they named it: the client leaves the name out.`
  return `${share(unnamed, looked)} of all events (${unnamed} of ${looked}) do not say of which schema they are, more than ${percent(limit)}: all of them become EventErrors, whatever the schema says.${alike}`
}

function failing ({ sightings, proposed }: Good, limit: number): string | null {
  const { seen, passes, changed } = sightings
  if (seen === 0 || (seen - passes.proposed) / seen <= limit) return null
  const today = passes.today === seen ? 'all of them pass today' : `${share(passes.today, seen)} pass today`
  const broken = changed.broken === 0 ? 'none that passes today would fail' : `${changed.broken} that pass today would fail`
  return `${share(seen - passes.proposed, seen)} of the events of ${proposed.name === capsuleName ? 'all schemas' : proposed.name} (${seen - passes.proposed} of ${seen}) would not validate, more than ${percent(limit)}; ${today}, ${broken}`
}

export function share (part: number, whole: number): string {
  return percent(part / whole)
}

/** `7 %`, `0.3 %`; never 0 or 100 for what is near it. */
export function percent (fraction: number): string {
  const value = fraction * 100
  if (value === 0 || value === 100) return `${value} %`
  if (value < 1) return `${Math.max(0.01, Number(value.toPrecision(1)))} %`
  return value > 99 ? `${Math.min(99.99, Number(value.toFixed(2)))} %` : `${Number(value.toFixed(1))} %`
}
