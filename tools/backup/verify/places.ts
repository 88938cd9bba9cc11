import { existsSync } from 'node:fs'
import { destinationName, type BackupConfiguration } from '../../../lib/backup/configuration.js'
import { undated, type Hour } from '../../../lib/backup/manifest.js'
import type { CommandContext } from '../../../lib/cli/command.js'
import { VanadiumError } from '../../../lib/errors.js'
import { lookAtCopies, type Backup, type Reading } from './copies.js'
import type { Finding } from './finding.js'
import { directoryPlace, type Place } from './place.js'
import type { Horizon } from './horizon.js'
import { remotePlace } from './remote.js'
import { isSchemaFile, lookAtSchemaFile, schemaFileOf } from './schema-files.js'

export interface PlacesLook {
  readonly reading: Reading
  readonly horizon: Horizon
  see (found: Finding): void
  /** Told what could not be looked at. */
  fail (what: string): void
  /** Told what is waited for. */
  waiting (what: string | null): void
}

/** The staging area and all destinations that can be looked at. */
export async function openPlaces ({ to, destinations }: BackupConfiguration, { reading, fail, waiting }: PlacesLook, { stop, defer }: Pick<CommandContext, 'stop' | 'defer'>): Promise<Place[]> {
  const places: Place[] = []
  async function open (name: string, place: () => Promise<Place> | Place): Promise<void> {
    try {
      places.push(await place())
    } catch (error) {
      if (!(error instanceof VanadiumError)) throw error
      if (!stop.aborted) fail(`${name}: ${error.message}`)
    }
  }
  await open(to, () => directoryPlace(to))
  for (const one of destinations) if (one.kind === 'directory') await open(one.path, () => directoryPlace(one.path))
  const remote = destinations.flatMap(one => one.kind === 'rsync' ? [one] : [])
  const good = remote.length === 0 ? new Map<string, string>() : await goodCopies(places, reading, stop)
  for (const one of remote) {
    if (stop.aborted) break
    waiting(`rsync ${one.to}`)
    await open(destinationName(one), async () => await remotePlace(one, { good, to }, stop, release => { defer('what was fetched', release) }))
    waiting(null)
  }
  return places
}

async function goodCopies (places: readonly Place[], { digest }: Reading, stop: AbortSignal): Promise<Map<string, string>> {
  const good = new Map<string, string>()
  for (const { manifests, files, local } of places) {
    for (const [path, manifest] of manifests) {
      if (stop.aborted) return good
      if (manifest === null || good.has(path) || !files.has(path) || !existsSync(local(path))) continue
      try {
        const { bytes, sha256 } = await digest(local(path))
        if (bytes === manifest.source.bytes && sha256 === manifest.source.sha256) good.set(path, local(path))
      } catch (error) {
        // it is told when all copies of it are looked at
        if (!(error instanceof VanadiumError)) throw error
      }
    }
  }
  return good
}

/** Compares all copies of all files. What is over may be gone from one place before it is from another. */
export async function lookAtPlaces (places: readonly Place[], { reading, horizon, see, fail }: PlacesLook, stop: AbortSignal): Promise<Backup[]> {
  const { claims, isKept } = horizon
  const named = places.flatMap(({ files, manifests }) => [...files.keys(), ...manifests.keys()])
  const paths = new Set([...named, ...named.flatMap(path => schemaFileOf(path) ?? [])])
  const backups: Backup[] = []
  const isOver = (hour: Hour): boolean => hour.hour !== undated && (!isKept(hour) || claims(hour) === 'nothing')
  for (const path of [...paths].sort()) {
    if (stop.aborted) break
    try {
      if (isSchemaFile(path) && !places.some(({ manifests }) => manifests.has(path))) {
        await lookAtSchemaFile(path, places, reading, see)
        continue
      }
      const backup = await lookAtCopies(path, places, reading, ({ hours }) => hours.length > 0 && hours.every(isOver), see)
      if (backup !== null) backups.push(backup)
    } catch (error) {
      if (!(error instanceof VanadiumError)) throw error
      if (!stop.aborted) fail(`${path}: ${error.message}`)
    }
  }
  return backups
}
