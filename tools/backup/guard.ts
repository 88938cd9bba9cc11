import { join } from 'node:path'
import { folders, backedUp } from '../../lib/backup/layout.js'
import { readManifest } from '../../lib/backup/manifest-file.js'
import type { Manifest } from '../../lib/backup/manifest.js'
import { retentionOfGone, type TableRetention } from '../../lib/backup/table-retention.js'
import { StreamError } from '../../lib/errors.js'
import type { Means } from './means.js'
import { retentionOptions } from './tables.js'

/** Of fewer files more than half may go in one night. */
const fewest = 10
const mostAheadMs = 2 * 86_400_000

/** Why neither the clock nor the registry is to be believed without another word; null if nothing is strange. What goes once is gone everywhere. */
export function refusalOf (means: Means): string | null {
  const { configuration: { to }, rules: { nowMs } } = means
  const manifests = [folders.files, folders.tables].flatMap(folder => backedUp(to, folder)).flatMap(path => readable(join(to, path)) ?? [])
  const now = new Date(nowMs).toISOString()
  const newest = manifests.reduce((latest, { made }) => made > latest ? made : latest, '')
  if (Date.parse(newest) > nowMs + mostAheadMs) return `the clock says ${now}, and the newest backup is of ${newest}: nothing is done; set the clock, or give --accept-removals`
  const retentions = new Map<string, TableRetention>()
  const options = retentionOptions(means)
  const retentionOf = (schema: string): TableRetention => {
    const retention = retentions.get(schema) ?? retentionOfGone(schema, options)
    retentions.set(schema, retention)
    return retention
  }
  const events = manifests.map(({ hours }) => hours.filter(({ schema }) => schema !== '-')).filter(hours => hours.length > 0)
  const over = events.filter(hours => hours.every(({ schema, hour }) => retentionOf(schema).isOver(hour.slice(0, 10))))
  if (events.length < fewest || over.length * 2 <= events.length) return null
  return `${over.length} of ${events.length} files of the backup would go: by the registry, oldest-days and the clock (${now}) their time is over. Nothing is done; if that is right, give --accept-removals`
}

/** What is damaged others tell. */
function readable (file: string): Manifest | null {
  try {
    return readManifest(file)
  } catch (error) {
    if (error instanceof StreamError) return null
    throw error
  }
}
