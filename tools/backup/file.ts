import { statSync } from 'node:fs'
import { join } from 'node:path'
import { openDraft, type DraftWriter } from '../../lib/backup/draft-writer.js'
import { commitDraft } from '../../lib/backup/draft.js'
import { folders } from '../../lib/backup/layout.js'
import { writeManifest } from '../../lib/backup/manifest-file.js'
import type { FileSource, Hour } from '../../lib/backup/manifest.js'
import { countOf } from '../../lib/backup/sums.js'
import { isUnreadable } from '../../lib/purge/file-content.js'
import { isSameContent, type Archive, type Archived } from './archive.js'
import { copyFile, type Content } from './copy.js'
import { isHeld } from './intact.js'
import type { LineRetention } from './line-retention.js'
import type { Means } from './means.js'
import { partsOfName, seenOf, writtenMs, type Source } from './sources.js'

export interface FileMeans {
  readonly archive: Archive
  readonly retention: LineRetention
  /** Whether somebody may be writing to it. */
  isLive (source: Source): Promise<boolean>
  /** Whether the log of that name is rotated: what is in the file will be found under another name. */
  isRotated (log: string): boolean
}

/** Where a copy is made before it is known which file of the backup it is of. */
const arriving = join(folders.files, 'arriving')

/** Backs up one file, if it is not as it was. Throws `StreamError`. */
export async function backUpFile (source: Source, of: FileMeans, means: Means): Promise<void> {
  const { configuration: { to }, isDry, tally } = means
  const seen = seenOf(source.stat)
  const known = of.archive.bySeen(seen)
  if (known !== null) {
    if (!isDry && known.source.path !== source.path) note(known, { path: source.path }, of.archive, to)
    tally.unchanged('files')
    return
  }
  const bytes = Number(source.stat.size)
  if (isDry) {
    tally.add({ kind: 'files', action: 'make', path: join(folders.files, source.name), rows: 0, bytes })
    return
  }
  means.show(`files: ${source.name}`)
  const draft = await openDraft(join(to, arriving))
  try {
    const copy = await copyFile(join(to, arriving), draft, { path: source.path, stat: source.stat, isLive: await of.isLive(source) }, means.stop)
    // of what was held back nothing is known: as it is it was not seen
    await place({ ...source, seen: seenOf({ ...source.stat, size: BigInt(copy.bytes) }) }, copy.content, draft, of, means)
  } finally {
    await draft.drop()
  }
}

/** Changes what is noted of a file whose content stays. */
function note (archived: Archived, change: Partial<FileSource>, archive: Archive, to: string): void {
  const source = { ...archived.source, ...change }
  const manifest = { ...archived.manifest, source }
  writeManifest(join(to, archived.path), manifest)
  archive.put({ ...archived, source, manifest })
}

interface Copied extends Source {
  readonly seen: string
}

/** Decides what the copy is: new, one that has grown or was compressed, one that is as it was, or one that has lost something. */
async function place (source: Copied, content: Content, draft: DraftWriter, of: FileMeans, means: Means): Promise<void> {
  const { archive, retention } = of
  const { log } = partsOfName(source.path)
  const alike = archive.alike(log, content)
  const whole = alike.find(one => lossOf(one, content, retention) === 0) ?? (means.acceptsMissing ? meant(alike, source, content, retention) : undefined)
  if (whole === undefined && alike.length > 0 && !hasMore(alike, content)) {
    const [kept] = alike as [Archived]
    means.tally.unchanged('files')
    means.tally.keep(kept.path, lossOf(kept, content, retention))
    return
  }
  const isLarger = whole !== undefined && isSameContent(whole, content) && whole.path.endsWith('.gz') && !source.path.endsWith('.gz')
  if (whole !== undefined && isLarger) {
    note(whole, { path: source.path, seen: source.seen }, archive, means.configuration.to)
    means.tally.unchanged('files')
    return
  }
  // no line of it is whole yet
  if (content.head === '' && !isUnreadable(source.path)) return
  // it would go again at once
  if (whole === undefined && of.retention.isOver(content.hours, Number(source.stat.mtimeMs))) return
  await take(source, content, draft, { whole, log }, of, means)
}

async function take (source: Copied, content: Content, draft: DraftWriter, { whole, log }: { whole: Archived | undefined, log: string }, of: FileMeans, means: Means): Promise<void> {
  const { configuration: { to }, host, tally, removals } = means
  const times = { atimeMs: Number(source.stat.atimeMs), mtimeMs: mtimeOf(source, whole, to) }
  const name = nameOf(source, content, of)
  // what is there may be of the same events
  if (whole === undefined && isHeld(join(folders.files, name), means)) return
  const { bytes, sha256 } = await draft.end(times)
  const path = whole === undefined ? of.archive.freePath(name) : pathFor(whole, source, of.archive)
  const fileSource: FileSource = { kind: 'file', path: source.path, bytes, sha256, log, head: content.head, seen: source.seen, clean: '' }
  const manifest = { version: 1, made: new Date().toISOString(), host, source: fileSource, hours: content.hours }
  draft.move(join(to, path))
  commitDraft(join(to, path), manifest)
  if (whole !== undefined && whole.path !== path) {
    removals.remove(whole.path)
    of.archive.drop(whole.path)
  }
  of.archive.put({ path, manifest, source: fileSource })
  if (whole !== undefined && whole.source.sha256 === sha256) tally.unchanged('files')
  else tally.add({ kind: 'files', action: 'make', path, rows: countOf(content.hours), bytes })
}

/** rsync compares lengths and whole seconds: what takes a copy's place is of another second. */
function mtimeOf (source: Source, whole: Archived | undefined, to: string): number {
  const mtimeMs = Number(source.stat.mtimeMs)
  const before = whole === undefined ? undefined : statSync(join(to, whole.path), { throwIfNoEntry: false })
  return before !== undefined && Math.floor(before.mtimeMs / 1000) === Math.floor(mtimeMs / 1000) ? mtimeMs + 1000 : mtimeMs
}

/** That whose lines were deleted on purpose: it begins alike, or was found there, or has lost less than half of them. */
function meant (alike: readonly Archived[], source: Source, content: Content, retention: LineRetention): Archived | undefined {
  const lossIn = (one: Archived): number => lossOf(one, content, retention)
  const least = [...alike].sort((one, other) => lossIn(one) - lossIn(other))
  return least.find(one => one.source.head === content.head && content.head !== '') ?? least.find(one => one.source.path === source.path) ??
    least.find(one => lossIn(one) < countOf(one.manifest.hours) / 2)
}

/** Lines that the backup has and the file has not, or not as they were, although they may stay as they are. */
function lossOf ({ manifest: { hours }, source }: Archived, content: Content, retention: LineRetention): number {
  const fileMs = writtenMs(source.seen)
  return hours.filter(hour => retention.isYoung(hour, fileMs)).reduce((sum, old) => sum + lostOf(old, content.hours.find(({ hour, schema }) => hour === old.hour && schema === old.schema)), 0)
}

function lostOf (old: Hour, now: Hour | undefined): number {
  if (now === undefined || now.count < old.count) return old.count - (now?.count ?? 0)
  return now.count === old.count && now.content !== old.content ? old.count : 0
}

/** Whether it has something that none of these has. */
function hasMore (alike: readonly Archived[], { hours }: Content): boolean {
  // a damaged line is one more that is no event, and one event less
  return alike.every(({ manifest }) => countOf(hours) > countOf(manifest.hours) ||
    hours.some(({ hour, schema, count }) => schema !== '-' && count > (manifest.hours.find(old => old.hour === hour && old.schema === schema)?.count ?? 0)))
}

/** Of a log that is rotated the time of its first event tells which file it is, whatever that is called just now. */
function nameOf (source: Source, { hours }: Content, { isRotated }: FileMeans): string {
  const { log, rotated, end } = partsOfName(source.path)
  const isNumbered = /^\.\d{1,5}$/.test(rotated)
  if (!isNumbered && !(rotated === '' && isRotated(log))) return source.name
  const first = hours.map(hour => hour.first).filter(time => time !== '').sort()[0] ?? new Date(Number(source.stat.mtimeMs)).toISOString()
  const stem = source.name.slice(0, source.name.length - rotated.length - end.length)
  return `${stem}-${first.slice(0, 10).replaceAll('-', '')}-${first.slice(11, 19).replaceAll(':', '')}${end}`
}

/** The name stays, but for how it is compressed. */
function pathFor ({ path }: Archived, source: Source, archive: Archive): string {
  const [stem, end] = [path.replace(/\.gz$/, ''), source.path.endsWith('.gz') ? '.gz' : '']
  return `${stem}${end}` === path ? path : archive.freePath(`${stem}${end}`.slice(folders.files.length + 1))
}
