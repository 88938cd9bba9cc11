import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { codeOf } from '../errors.js'
import { giveToOwnerOf } from '../event/file-lock.js'

/** Makes a directory and those above it. What root makes below a directory of somebody else's is theirs. */
export function makeDirectory (path: string): void {
  try {
    mkdirSync(path, { mode: 0o750 })
    giveToOwnerOf(dirname(path), path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    if (codeOf(error) !== 'ENOENT') throw error
    makeDirectory(dirname(path))
    makeDirectory(path)
  }
}
