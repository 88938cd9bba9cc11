import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { getegid, geteuid } from 'node:process'
import { codeOf } from '../errors.js'
import { giveToOwnerOf } from '../event/file-lock.js'
import { replaceFile } from '../file/replace.js'

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

/** Writes a file, there whole or not at all, in a directory that is made if need be; what root writes is the directory's owner's. Throws what the system throws. */
export function writeOwned (path: string, text: string, mode = 0o640): void {
  makeDirectory(dirname(path))
  const { uid, gid } = geteuid?.() === 0 ? statSync(dirname(path)) : { uid: geteuid?.() ?? 0, gid: getegid?.() ?? 0 }
  replaceFile(path, text, { uid, gid, mode })
}
