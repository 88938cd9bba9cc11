import { createHash, randomUUID } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { writeOwned } from '../../lib/backup/directories.js'
import { manifestName } from '../../lib/backup/manifest-file.js'

/** At each destination, once it has something: tells it from a directory in which a disk is to be mounted. */
export const marker = 'vanadium-backup.id'

/**
 * What the staging area knows of its destinations. What went from it has to go from them, too, once they can be reached. Nothing else is ever deleted
 * there: a staging area that is lost is no reason to lose its copies.
 */
export interface Removals {
  /** Removes a file and its manifest here; noted before for each destination that has been joined. */
  remove (path: string): void
  /** Whether the destination and this staging area know of each other. */
  isJoined (destination: string): boolean
  join (destination: string): void
  /** Paths that have to go there. */
  pending (destination: string): string[]
  /** It has all that is here: what had to go is gone, and its marker is there. */
  confirm (destination: string): void
  /** What is wrong with the marker that was found there, null for none: another place is there. Null if nothing is. */
  recognise (destination: string, found: string | null): string | null
  /** For rsync: the directory that has nothing but the marker for this destination. */
  markerOf (destination: string): string
}

export function openRemovals (to: string, destinations: readonly string[]): Removals {
  const folderOf = (destination: string): string => join(to, '.destinations', createHash('sha256').update(destination).digest('hex').slice(0, 16))
  const listOf = (destination: string): string => join(folderOf(destination), 'removed')
  const seenOf = (destination: string): string => join(folderOf(destination), 'seen')
  const markerIn = (destination: string): string => join(folderOf(destination), 'marker', marker)
  const textOf = (file: string): string => existsSync(file) ? readFileSync(file, 'utf8') : ''

  return {
    remove (path) {
      const paths = [path, manifestName(path)]
      for (const destination of destinations) if (existsSync(listOf(destination))) append(listOf(destination), paths)
      for (const one of paths) rmSync(join(to, one), { force: true })
    },
    isJoined: destination => existsSync(listOf(destination)),
    join (destination) {
      if (!existsSync(markerIn(destination))) writeOwned(markerIn(destination), `${randomUUID()}\n`)
      writeOwned(listOf(destination), '')
    },
    pending: destination => textOf(listOf(destination)).split('\0').filter(path => path !== ''),
    confirm (destination) {
      writeOwned(listOf(destination), '')
      if (textOf(seenOf(destination)) === '') writeOwned(seenOf(destination), textOf(markerIn(destination)))
    },
    recognise (destination, found) {
      const seen = textOf(seenOf(destination))
      if (seen !== '' && found !== seen) return `${found === null ? `${marker} is not there; is it mounted?` : `${marker} is that of another place.`} If it is to be filled anew, remove ${folderOf(destination)}`
      if (seen === '' && found !== null) for (const file of [markerIn(destination), seenOf(destination)]) writeOwned(file, found)
      return null
    },
    markerOf: destination => `${join(folderOf(destination), 'marker')}/`
  }
}

/** Names may have newlines. */
function append (file: string, paths: readonly string[]): void {
  const fd = openSync(file, 'a')
  try {
    writeSync(fd, paths.map(path => `${path}\0`).join(''))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
