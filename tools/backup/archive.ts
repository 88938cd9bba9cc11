import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { folders, backedUp } from '../../lib/backup/layout.js'
import { manifestName } from '../../lib/backup/manifest-file.js'
import type { FileSource, Hour, Manifest } from '../../lib/backup/manifest.js'
import { sameHours } from '../../lib/backup/sums.js'
import type { Content } from './copy.js'
import { manifestOf } from './intact.js'
import type { Means } from './means.js'

/** A file of the backup. */
export interface Archived {
  /** Below the staging area. */
  readonly path: string
  readonly manifest: Manifest
  readonly source: FileSource
}

/** The files of the backup, found by what is known of those that they are of. */
export interface Archive {
  readonly all: readonly Archived[]
  /** That of a file which is as it was. */
  bySeen (seen: string): Archived | null
  /** Those that may be of the same events: they begin alike, or have an hour that is the same. */
  alike (log: string, content: Content): Archived[]
  put (archived: Archived): void
  drop (path: string): void
  /** A path that nothing has: the one that is wanted, or with a number. */
  freePath (name: string): string
}

export function openArchive (means: Means): Archive {
  const { to } = means.configuration
  const files = new Map<string, Archived>()
  for (const path of backedUp(to, folders.files)) {
    const manifest = manifestOf(path, means)
    if (manifest?.source.kind === 'file') files.set(path, { path, manifest, source: manifest.source })
  }
  const isFree = (path: string): boolean => !files.has(path) && !existsSync(join(to, path)) && !existsSync(manifestName(join(to, path)))
  return {
    get all () { return [...files.values()] },
    bySeen: seen => [...files.values()].find(({ source }) => source.seen === seen) ?? null,
    alike: (log, content) => [...files.values()].filter(({ source, manifest }) => source.log === log && isAlike({ hours: manifest.hours, head: source.head }, content)),
    put (archived) { files.set(archived.path, archived) },
    drop (path) { files.delete(path) },
    freePath (name) {
      const [, stem = name, end = ''] = /^(.*?)((?:\.gz)?)$/s.exec(name) ?? []
      for (let number = 1; ; number++) {
        const path = join(folders.files, number === 1 ? name : `${stem}-${number}${end}`)
        if (isFree(path)) return path
      }
    }
  }
}

/** A purge takes lines from the beginning; what hours it leaves alone are the same. */
function isAlike (one: Content, other: Content): boolean {
  if (one.head === other.head && one.head !== '') return true
  return one.hours.some(hour => other.hours.some(of => isSameHour(hour, of)))
}

function isSameHour (one: Hour, other: Hour): boolean {
  return one.hour === other.hour && one.schema === other.schema && one.count === other.count && (one.schema === '-' ? one.content === other.content : one.uuids === other.uuids)
}

export function isSameContent (one: Archived, content: Content): boolean {
  return sameHours(one.manifest.hours, content.hours)
}
