import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { folders, isHidden, pathsIn } from '../../../lib/backup/layout.js'
import type { Manifest } from '../../../lib/backup/manifest.js'
import { fileOfManifest, readManifest } from '../../../lib/backup/manifest-file.js'
import { ConfigError, messageOf, StreamError } from '../../../lib/errors.js'

/** A place where backups are, as it is now. */
export interface Place {
  /** For people: a directory, or an rsync destination. */
  readonly name: string
  /** Files of backups by their paths below it, with their bytes; no manifests. */
  readonly files: ReadonlyMap<string, number>
  /** By the path of the file that it is of; null for one that cannot be read as a manifest. */
  readonly manifests: ReadonlyMap<string, Manifest | null>
  /** Where a file can be read. */
  local (path: string): string
}

/** Throws `ConfigError` for a directory that is not there. */
export function directoryPlace (directory: string): Place {
  const files = new Map<string, number>()
  const manifests = new Map<string, Manifest | null>()
  requireDirectory(directory)
  for (const path of [folders.files, folders.tables].flatMap(folder => pathsIn(directory, folder)).filter(path => !isHidden(path))) {
    const file = fileOfManifest(path)
    if (file !== null) manifests.set(file, manifestOf(join(directory, file)))
    else files.set(path, statSync(join(directory, path)).size)
  }
  return { name: directory, files, manifests, local: path => join(directory, path) }
}

function requireDirectory (directory: string): void {
  try {
    readdirSync(directory)
  } catch (cause) {
    throw new ConfigError('bad-option', `${directory}: ${messageOf(cause)}; vanadium backup run makes it; is its disk mounted, and may this user read it?`, { cause })
  }
}

/** Null for one that is damaged, or is not there any more. */
function manifestOf (file: string): Manifest | null {
  try {
    return readManifest(file)
  } catch (error) {
    if (error instanceof StreamError) return null
    throw error
  }
}
