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
export const temporary = /(?:^\.)|\.purging$|\.manifest\.json$/

/** The files that the patterns name, each once, sorted; what cannot be looked at is told. */
export function sourcesOf (patterns: readonly string[], fail: (failure: string) => void): Source[] {
  const found = new Map<string, Source>()
  for (const pattern of patterns) {
    const root = rootOf(pattern)
    try {
      for (const path of pathsOf(pattern)) {
        const real = realpathSync(path)
        const stat = statSync(real, { bigint: true })
        if (stat.isFile() && stat.size > 0n && !found.has(real)) found.set(real, { path: real, name: relative(root, path), stat })
      }
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      fail(`files: ${pattern}: ${messageOf(error)}`)
    }
  }
  return [...found.values()].sort((one, other) => one.path < other.path ? -1 : 1)
}

/** The directory that a pattern names, or in which it looks. */
function rootOf (pattern: string): string {
  return isDirectory(pattern) ? pattern : dirname(pattern)
}

function isDirectory (path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function pathsOf (pattern: string): string[] {
  if (isDirectory(pattern)) return filesBelow(pattern)
  const shape = new RegExp(`^${basename(pattern).replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`)
  return namesIn(dirname(pattern)).filter(name => shape.test(name)).map(name => join(dirname(pattern), name)).filter(path => !isDirectory(path))
}

/** Links to directories are not followed: they may lead round in a circle. */
function filesBelow (directory: string): string[] {
  return namesIn(directory).map(name => join(directory, name)).flatMap(path => {
    if (lstatSync(path).isDirectory()) return filesBelow(path)
    return isDirectory(path) ? [] : [path]
  })
}

function namesIn (directory: string): string[] {
  return readdirSync(directory).filter(name => !temporary.test(name))
}

/** What logrotate adds to the name of a log: `-20261126`, `.2`, and how it was compressed. */
const rotation = /^(.+?)((?:[.-]\d[\d-]*)?)((?:\.gz)?)$/

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
