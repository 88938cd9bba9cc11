import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { folders, backedUp } from '../../lib/backup/layout.js'
import { manifestName } from '../../lib/backup/manifest-file.js'
import type { FileSource, Hour, Manifest } from '../../lib/backup/manifest.js'
import { sameHours } from '../../lib/backup/sums.js'
import type { Content } from './copy.js'
import { isHeld, manifestOf } from './intact.js'
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
  const index = new Map<string, Set<Archived>>()
  const drop = (path: string): void => {
    const archived = files.get(path)
    if (archived !== undefined) for (const key of keysOf(archived)) index.get(key)?.delete(archived)
    files.delete(path)
  }
  const put = (archived: Archived): void => {
    drop(archived.path)
    files.set(archived.path, archived)
    for (const key of keysOf(archived)) index.set(key, (index.get(key) ?? new Set()).add(archived))
  }
  for (const path of backedUp(to, folders.files)) {
    const manifest = manifestOf(path, means)
    if (manifest?.source.kind === 'file') put({ path, manifest, source: manifest.source })
  }
  // what is damaged, and nowhere else, is of no use
  const isUsed = (path: string): boolean => existsSync(join(to, path)) || existsSync(manifestName(join(to, path)))
  const isFree = (path: string): boolean => !files.has(path) && !isHeld(path, means) && (means.damaged.has(path) || !isUsed(path))
  return {
    get all () { return [...files.values()] },
    bySeen: seen => [...files.values()].find(({ source }) => source.seen === seen) ?? null,
    alike: (log, { hours, head }) => [...new Set([...keysIn(log, hours, head)].flatMap(key => [...index.get(key) ?? []]))],
    put,
    drop,
    freePath (name) {
      const [, stem = name, end = ''] = /^(.*?)((?:\.gz)?)$/s.exec(name) ?? []
      for (let number = 1; ; number++) {
        const path = join(folders.files, number === 1 ? name : `${stem}-${number}${end}`)
        if (isFree(path)) return path
      }
    }
  }
}

function keysOf ({ source, manifest }: Archived): Set<string> {
  return keysIn(source.log, manifest.hours, source.head)
}

/** Two that have one of these are alike. A purge takes lines from the beginning; what hours it leaves alone are the same. */
function keysIn (log: string, hours: readonly Hour[], head: string): Set<string> {
  const keys = hours.map(({ hour, schema, count, uuids, content }) => [log, hour, schema, count, /^0+$/.test(uuids) ? content : uuids].join('\0'))
  return new Set(head === '' ? keys : [...keys, [log, head].join('\0')])
}

export function isSameContent (one: Archived, content: Content): boolean {
  return sameHours(one.manifest.hours, content.hours)
}
