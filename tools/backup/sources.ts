import { lstatSync, readdirSync, realpathSync, statSync, type BigIntStats } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { codeOf, messageOf } from '../../lib/errors.js'

/** A log or an archive that is to be backed up. */
export interface Source {
  /** Absolute, behind links. */
  readonly path: string
  /** Below the directory that is configured. */
  readonly name: string
  readonly stat: BigIntStats
}

/** What logrotate, the purge, and backups make for themselves. */
export const temporary = /^\.|\.purging$|\.manifest\.json$/

/** The files that the patterns name, each once, sorted; what cannot be looked at is told, and a pattern that names nothing. */
export function sourcesOf (patterns: readonly string[], fail: (failure: string) => void): Source[] {
  const found = new Map<string, Source>()
  for (const pattern of patterns) {
    const told = (failure: string): void => { fail(`files: ${failure}`) }
    const root = isDirectory(pattern) ? pattern : dirname(pattern)
    let paths: string[] = []
    attempt(pattern, told, () => {
      paths = isDirectory(pattern) ? filesBelow(pattern, told) : pathsLike(pattern)
      if (paths.length === 0 && !isDirectory(pattern)) told(`${pattern}: there is nothing of that name`)
    })
    for (const path of paths) {
      attempt(path, told, () => {
        const real = realpathSync(path)
        const stat = statSync(real, { bigint: true })
        if (stat.isFile() && stat.size > 0n && !found.has(real)) found.set(real, { path: real, name: relative(root, path), stat })
      })
    }
  }
  return [...found.values()].sort((one, other) => one.path < other.path ? -1 : 1)
}

/** One that is gone by now is none. */
function attempt (path: string, told: (failure: string) => void, look: () => void): void {
  try {
    look()
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    if (codeOf(error) === 'ENOENT' && isGoneBelow(path)) return
    told(`${path}: ${messageOf(error)}`)
  }
}

/** Whether a file is gone, of a directory that is not: a link that leads nowhere is there. */
function isGoneBelow (path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined && isDirectory(dirname(path))
}

function isDirectory (path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function pathsLike (pattern: string): string[] {
  const shape = new RegExp(`^${basename(pattern).replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
  return namesIn(dirname(pattern)).filter(name => shape.test(name)).map(name => join(dirname(pattern), name)).filter(path => !isDirectory(path))
}

/** Links to directories are not followed: they may lead round in a circle. */
function filesBelow (directory: string, told: (failure: string) => void): string[] {
  const paths: string[] = []
  for (const name of namesIn(directory)) {
    const path = join(directory, name)
    attempt(path, told, () => {
      if (lstatSync(path).isDirectory()) paths.push(...filesBelow(path, told))
      else if (!isDirectory(path)) paths.push(path)
    })
  }
  return paths
}

function namesIn (directory: string): string[] {
  return readdirSync(directory).filter(name => !temporary.test(name))
}

/** What logrotate adds to the name of a log: `-20261126`, `.2`, and how it was compressed. */
const rotation = /^(.+?)((?:[.-]\d[\d-]*)?)((?:\.gz)?)$/s

/** A name taken apart: the log, what logrotate added, `.gz` or nothing. */
export function partsOfName (path: string): { log: string, rotated: string, end: string } {
  const [, log = '', rotated = '', end = ''] = rotation.exec(basename(path)) ?? []
  return { log: join(dirname(path), log), rotated, end }
}

/** Tells the file, as it is, from every other and from itself once it has changed. */
export function seenOf ({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs].join(':')
}

/** When it was written to last. */
export function writtenMs (seen: string): number {
  return Number(seen.slice(seen.lastIndexOf(':') + 1)) / 1e6
}
