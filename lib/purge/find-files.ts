import type { BigIntStats } from 'node:fs'
import { lstat, realpath, stat } from 'node:fs/promises'
import { codeOf, messageOf } from '../errors.js'

export interface FoundFile {
  readonly path: string
  /** Of the file itself, where the path is a link to it. */
  readonly stat: BigIntStats
  /** When it was last written. */
  readonly fileMs: number
  /** Why what the path names cannot be put in another's place: the content would stay under another name. Null if it can. */
  readonly hindrance: string | null
}

/**
 * The files among the paths that have content, in their order, each as it is when its turn comes. What cannot be looked at is added to
 * `failures`.
 */
export async function * findFiles (paths: readonly string[], failures: string[]): AsyncGenerator<FoundFile> {
  const all = new Set(paths)
  const names = new Map<string, number>()
  for (const path of all) {
    const one = await named(path, [])
    if (one?.isLink === false) names.set(keyOf(one.stat), namesOf(one.stat) + 1)
  }
  function namesOf (stat: BigIntStats): number {
    return names.get(keyOf(stat)) ?? 0
  }

  for (const path of all) {
    const one = await named(path, failures)
    // a link to what is among them: that is dealt with by its own name
    if (one === null || (one.isLink && namesOf(one.stat) > 0)) continue
    const { stat, isLink } = one
    yield { path, stat, fileMs: Number(stat.mtimeMs), hindrance: isLink ? await ofLink(path) : ofNames(stat, namesOf(stat)) }
  }
}

async function named (path: string, failures: string[]): Promise<{ stat: BigIntStats, isLink: boolean } | null> {
  try {
    const isLink = (await lstat(path)).isSymbolicLink()
    const found = await stat(path, { bigint: true })
    return found.isFile() && found.size > 0n ? { stat: found, isLink } : null
  } catch (error) {
    // gone by now, or a link that leads nowhere
    if (codeOf(error) !== 'ENOENT') failures.push(`${path}: ${messageOf(error)}`)
    return null
  }
}

async function ofLink (path: string): Promise<string> {
  return `it is a symbolic link to ${await realpath(path).catch(messageOf)}; name that file`
}

/** One of which all names are listed is dealt with under each: every time there is one less. */
function ofNames ({ nlink }: BigIntStats, here: number): string | null {
  return nlink <= BigInt(Math.max(1, here)) ? null : `it has ${nlink} names (hard links), of which ${here} ${here === 1 ? 'is' : 'are'} to be purged: its content would stay under the others; name these, too, or remove them`
}

function keyOf ({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`
}
