import { statSync } from 'node:fs'
import { join } from 'node:path'
import { openDraft } from '../../lib/backup/draft-writer.js'
import { commitDraft } from '../../lib/backup/draft.js'
import { writeManifest } from '../../lib/backup/manifest-file.js'
import { countOf } from '../../lib/backup/sums.js'
import { createAnonymise } from '../../lib/purge/anonymous-json.js'
import { isGzipped, isUnreadable, readLines } from '../../lib/purge/file-content.js'
import { createJudge } from '../../lib/purge/verdict.js'
import type { Archived } from './archive.js'
import { soundOf } from './ask.js'
import { createContent, type Content } from './copy.js'
import type { FileMeans } from './file.js'
import type { Means } from './means.js'

/**
 * Makes of a file of the backup what `vanadium purge` makes of the file that it is of, whether that is still there or not. Throws `StreamError` for one
 * that is damaged.
 */
export async function keepRetention (archived: Archived, of: FileMeans, means: Means): Promise<void> {
  const { isDry, rules, tally } = means
  const { path, source, manifest } = archived
  const { mtimeMs } = statSync(join(means.configuration.to, path))
  const { retention } = of
  if (retention.isOver(manifest.hours, mtimeMs)) {
    remove(archived, of, means)
    return
  }
  if (isUnreadable(path) || isClean(source.clean, retention.fingerprint, rules.nowMs) || retention.dueMs(manifest.hours, mtimeMs) >= rules.nowMs) return
  if (isDry) {
    tally.add({ kind: 'files', action: 'make', path, rows: countOf(manifest.hours), bytes: source.bytes })
    return
  }
  means.show(`retention: ${path}`)
  // what is rewritten of other bytes would be good for ever after
  const sound = await soundOf(path, manifest, means)
  if (sound?.source.kind === 'file') await rewrite({ path, manifest: sound, source: sound.source }, mtimeMs, of, means)
}

function remove ({ path, manifest, source }: Archived, { archive }: FileMeans, { isDry, removals, tally }: Means): void {
  if (!isDry) removals.remove(path)
  archive.drop(path)
  tally.add({ kind: 'files', action: 'remove', path, rows: countOf(manifest.hours), bytes: source.bytes })
}

async function rewrite (archived: Archived, mtimeMs: number, of: FileMeans, means: Means): Promise<void> {
  const { configuration: { to }, tally } = means
  const { path, source, manifest } = archived
  const draft = await openDraft(join(to, path))
  try {
    const judged = judge(join(to, path), mtimeMs, means)
    if (isGzipped(path)) await draft.compress(judged.chunks)
    else await draft.write(judged.chunks)
    // rsync compares lengths and whole seconds
    const { bytes, sha256 } = await draft.end({ atimeMs: mtimeMs, mtimeMs: mtimeMs + 1000 })
    if (means.stop.aborted) return
    const clean = `${of.retention.fingerprint}:${Math.min(judged.untilMs, Number.MAX_SAFE_INTEGER)}`
    if (!judged.hasChanged) {
      writeManifest(join(to, path), { ...manifest, source: { ...source, clean } })
    } else if (judged.content.hours.length === 0) {
      remove(archived, of, means)
    } else {
      commitDraft(join(to, path), { ...manifest, made: new Date().toISOString(), hours: judged.content.hours, source: { ...source, bytes, sha256, head: judged.content.head, clean } })
      tally.add({ kind: 'files', action: 'make', path, rows: countOf(judged.content.hours), bytes })
    }
  } finally {
    await draft.drop()
  }
}

function isClean (clean: string, fingerprint: string, nowMs: number): boolean {
  const [of, untilMs] = clean.split(':')
  return of === fingerprint && Number(untilMs) >= nowMs
}

interface Judged {
  /** What stays. What is below is known when all of it was read. */
  readonly chunks: AsyncIterable<Buffer>
  readonly content: Content
  readonly hasChanged: boolean
  readonly untilMs: number
}

function judge (path: string, fileMs: number, { rules, stop }: Means): Judged {
  const verdictOf = createJudge(rules, createAnonymise())
  const sum = createContent()
  let hasChanged = false
  let untilMs = Infinity
  async function * chunks (): AsyncGenerator<Buffer> {
    for await (const lines of readLines(path, stop)) {
      const kept = lines.flatMap(line => {
        const verdict = verdictOf(line, fileMs)
        hasChanged ||= verdict.action !== 'keep'
        if (verdict.action === 'keep') untilMs = Math.min(untilMs, verdict.untilMs)
        if (verdict.action === 'delete') return []
        const stays = verdict.action === 'strip' ? { bytes: verdict.bytes, isWhole: true } : line
        sum.add(stays)
        return [stays.bytes]
      })
      if (kept.length > 0) yield Buffer.concat(kept)
    }
  }
  return {
    chunks: chunks(),
    get content () { return sum.content },
    get hasChanged () { return hasChanged },
    get untilMs () { return untilMs }
  }
}
