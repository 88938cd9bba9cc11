import { createHash } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, StreamError } from '../../lib/errors.js'
import { folders, isHidden, pathsIn } from '../../lib/backup/layout.js'
import { fileOfManifest, readManifest } from '../../lib/backup/manifest-file.js'
import type { Manifest } from '../../lib/backup/manifest.js'
import type { Means } from './means.js'

/** A file of the backup as it is. */
export interface Looked {
  readonly manifest: Manifest | null
  /** What is wrong with it, or with its manifest; null if nothing is, as far as its length tells, or if there is neither. */
  readonly damage: string | null
}

export function look (to: string, path: string): Looked {
  const bytes = bytesOf(join(to, path))
  try {
    const manifest = readManifest(join(to, path))
    if (manifest === null) return { manifest, damage: bytes === null ? null : `${path} has no manifest` }
    if (bytes === manifest.source.bytes) return { manifest, damage: null }
    return { manifest, damage: bytes === null ? `${path} is gone` : `${path} has ${bytes} bytes, and had ${manifest.source.bytes}` }
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    return { manifest: null, damage: messageOf(error) }
  }
}

/** Null if there is none: a link is none. */
export function bytesOf (file: string): number | null {
  const stat = lstatSync(file, { throwIfNoEntry: false })
  return stat?.isFile() === true ? stat.size : null
}

/** The manifest of a file of the backup, if both are there and the file is as long as it should be. What is not is told, once. */
export function manifestOf (path: string, means: Means): Manifest | null {
  const { manifest, damage } = look(means.configuration.to, path)
  if (damage === null) return manifest
  tellDamage(path, damage, means)
  return null
}

/** From now on it is not sent anywhere, unless it is made anew. */
export function tellDamage (path: string, damage: string, means: Means): void {
  if (means.damaged.has(path)) return
  means.damaged.add(path)
  const outcome = means.isDry ? 'the destinations are asked for it' : isHeld(path, means) ? 'it stays so until all destinations can be asked for it' : 'no destination has it as it was; it is made anew, if what it was made of is there'
  means.log.error('a file of the backup is damaged', { path, reason: damage, outcome })
  means.tally.fail(`damaged: ${damage}; ${outcome}`)
}

/** Whether a file that is damaged may be good at a destination that could not be asked: then nothing takes its place before that is known. */
export function isHeld (path: string, { damaged, unasked }: Pick<Means, 'damaged' | 'unasked'>): boolean {
  return damaged.has(path) && unasked.size > 0
}

/** Whether a file and its manifest are there, and its bytes are those that the manifest is of. */
export async function isSound (file: string, stop: AbortSignal): Promise<boolean> {
  try {
    const manifest = readManifest(file)
    return manifest !== null && await isOf(file, manifest, stop)
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    return false
  }
}

/** Whether a file has the bytes that a manifest is of; they are safe on the disk then. */
export async function isOf (file: string, { source: { bytes, sha256 } }: Manifest, stop: AbortSignal): Promise<boolean> {
  if (bytesOf(file) !== bytes) return false
  const handle = await open(file, 'r')
  try {
    const digest = createHash('sha256')
    for await (const chunk of handle.createReadStream({ autoClose: false, signal: stop })) digest.update(chunk as Buffer)
    await handle.sync()
    return digest.digest('hex') === sha256
  } catch (cause) {
    if (stop.aborted) throw new StreamError('stopped', `reading ${file} was stopped`, { cause })
    throw new StreamError('cannot-read', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  } finally {
    await handle.close()
  }
}

/** Paths of all that has a manifest or should have one, in a staging area or what came from a destination. */
export function pairsIn (to: string): string[] {
  const paths = [folders.files, folders.tables].flatMap(folder => pathsIn(to, folder)).filter(path => !isHidden(path))
  return [...new Set(paths.map(path => fileOfManifest(path) ?? path))].sort()
}
