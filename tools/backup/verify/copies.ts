import { isDeepStrictEqual } from 'node:util'
import type { Manifest, Source } from '../../../lib/backup/manifest.js'
import { manifestName } from '../../../lib/backup/manifest-file.js'
import { isUnreadable } from '../../../lib/purge/file-content.js'
import { numberText } from '../../text.js'
import type { Content, Digest, LineDifference } from './content.js'
import { affected, differencesOf } from './differences.js'
import { finding, type Finding } from './finding.js'
import type { Place } from './place.js'

/** Of the statement that makes a table. */
export const lostSchema = 'it is not there; without it dumps of that table cannot be restored'

/** How files are looked into. Each is read once, whatever is asked of it. */
export interface Reading {
  digest (file: string): Promise<Digest>
  /** `kind`: of what its manifest is; a name says nothing. */
  content (file: string, kind: Source['kind']): Promise<Content>
  compare (good: string, bad: string): Promise<LineDifference>
}

/** A file of a backup, which should be the same at several places. */
export interface Backup {
  /** Below each place. */
  readonly path: string
  readonly manifest: Manifest
  /** A copy that is as the manifest says, if there is one. */
  readonly good: string | null
  /** One of the places where it is. */
  readonly place: string
}

interface Copy {
  readonly place: Place
  /** Undefined: not there. Null: none that can be read. */
  readonly manifest: Manifest | null | undefined
  /** Null: not there. */
  readonly digest: Digest | null
}

/** Looks at all copies of one file; `see` is told what is wrong. Null if no manifest says what it should be. */
export async function lookAtCopies (path: string, places: readonly Place[], reading: Reading, isOver: (manifest: Manifest) => boolean, see: (found: Finding) => void): Promise<Backup | null> {
  const copies: Copy[] = []
  for (const place of places) copies.push({ place, manifest: place.manifests.get(path), digest: place.files.has(path) ? await reading.digest(place.local(path)) : null })
  const manifest = await chosen(copies, path, reading)
  if (manifest === null) {
    for (const copy of copies) if (copy.digest !== null || copy.manifest === null) see(withoutManifest(copy, path))
    return null
  }
  const holder = copies.find(({ digest }) => fits(digest, manifest))
  const good = holder?.place.local(path) ?? null
  const backup = { path, manifest, good, place: (holder ?? copies.find(({ digest }) => digest !== null) ?? copies[0])?.place.name ?? '' }
  const isTrue = good === null || isDeepStrictEqual(differencesOf(manifest.hours, (await reading.content(good, manifest.source.kind)).hours), [])
  for (const copy of copies) {
    const isMissing = copy.digest === null && copy.manifest === undefined
    // what is over may be gone from one place before it is from another
    if (isMissing && isOver(manifest)) continue
    const bad = ofManifest(copy, path, manifest, isTrue)
    for (const found of bad) see(found)
    // what it has is what it had, only not the newest
    if (bad.some(({ fault }) => fault === 'too-old')) continue
    for (const found of await ofFile(copy, path, backup, reading)) see(found)
  }
  return backup
}

/** The newest that a copy is as it says; of two that say different things of the same bytes the one that is right. */
async function chosen (copies: readonly Copy[], path: string, { content }: Reading): Promise<Manifest | null> {
  const versions: Manifest[] = []
  for (const { manifest } of copies) if (manifest != null && !versions.some(other => isDeepStrictEqual(other, manifest))) versions.push(manifest)
  const held = versions.map(manifest => ({ manifest, holder: copies.find(({ digest }) => fits(digest, manifest)) }))
  held.sort((a, b) => Number(b.holder !== undefined) - Number(a.holder !== undefined) || Date.parse(b.manifest.made) - Date.parse(a.manifest.made))
  const [first] = held
  if (first === undefined) return null
  for (const { manifest, holder } of held.length === 1 ? [] : held) {
    if (holder === undefined || manifest.source.sha256 !== first.manifest.source.sha256) continue
    if (differencesOf(manifest.hours, (await content(holder.place.local(path), manifest.source.kind)).hours).length === 0) return manifest
  }
  return first.manifest
}

function fits (digest: Digest | null, { source }: Manifest): boolean {
  return digest?.bytes === source.bytes && digest.sha256 === source.sha256
}

function withoutManifest ({ place, manifest }: Copy, path: string): Finding {
  return manifest === null
    ? finding('damaged', place.name, manifestName(path), 'it cannot be read, and no other place has it')
    : finding('missing', place.name, manifestName(path), 'the file has no manifest, at no place')
}

function ofManifest ({ place, manifest, digest }: Copy, path: string, right: Manifest, isTrue: boolean): Finding[] {
  const name = manifestName(path)
  // the file that is missing says enough
  if (manifest === undefined && digest === null) return []
  if (manifest === undefined) return [finding('missing', place.name, name, 'it is not there')]
  if (manifest === null) return [finding('damaged', place.name, name, 'it cannot be read')]
  if (isDeepStrictEqual(manifest, right)) return isTrue ? [] : [finding('damaged', place.name, name, 'it does not say what is in the file')]
  if (manifest.made < right.made && fits(digest, manifest)) return [finding('too-old', place.name, path, `it is of ${manifest.made}, another place has it of ${right.made}`)]
  return [finding('damaged', place.name, name, 'it does not say what it says at another place')]
}

async function ofFile ({ place, manifest, digest }: Copy, path: string, backup: Backup, reading: Reading): Promise<Finding[]> {
  if (digest === null) {
    if (backup.manifest.source.kind === 'schema') return [finding('missing', place.name, path, lostSchema)]
    const events = backup.manifest.hours.reduce((sum, { count }) => sum + count, 0)
    return [finding('missing', place.name, path, `it is not there${manifest === undefined ? ', nor is its manifest' : ''}: ${numberText(events)} events`, { hours: backup.manifest.hours.map(({ hour, schema, count }) => ({ hour, schema, events: count })) })]
  }
  if (fits(digest, backup.manifest)) return []
  return [await damage(place, path, place.local(path), digest, backup, reading)]
}

/** Says where, as well as can be told. */
export async function damage (place: Pick<Place, 'name'>, what: string, file: string, digest: Digest, { manifest, good }: Pick<Backup, 'manifest' | 'good'>, { content, compare }: Pick<Reading, 'content' | 'compare'>): Promise<Finding> {
  const { hours, broken, lines, bytes } = await content(file, manifest.source.kind)
  const compared = good === null || manifest.source.kind === 'schema' ? null : await compare(good, file)
  const isShort = digest.bytes < manifest.source.bytes
  const size = isShort ? `it ends after ${numberText(digest.bytes)} of ${numberText(manifest.source.bytes)} bytes` : digest.bytes > manifest.source.bytes ? `it has ${numberText(digest.bytes - manifest.source.bytes)} bytes more than it had` : 'its bytes are not what they were'
  if (manifest.source.kind === 'schema' || isUnreadable(file)) return finding('damaged', place.name, what, size)
  const until = compared?.good ?? { lines, bytes }
  const isCut = isShort || broken !== null || compared?.isCut === true
  return finding('damaged', place.name, what, `${size}${isCut ? `; good up to line ${numberText(until.lines)}` : ''}${broken === null ? '' : `; ${broken}`}`, {
    hours: differencesOf(manifest.hours, hours).filter(({ was }) => was !== null).map(affected),
    good: until,
    // behind what cannot be decompressed nothing is in its place
    lines: isCut ? [] : compared?.lines ?? []
  })
}
