import { createHash } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeDirectory } from '../../lib/backup/directories.js'
import { manifestName } from '../../lib/backup/manifest-file.js'
import { giveToOwnerOf } from '../../lib/event/file-lock.js'
import { replaceFile } from '../../lib/file/replace.js'

/**
 * What went from the staging area and has to go from destinations, too, once they can be reached. Nothing else is ever deleted there: a staging
 * area that is lost is no reason to lose its copies.
 */
export interface Removals {
  /** Removes a file and its manifest here; noted before for each destination that has been joined. */
  remove (path: string): void
  /** Whether the destination and this staging area know of each other. */
  isJoined (destination: string): boolean
  join (destination: string): void
  /** Paths that have to go there. */
  pending (destination: string): string[]
  /** They are gone. */
  confirm (destination: string): void
}

const folder = '.destinations'

export function openRemovals (to: string, destinations: readonly string[]): Removals {
  const listOf = (destination: string): string => join(to, folder, createHash('sha256').update(destination).digest('hex').slice(0, 16))
  const read = (destination: string): string[] => existsSync(listOf(destination)) ? readFileSync(listOf(destination), 'utf8').split('\n').filter(line => line !== '') : []

  return {
    remove (path) {
      const paths = [path, manifestName(path)]
      for (const destination of destinations) if (existsSync(listOf(destination))) append(listOf(destination), paths)
      for (const one of paths) rmSync(join(to, one), { force: true })
    },
    isJoined: destination => existsSync(listOf(destination)),
    join (destination) {
      makeDirectory(join(to, folder))
      clear(listOf(destination))
    },
    pending: read,
    confirm (destination) { clear(listOf(destination)) }
  }
}

function clear (file: string): void {
  replaceFile(file, '', undefined)
  giveToOwnerOf(dirname(file), file)
}

function append (file: string, paths: readonly string[]): void {
  const fd = openSync(file, 'a')
  try {
    writeSync(fd, paths.map(path => `${path}\n`).join(''))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
