import { join } from 'node:path'
import { geteuid } from 'node:process'
import { destinationName, type Destination } from '../../lib/backup/configuration.js'
import { manifestName } from '../../lib/backup/manifest-file.js'
import type { Delivery } from '../../lib/backup/report.js'
import { isSound } from './intact.js'
import type { Means } from './means.js'
import { patternOf, placeOf, rsync, type Sent } from './rsync.js'

/** Sends the staging area to each destination, one after the other, but what is damaged in it. One that fails does not keep the others. */
export async function deliver (means: Means): Promise<Delivery[]> {
  const { configuration: { destinations }, removals, stop, log, show } = means
  const deliveries: Delivery[] = []
  const damaged = await damagedIn(means)
  for (const destination of destinations) {
    if (stop.aborted) break
    const name = destinationName(destination)
    show(`sending to ${name}`)
    const startMs = performance.now()
    const { failure, files } = await send(destination, damaged, means)
    if (failure === null) removals.confirm(name)
    else log.error('a destination has no backup of today', { destination: name, reason: failure })
    deliveries.push({ name, failure, files, seconds: Math.round((performance.now() - startMs) / 100) / 10 })
  }
  return deliveries
}

/** What was found to be damaged and was not made anew. */
async function damagedIn (means: Means): Promise<string[]> {
  const paths: string[] = []
  for (const path of means.damaged) if (!await isSound(join(means.configuration.to, path), means.stop)) paths.push(path, manifestName(path))
  return paths
}

async function send (destination: Destination, damaged: readonly string[], { configuration: { to }, removals, unasked, stop }: Means): Promise<Sent> {
  const name = destinationName(destination)
  const reason = unasked.get(name)
  if (reason !== undefined) return { failure: `it could not be asked what it has, and gets nothing before: ${reason}`, files: 0 }
  if (!removals.isJoined(name)) return { failure: 'another destination could not be asked what it has; nothing is made or sent before', files: 0 }
  // what root sends to a directory is whose it is here
  const options = ['--links', '--perms', ...destination.kind === 'directory' && geteuid?.() === 0 ? ['--owner', '--group'] : []]
  const target = placeOf(destination)
  const sent = await rsync(destination, [...options, '--exclude-from=-', '--delay-updates', '--stats', '--', `${to}/`, removals.markerOf(name), target], damaged.map(patternOf), stop)
  const removed = removals.pending(name)
  if (sent.failure !== null || removed.length === 0) return sent
  const { failure } = await rsync(destination, [...options, '--delete-missing-args', '--files-from=-', '--', `${to}/`, target], removed.filter(path => !damaged.includes(path)), stop)
  return { failure, files: sent.files }
}
