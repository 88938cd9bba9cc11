import { dirname } from 'node:path'
import { undated, type FileSource, type Hour } from '../../../lib/backup/manifest.js'
import { isUnreadable } from '../../../lib/purge/file-content.js'
import { countOf } from '../../../lib/backup/sums.js'
import { numberText } from '../../text.js'
import { writtenMs } from '../sources.js'
import { damage, type Backup, type Reading } from './copies.js'
import type { Content, Digest } from './content.js'
import { affected, differencesOf, isSame, keyOf } from './differences.js'
import { finding, msOfHour, type Affected, type Finding } from './finding.js'
import type { Claims } from './policy.js'

/** A log or an archive on this host, as it is now. */
export interface Archive {
  readonly path: string
  /** As a manifest has them. */
  readonly log: string
  readonly head: string
  readonly bytes: number
  /** When it came to be as it is. */
  readonly changedMs: number
  /** When it was written to last. */
  readonly writtenMs: number
}

/** What a backup says of one. */
export interface ArchiveBackup extends Backup {
  readonly source: FileSource
}

export interface ArchiveLook extends Pick<Reading, 'content' | 'compare'> {
  /** Of its bytes, and of those of what it holds if it is compressed; of beginnings of so many bytes. */
  digest (file: string, lengths: readonly number[]): Promise<Digest>
  plainDigest (file: string, lengths: readonly number[]): Promise<Digest>
  readonly claims: Claims
  readonly isOverdue: (hour: Hour) => boolean
  /** What is older may have been deleted from this host. */
  readonly keptSinceMs: number
  /** When the last backup began that did everything. */
  readonly runMs: number
  readonly isLate: boolean
  readonly to: string
  see (found: Finding): void
}

/** Compares what backups say of archives with the archives as they are now. */
export async function compareArchives (backups: readonly ArchiveBackup[], archives: readonly Archive[], look: ArchiveLook): Promise<void> {
  const left = new Set(archives)
  for (const backup of backups) {
    const archive = await compareArchive(backup, archives, look)
    if (archive !== null) left.delete(archive)
  }
  for (const { path, changedMs, writtenMs } of left) {
    const isNew = changedMs >= look.runMs
    if (isNew && !look.isLate) continue
    const { hours, newestMs } = claimedOf(path, (await look.content(path, 'file')).hours, writtenMs, look)
    if (newestMs > -Infinity) look.see(finding(isNew ? 'too-old' : 'missing', look.to, path, 'there is no backup of it', { hours: hours.map(eventsOf) }))
  }
}

interface Claimed {
  /** What has to be there, as it was. */
  readonly hours: readonly Hour[]
  /** Of what has to be there the newest; -Infinity if nothing has to. */
  readonly newestMs: number
}

/** Of a file that was written to last at `fileMs`: what has no time is as old as that; so is what is compressed as we do not read it. */
function claimedOf (path: string, hours: readonly Hour[], fileMs: number, { claims }: Pick<ArchiveLook, 'claims'>): Claimed {
  const claimed = hours.filter(hour => claims(hour, fileMs) === 'all')
  const times = claimed.map(({ hour }) => hour === undated ? fileMs : msOfHour(hour))
  const isUnread = isUnreadable(path) && claims({ hour: undated, schema: '-' }, fileMs) === 'all'
  return { hours: claimed, newestMs: Math.max(-Infinity, ...times, ...isUnread ? [fileMs] : []) }
}

function eventsOf ({ hour, schema, count }: Hour): Affected {
  return { hour, schema, events: count }
}

/** Returns which of the archives it is of, if that is there. */
async function compareArchive (backup: ArchiveBackup, archives: readonly Archive[], look: ArchiveLook): Promise<Archive | null> {
  const { source, manifest: { hours } } = backup
  const archive = await archiveOf(backup, archives, look)
  const { hours: claimed, newestMs } = claimedOf(source.path, hours, writtenMs(source.seen), look)
  if (archive === null) {
    const isCompressed = archives.some(({ path }) => isUnreadable(path) && path.startsWith(`${source.path}.`))
    if (!isCompressed && newestMs >= look.keptSinceMs) look.see(finding('missing', dirname(source.path), source.path, `it is not there any more; a backup has ${isUnreadable(source.path) ? 'it' : `${numberText(countOf(claimed))} events of it that may stay`}`, { hours: claimed.map(eventsOf) }))
    tellOverdue(backup, [], look)
    return null
  }
  const digest = await look.digest(archive.path, [source.bytes])
  if (digest.sha256 === source.sha256) return archive
  if (digest.beginnings.get(source.bytes) === source.sha256 || (await look.plainDigest(archive.path, [source.bytes])).beginnings.get(source.bytes) === source.sha256) {
    if (look.isLate) look.see(finding('too-old', look.to, backup.path, `${archive.path} has grown since ${backup.manifest.made}`))
    return archive
  }
  const content = await look.content(archive.path, 'file')
  const wrong = isUnreadable(archive.path) ? newestMs > -Infinity : wrongIn(claimed, hours, content)
  if (wrong) look.see({ ...await damage({ name: dirname(archive.path) }, archive.path, archive.path, digest, backup, look), hours: differencesOf(claimed, content.hours).filter(({ was }) => was !== null).map(affected) })
  else tellOverdue(backup, content.hours, look)
  return archive
}

/** What has to be there is, as it was; and what is younger than all of it may have come since. */
function wrongIn (claimed: readonly Hour[], all: readonly Hour[], { hours, broken }: Content): boolean {
  if (broken !== null) return true
  const now = new Map(hours.map(hour => [keyOf(hour), hour]))
  return all.length > 0 && claimed.some(hour => !isSame(hour, now.get(keyOf(hour)) ?? null))
}

/** A purge, or a damage, may have taken its first line; then it is known by where it was, or by what it still has. */
async function archiveOf ({ source, manifest, good }: ArchiveBackup, archives: readonly Archive[], look: ArchiveLook): Promise<Archive | null> {
  if (isUnreadable(source.path)) return await unreadArchiveOf(source, archives, look)
  const { content, compare } = look
  const same = archives.find(({ log, head }) => log === source.log && head === source.head)
  if (same !== undefined) return same
  const { hours: claimed } = claimedOf(source.path, manifest.hours, writtenMs(source.seen), look)
  const byPath = archives.filter(({ path }) => path === source.path)
  const others = archives.filter(({ path, log }) => log === source.log && path !== source.path)
  for (const archive of [...byPath, ...others]) {
    const now = new Map((await content(archive.path, 'file')).hours.map(hour => [keyOf(hour), hour]))
    if (claimed.some(hour => isSame(hour, now.get(keyOf(hour)) ?? null))) return archive
  }
  for (const archive of byPath) {
    const { lines, broken } = await content(archive.path, 'file')
    if (lines === 0 || broken !== null || (good !== null && (await compare(good, archive.path)).isAlike)) return archive
  }
  return null
}

/** Only its bytes tell which it is, whatever it is called now. */
async function unreadArchiveOf ({ path, bytes, sha256 }: FileSource, archives: readonly Archive[], { digest }: ArchiveLook): Promise<Archive | null> {
  for (const archive of archives.filter(other => isUnreadable(other.path) && other.bytes === bytes)) if ((await digest(archive.path, [])).sha256 === sha256) return archive
  return archives.find(archive => archive.path === path) ?? null
}

function tellOverdue ({ path, place, manifest }: ArchiveBackup, now: readonly Hour[], { isOverdue, see }: ArchiveLook): void {
  const there = new Map(now.map(hour => [keyOf(hour), hour]))
  const over = manifest.hours.filter(hour => isOverdue(hour) && !isSame(hour, there.get(keyOf(hour)) ?? null))
  if (over.length > 0) see(finding('too-old', place, path, 'it has what was purged, and may not be kept', { hours: over.map(eventsOf) }))
}
