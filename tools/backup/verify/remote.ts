import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileOfManifest } from '../../../lib/backup/manifest-file.js'
import type { Destination } from '../../../lib/backup/configuration.js'
import { directoryPlace, type Place } from './place.js'
import { fetchFrom, filesAt, unlikeAt } from './rsync.js'

type RsyncDestination = Extract<Destination, { kind: 'rsync' }>

/** Where a copy is that is as its manifest says, by its path below a place. */
export type GoodCopies = ReadonlyMap<string, string>

/** Hidden: nothing of it is part of the backup, or sent anywhere. */
const workName = '.verify-'

/** Removes what a look that was killed has fetched. To be called under the lock. */
export function removeFetched (to: string): void {
  for (const name of readdirSync(to).filter(name => name.startsWith(workName))) rmSync(join(to, name), { recursive: true, force: true })
}

/**
 * What is at an rsync destination. There it is compared by checksums with the good copies that are here; what is not the same, or not here, is
 * fetched and looked at as all else is: into the staging area `to`, as it may be the whole backup. `defer` is told how to remove that again.
 */
export async function remotePlace (destination: RsyncDestination, { good, to }: { good: GoodCopies, to: string }, stop: AbortSignal, defer: (release: () => void) => void): Promise<Place> {
  const work = mkdtempSync(join(to, workName))
  defer(() => { rmSync(work, { recursive: true, force: true }) })
  const [links, fetched] = ['good', 'fetched'].map(name => join(work, name)) as [string, string]
  for (const directory of [links, fetched]) mkdirSync(directory)
  const there = new Map([...await filesAt(destination, stop)].filter(([path]) => /^(?:files|tables)\//.test(path) && !/(?:^|\/)\./.test(path)))
  for (const [path, file] of good) {
    if (!there.has(path)) continue
    mkdirSync(dirname(join(links, path)), { recursive: true })
    symlinkSync(file, join(links, path))
  }
  const unlike = await unlikeAt(destination, links, stop)
  const isHere = (path: string): boolean => good.has(path) && !unlike.has(path)
  await fetchFrom(destination, [...there.keys()].filter(path => fileOfManifest(path) !== null || !isHere(path)), fetched, stop)
  const { manifests, local } = directoryPlace(fetched)
  const files = new Map([...there].filter(([path]) => fileOfManifest(path) === null))
  return { name: destination.to, files, manifests, local: path => isHere(path) ? good.get(path) ?? local(path) : local(path) }
}
