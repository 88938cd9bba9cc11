import { undated, type DumpSource, type Hour, type Manifest } from '../../lib/backup/manifest.js'
import { countOf, withoutKept } from '../../lib/backup/sums.js'
import type { TableRetention } from '../../lib/backup/table-retention.js'
import type { BackupTable } from '../../lib/backup/table.js'
import type { Means } from './means.js'

/** The manifest of a dump. */
export type DumpManifest = Manifest & { readonly source: DumpSource }

export function isOfDump (manifest: Manifest | null): manifest is DumpManifest {
  return manifest?.source.kind === 'dump'
}

/** A day of a table. */
export interface Day {
  readonly day: string
  /** Of the table. */
  readonly hours: readonly Hour[]
  /** Of the dump, if there is one. */
  readonly manifest: DumpManifest | null
  /** Hours of the dump whose rows are as many as in the table, and the same, but not as they are there, although no policy has to do with it. */
  readonly changed: readonly Hour[]
}

export function dayOf (table: BackupTable, { day, hours, manifest }: Omit<Day, 'changed'>, { isDue }: TableRetention, { acceptsMissing }: Means): Day {
  const looked = acceptsMissing || manifest === null || table.style === 'whole' || day === undated ? [] : manifest.hours
  const isChanged = (old: Hour): boolean => hours.some(now => now.hour === old.hour && now.count === old.count && now.uuids === old.uuids && now.content !== old.content)
  return { day, hours, manifest, changed: looked.filter(hour => isChanged(hour) && !isDue(hour.first)) }
}

export function whatToDo (table: BackupTable, of: Day, retention: TableRetention, { acceptsMissing }: Means): 'nothing' | 'remove' | 'keep' | 'dump' {
  const { day, hours, manifest } = of
  if (retention.isOver(day)) return 'remove'
  // what has no time may not stay at all
  if (hours.length === 0 && (acceptsMissing || (table.style !== 'whole' && day === undated))) return 'remove'
  if (manifest === null) return 'dump'
  if (isUnstripped(of, manifest, retention)) return 'dump'
  if (hours.length === 0) return 'keep'
  if (manifest.source.kept.length > 0 && acceptsMissing) return 'dump'
  return isAsDumped(of, manifest) ? 'nothing' : 'dump'
}

/** Whether rows that only the dump has are older than some of their fields may be. */
function isUnstripped ({ day, hours }: Day, { source: { kept, stripped = '' }, ...manifest }: DumpManifest, { strippedBy }: TableRetention): boolean {
  const by = strippedBy(day)
  if (by === '' || (kept.length === 0 && hours.length > 0)) return false
  return stripped !== by || (hours.length === 0 && countOf(kept) !== countOf(manifest.hours))
}

function isAsDumped ({ hours, changed }: Day, { source, ...manifest }: DumpManifest): boolean {
  const isLooked = ({ hour }: Pick<Hour, 'hour'>): boolean => changed.every(one => one.hour !== hour)
  const [dumped, now] = [withoutKept(manifest.hours, source.kept).filter(isLooked), hours.filter(isLooked)]
  return dumped.length === now.length && dumped.every(one => now.some(hour => (['hour', 'schema', 'count', 'uuids', 'content'] as const).every(name => hour[name] === one[name])))
}

/** What the dump has and the table has not, or not so. */
export function keptOf ({ changed, manifest }: Day): readonly Hour[] {
  return [...changed, ...(manifest?.source.kept ?? []).filter(({ hour }) => changed.every(one => one.hour !== hour))]
}
