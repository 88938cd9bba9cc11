import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { folders, isHidden, pathsIn } from './layout.js'
import { manifestName, writeManifest } from './manifest-file.js'
import type { Manifest } from './manifest.js'

/** Where a file of the backup is made before it takes its place. */
export function draftName (file: string): string {
  return join(dirname(file), `.${basename(file)}.new`)
}

/**
 * Puts a draft, which must be safe on the disk, and its manifest in their places: from then on both are those, whatever is interrupted, as
 * `recover` finishes what was begun.
 */
export function commitDraft (file: string, manifest: Manifest): void {
  writeManifest(draftName(file), manifest)
  finish(file)
}

export function dropDraft (file: string): void {
  rmSync(draftName(file), { force: true })
}

function finish (file: string): void {
  const draft = draftName(file)
  // without it that step was done before
  if (existsSync(draft)) renameSync(draft, file)
  renameSync(manifestName(draft), manifestName(file))
  syncDirectory(dirname(file))
}

/** Finishes what an interrupted run had decided, and removes what it had only begun. To be called under the lock. */
export function recover (to: string): void {
  for (const folder of [folders.files, folders.tables]) {
    const hidden = pathsIn(to, folder).filter(isHidden).map(path => join(to, path))
    for (const path of hidden) {
      const file = /^\.(.+)\.new\.manifest\.json$/.exec(basename(path))?.[1]
      if (file !== undefined && !basename(path).startsWith('..')) finish(join(dirname(path), file))
    }
    for (const path of hidden) rmSync(path, { force: true })
  }
}

function syncDirectory (directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
