import { chmodSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { geteuid } from 'node:process'
import { destinationName, type Destination } from '../../lib/backup/configuration.js'
import { makeDirectory } from '../../lib/backup/directories.js'
import { commitDraft, draftName } from '../../lib/backup/draft.js'
import { folders, isHidden } from '../../lib/backup/layout.js'
import { manifestName, readManifest, writeManifest } from '../../lib/backup/manifest-file.js'
import type { Manifest } from '../../lib/backup/manifest.js'
import { codeOf, messageOf, StreamError } from '../../lib/errors.js'
import { giveToOwnerOf } from '../../lib/event/file-lock.js'
import { bytesOf, isOf, look, pairsIn, tellDamage } from './intact.js'
import type { Means } from './means.js'
import { marker } from './removals.js'
import { placeOf, rsync } from './rsync.js'

/** What comes from a destination is put here first, and looked at. */
const aside = '.arriving'

/**
 * Asks each destination for what it has and the staging area has not, or has otherwise, and takes over what is better: what is lost or damaged here
 * is not made anew, and sent over what is good there, before that. Returns whether the backup may go on: as long as no destination has ever been asked,
 * all have to be, because what is made of what there is now would be newer than what they have.
 */
export async function askDestinations (means: Means): Promise<boolean> {
  const { configuration: { destinations, to }, removals, unasked, stop, log, show, tally } = means
  const names = destinations.map(destinationName)
  const isNew = !names.some(removals.isJoined)
  for (const destination of destinations) {
    if (stop.aborted) return false
    const name = destinationName(destination)
    show(`asking ${name} what it has`)
    const failure = await ask(destination, means)
    if (failure === null) continue
    unasked.set(name, failure)
    log.error('a destination of backups cannot be asked what it has', { destination: name, reason: failure })
  }
  if (stop.aborted) return false
  if (isNew && unasked.size > 0) {
    tally.fail(`${to} is new, and ${[...unasked.keys()].join(', ')} could not be asked what there is: nothing is made before, as it would take the place of that`)
    return false
  }
  for (const name of names) if (!unasked.has(name) && !removals.isJoined(name)) removals.join(name)
  for (const path of pairsIn(to)) tellOrFinish(path, means)
  return true
}

/** A removal that was interrupted is no damage. */
function tellOrFinish (path: string, means: Means): void {
  const { configuration: { destinations, to }, removals } = means
  const { damage } = look(to, path)
  if (damage === null) return
  const isHalf = bytesOf(join(to, path)) === null || !existsSync(manifestName(join(to, path)))
  if (isHalf && destinations.some(one => removals.pending(destinationName(one)).includes(path))) removals.remove(path)
  else tellDamage(path, damage, means)
}

/** A destination in which there is nothing yet. */
const isNothing = /(?:change_dir|link_stat) .*No such file or directory|chdir failed/

/** Why it could not be asked; null if it was. What rsync had fetched before it failed is not fetched again. */
async function ask (destination: Destination, means: Means): Promise<string | null> {
  const { configuration: { to }, removals, stop } = means
  const name = destinationName(destination)
  const into = join(to, aside)
  try {
    makeDirectory(into)
    rmSync(join(into, marker), { force: true })
    const { failure } = await rsync(destination, [`--include=/${marker}`, `--include=/${folders.files}/***`, `--include=/${folders.tables}/***`, '--exclude=*', '--delete', `--compare-dest=${to}`, '--', placeOf(destination), `${into}/`], [], stop)
    if (failure !== null && !isNothing.test(failure)) return failure
    const found = existsSync(join(into, marker)) ? readFileSync(join(into, marker), 'utf8') : null
    const strange = removals.recognise(name, found)
    if (strange !== null) return `${name}: ${strange}`
    const gone = new Set(removals.pending(name))
    for (const path of pairsIn(into)) if (!gone.has(path)) await takeOver(path, into, name, means)
    rmSync(into, { recursive: true })
    return null
  } catch (error) {
    if (!(error instanceof StreamError) && codeOf(error) === undefined) throw error
    return messageOf(error)
  } finally {
    // nobody else could go on with it
    if (geteuid?.() === 0) rmSync(into, { recursive: true, force: true })
  }
}

/** Puts what came from a destination in its place, if that is empty, or what is there is damaged or was made before. Returns what it is of. */
async function takeOver (path: string, into: string, name: string, means: Means): Promise<Manifest | null> {
  const { configuration: { to }, stop, log, tally } = means
  const here = look(to, path)
  const manifest = manifestIn(into, path) ?? here.manifest
  if (manifest === null || isHidden(path)) return null
  if (here.damage === null && here.manifest !== null && manifest.made <= here.manifest.made) return null
  const hasCome = bytesOf(join(into, path)) !== null
  if (!await isOf(join(hasCome ? into : to, path), manifest, stop)) return null
  restore(path, hasCome ? into : null, manifest, to)
  if (here.damage !== null) {
    log.error('a file of the backup was damaged; a destination had it', { path, reason: here.damage, destination: name })
    tally.fail(`damaged: ${here.damage}; it was taken again from ${name}`)
  }
  return manifest
}

function restore (path: string, into: string | null, manifest: Manifest, to: string): void {
  const file = join(to, path)
  if (into === null) {
    writeManifest(file, manifest)
    return
  }
  makeDirectory(dirname(file))
  put(into, path, to, draftName(path))
  commitDraft(file, manifest)
}

function put (into: string, path: string, to: string, as = path): void {
  makeDirectory(dirname(join(to, as)))
  chmodSync(join(into, path), 0o640)
  renameSync(join(into, path), join(to, as))
  giveToOwnerOf(dirname(join(to, as)), join(to, as))
}

function manifestIn (into: string, path: string): Manifest | null {
  try {
    return readManifest(join(into, path))
  } catch (error) {
    if (!(error instanceof StreamError)) throw error
    return null
  }
}

/**
 * The manifest of a file of the backup that is about to be read, if its bytes are those that it is of; else that of the copy that a destination had, which has
 * taken its place; null if none has it: that is told. Nothing may take the place of one that `isHeld` then.
 */
export async function soundOf (path: string, manifest: Manifest, means: Means): Promise<Manifest | null> {
  const { configuration: { destinations, to }, unasked, stop, log, tally } = means
  if (await isOf(join(to, path), manifest, stop)) return manifest
  const into = join(to, aside)
  for (const destination of destinations) {
    const name = destinationName(destination)
    if (unasked.has(name)) continue
    makeDirectory(into)
    const { failure } = await rsync(destination, ['--files-from=-', '--ignore-missing-args', '--', placeOf(destination), `${into}/`], [path, manifestName(path)], stop)
    if (stop.aborted) throw new StreamError('stopped', `fetching ${path} was stopped`)
    if (failure !== null) unasked.set(name, failure)
    const found = failure === null ? manifestIn(into, path) : null
    const isGood = found !== null && await isOf(join(into, path), found, stop)
    if (isGood) restore(path, into, found, to)
    rmSync(into, { recursive: true, force: true })
    if (!isGood) continue
    log.error('a file of the backup was damaged; a destination had it', { path, reason: 'other bytes', destination: name })
    tally.fail(`damaged: ${path} has other bytes than it had; it was taken again from ${name}`)
    return found
  }
  tellDamage(path, `${path} has other bytes than it had`, means)
  return null
}
