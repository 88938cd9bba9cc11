import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { messageOf, StreamError } from '../errors.js'
import { syncDirectory } from '../file/replace.js'
import { folders, isHidden, pathsIn } from './layout.js'
import { manifestName, readManifest, writeManifest } from './manifest-file.js'
import type { Manifest } from './manifest.js'

/** Where a file of the backup is made before it takes its place. */
export function draftName (file: string): string {
  return join(dirname(file), `.${basename(file)}.new`)
}

/**
 * Puts a draft, which must be safe on the disk, and its manifest in their places: from then on both are those, whatever is interrupted, as
 * `recover` finishes what was begun. Throws `StreamError`; then both are as they were, or both new after `recover`.
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
  try {
    // without it that step was done before
    if (existsSync(draft)) replace(draft, file)
    renameSync(manifestName(draft), manifestName(file))
    syncDirectory(dirname(file))
  } catch (cause) {
    throw new StreamError('cannot-write', `${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

/** One that cannot take its place is decided for no more. */
function replace (draft: string, file: string): void {
  try {
    renameSync(draft, file)
  } catch (error) {
    rmSync(manifestName(draft), { force: true })
    throw error
  }
}

/** Finishes what an interrupted run had decided, and removes what it had only begun. To be called under the lock. */
export function recover (to: string): void {
  for (const folder of [folders.files, folders.tables]) {
    const hidden = pathsIn(to, folder).filter(isHidden).map(path => join(to, path))
    for (const path of hidden) {
      const name = /^\.(.+)\.new\.manifest\.json$/s.exec(basename(path))?.[1]
      if (name === undefined || basename(path).startsWith('..')) continue
      const file = join(dirname(path), name)
      if (isDecided(file)) finish(file)
    }
    for (const path of hidden) rmSync(path, { force: true })
  }
}

/** Whether a draft's manifest is of the draft, or, when that is in its place, of the file there. */
function isDecided (file: string): boolean {
  try {
    const { bytes, sha256 } = readManifest(draftName(file))?.source ?? { bytes: -1, sha256: '' }
    const at = existsSync(draftName(file)) ? draftName(file) : file
    return statSync(at, { throwIfNoEntry: false })?.size === bytes && sha256Of(at) === sha256
  } catch (error) {
    if (error instanceof StreamError) return false
    throw error
  }
}

function sha256Of (file: string): string {
  const digest = createHash('sha256')
  const buffer = Buffer.alloc(1 << 20)
  const fd = openSync(file, 'r')
  try {
    for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) digest.update(buffer.subarray(0, read))
  } finally {
    closeSync(fd)
  }
  return digest.digest('hex')
}
