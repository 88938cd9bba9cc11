import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { destinationName, type BackupConfiguration, type Destination } from '../../../lib/backup/configuration.js'
import { schemaPath } from '../../../lib/backup/layout.js'
import { fileOfManifest } from '../../../lib/backup/manifest-file.js'
import type { DumpSource, Hour } from '../../../lib/backup/manifest.js'
import { ConfigError } from '../../../lib/errors.js'
import { directoryPlace, type Place } from '../verify/place.js'
import { fetchFrom, filesAt } from '../verify/rsync.js'

/** A place whose backups are restored. */
export interface Source extends Pick<Place, 'name' | 'manifests' | 'local'> {
  /** Sees to it that these files are where `local` says, as far as they are there. */
  fetch (paths: readonly string[]): Promise<void>
  /** They are not needed any more. */
  release (paths: readonly string[]): void
}

/** A dump of one day. */
export interface Dump {
  readonly path: string
  readonly source: DumpSource
  readonly hours: readonly Hour[]
}

/** What there is of a table. */
export interface DumpedTable {
  readonly database: string
  readonly table: string
  /** Path of the statement that makes it. */
  readonly schema: string
  /** Of that, hex; null if no manifest says it. */
  readonly schemaSha256: string | null
  /** Oldest first. */
  readonly dumps: readonly Dump[]
}

/** Of the destinations the first, because that is what is left when the host is not. Throws `ConfigError` for one that there is not. */
export function destinationOf ({ to, destinations }: BackupConfiguration, from: string | undefined): Destination {
  const all: Destination[] = [...destinations, { kind: 'directory', path: to }]
  const found = from === undefined ? all[0] : all.find(one => destinationName(one) === from)
  if (found !== undefined) return found
  throw new ConfigError('bad-option', `--from ${String(from)}: no backup is there; give ${all.map(destinationName).join(', ')}`)
}

/** Of what rsync reaches, manifests are fetched now; temporary files are gone after `defer`. */
export async function openSource (place: Destination, stop: AbortSignal, defer: (release: () => void) => void): Promise<Source> {
  if (place.kind === 'directory') {
    const { manifests, name, local } = directoryPlace(place.path)
    return { manifests, name, local, fetch: async () => { await Promise.resolve() }, release: () => {} }
  }
  const work = mkdtempSync(join(tmpdir(), 'vanadium-restore-'))
  defer(() => { rmSync(work, { recursive: true, force: true }) })
  await fetchFrom(place, [...(await filesAt(place, stop)).keys()].filter(path => fileOfManifest(path) !== null), work, stop)
  const local = (path: string): string => join(work, path)
  return {
    manifests: directoryPlace(work).manifests,
    name: place.to,
    local,
    fetch: async paths => { await fetchFrom(place, paths, work, stop) },
    release: paths => { for (const path of paths) rmSync(local(path), { force: true }) }
  }
}

/** By database and table. */
export function dumpedTables (manifests: Source['manifests']): DumpedTable[] {
  const tables = new Map<string, DumpedTable & { dumps: Dump[] }>()
  for (const [path, manifest] of manifests) {
    if (manifest?.source.kind !== 'dump') continue
    const { source, hours } = manifest
    const schema = schemaPath(source.database, source.table)
    const table = tables.get(schema) ?? { database: source.database, table: source.table, schema, schemaSha256: manifests.get(schema)?.source.sha256 ?? null, dumps: [] }
    table.dumps.push({ path, source, hours })
    tables.set(schema, table)
  }
  const all = [...tables.values()].sort((one, other) => one.schema < other.schema ? -1 : 1)
  for (const { dumps } of all) dumps.sort((one, other) => one.source.day < other.source.day ? -1 : 1)
  return all
}
