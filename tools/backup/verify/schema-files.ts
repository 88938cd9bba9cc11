import { basename, dirname, join } from 'node:path'
import { folders } from '../../../lib/backup/layout.js'
import { lostSchema, type Reading } from './copies.js'
import { finding, type Finding } from './finding.js'
import type { Place } from './place.js'

/** The statement that makes a table. */
export function isSchemaFile (path: string): boolean {
  return path.startsWith(`${folders.tables}/`) && basename(path) === 'schema.sql'
}

/** Of a dump, that without which it cannot be restored; null for an archive. */
export function schemaFileOf (path: string): string | null {
  return path.startsWith(`${folders.tables}/`) && !isSchemaFile(path) ? join(dirname(path), 'schema.sql') : null
}

/** Of a backup that was made before these had manifests: all places have to have the same; of two, what the first has is right. */
export async function lookAtSchemaFile (path: string, places: readonly Place[], { digest }: Pick<Reading, 'digest'>, see: (found: Finding) => void): Promise<void> {
  const hashes = new Map<Place, string>()
  for (const place of places) if (place.files.has(path)) hashes.set(place, (await digest(place.local(path))).sha256)
  const right = mostFrequent([...hashes.values()])
  const holder = [...hashes].find(([, hash]) => hash === right)?.[0].name ?? ''
  for (const place of places) {
    const hash = hashes.get(place)
    if (hash === undefined) see(finding('missing', place.name, path, lostSchema))
    else if (hash !== right) see(finding('damaged', place.name, path, `it is not what it is at ${holder}`))
  }
}

function mostFrequent (values: readonly string[]): string | undefined {
  const count = (value: string): number => values.filter(other => other === value).length
  return values.reduce<string | undefined>((best, value) => best === undefined || count(value) > count(best) ? value : best, undefined)
}
