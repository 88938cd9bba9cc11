import { basename, dirname, join } from 'node:path'
import type { Reading } from './copies.js'
import { finding, type Finding } from './finding.js'
import type { Place } from './place.js'

/** Of the statement that makes a table there is no manifest: the next backup may have another. */
export function isSchemaFile (path: string): boolean {
  return basename(path) === 'schema.sql'
}

/** Of a dump, that without which it cannot be restored; null for an archive. */
export function schemaFileOf (path: string): string | null {
  return path.startsWith('tables/') && !isSchemaFile(path) ? join(dirname(path), 'schema.sql') : null
}

/** All places have to have the same; of two, what the first has is right. */
export async function lookAtSchemaFile (path: string, places: readonly Place[], { digest }: Pick<Reading, 'digest'>, see: (found: Finding) => void): Promise<void> {
  const hashes = new Map<Place, string>()
  for (const place of places) if (place.files.has(path)) hashes.set(place, (await digest(place.local(path))).sha256)
  const right = mostFrequent([...hashes.values()])
  const holder = [...hashes].find(([, hash]) => hash === right)?.[0].name ?? ''
  for (const place of places) {
    const hash = hashes.get(place)
    if (hash === undefined) see(finding('missing', place.name, path, 'it is not there; without it dumps of that table cannot be restored'))
    else if (hash !== right) see(finding('damaged', place.name, path, `it is not what it is at ${holder}`))
  }
}

function mostFrequent (values: readonly string[]): string | undefined {
  const count = (value: string): number => values.filter(other => other === value).length
  return values.reduce<string | undefined>((best, value) => best === undefined || count(value) > count(best) ? value : best, undefined)
}
