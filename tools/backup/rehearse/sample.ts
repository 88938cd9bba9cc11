import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { destinationName, type BackupConfiguration, type Destination } from '../../../lib/backup/configuration.js'
import { schemaPath } from '../../../lib/backup/layout.js'
import { fileOfManifest } from '../../../lib/backup/manifest-file.js'
import type { DumpSource, FileSource, Hour, Manifest } from '../../../lib/backup/manifest.js'
import { ConfigError } from '../../../lib/errors.js'
import { directoryPlace, type Place } from '../verify/place.js'
import { fetchFrom, filesAt } from '../verify/rsync.js'

export interface SampledDump {
  readonly path: string
  readonly source: DumpSource
  readonly hours: readonly Hour[]
}

export interface SampledFile {
  readonly path: string
  readonly source: FileSource
  readonly hours: readonly Hour[]
}

/** What is restored, from one place. */
export interface Sample {
  readonly place: Pick<Place, 'name' | 'local'>
  /** By database and table: dumps of the newest days, oldest first. */
  readonly tables: ReadonlyArray<{ readonly table: string, readonly schema: string, readonly dumps: readonly SampledDump[] }>
  /** The newest archives. */
  readonly files: readonly SampledFile[]
}

/** Of the destinations the first, because that is what is left when the host is not. Throws `ConfigError` for one that there is not. */
export function sampledPlace ({ to, destinations }: BackupConfiguration, from: string | undefined): Destination {
  const all: Destination[] = [...destinations, { kind: 'directory', path: to }]
  const found = from === undefined ? all[0] : all.find(one => destinationName(one) === from)
  if (found !== undefined) return found
  throw new ConfigError('bad-option', `--from ${String(from)}: no backup is there; give ${all.map(destinationName).join(', ')}`)
}

/** `most`: days of each table, and archives. */
export async function takeSample (place: Destination, most: number, stop: AbortSignal, defer: (release: () => void) => void): Promise<Sample> {
  if (place.kind === 'directory') {
    const { manifests, name, local } = directoryPlace(place.path)
    return sampleOf(manifests, most, { name, local })
  }
  const work = mkdtempSync(join(tmpdir(), 'vanadium-rehearse-'))
  defer(() => { rmSync(work, { recursive: true, force: true }) })
  await fetchFrom(place, [...(await filesAt(place, stop)).keys()].filter(path => fileOfManifest(path) !== null), work, stop)
  const sample = sampleOf(directoryPlace(work).manifests, most, { name: place.to, local: path => join(work, path) })
  const paths = [...sample.files.map(({ path }) => path), ...sample.tables.flatMap(({ schema, dumps }) => [schema, ...dumps.map(({ path }) => path)])]
  await fetchFrom(place, paths, work, stop)
  return sample
}

function sampleOf (manifests: ReadonlyMap<string, Manifest | null>, most: number, place: Sample['place']): Sample {
  const [dumps, files] = [new Map<string, SampledDump[]>(), [] as SampledFile[]]
  for (const [path, manifest] of manifests) {
    if (manifest === null) continue
    const { source, hours } = manifest
    if (source.kind === 'file') {
      files.push({ path, source, hours })
      continue
    }
    const schema = schemaPath(source.database, source.table)
    dumps.set(schema, [...dumps.get(schema) ?? [], { path, source, hours }])
  }
  return {
    place,
    tables: [...dumps].map(([schema, all]) => ({ schema, table: all[0]?.source.table ?? '', dumps: all.sort((a, b) => a.source.day < b.source.day ? -1 : 1).slice(-most) })),
    files: files.sort((a, b) => lastOf(b.hours) < lastOf(a.hours) ? -1 : 1).slice(0, most)
  }
}

function lastOf (hours: readonly Hour[]): string {
  return hours.reduce((last, hour) => hour.last > last ? hour.last : last, '')
}
