import { closeSync, fchmodSync, fchownSync, fstatSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/**
 * Puts a text in a file's place: whoever reads meanwhile, or after a power cut, has all of the one or all of the other. Owner and mode
 * are those of `like`; without it the file is everybody's to read. Throws what the system throws; then nothing has changed.
 */
export function replaceFile (file: string, text: string, like: Pick<Stats, 'uid' | 'gid' | 'mode'> | undefined): void {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}`)
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    try {
      const { uid, gid } = fstatSync(fd)
      if (like !== undefined && (like.uid !== uid || like.gid !== gid)) fchownSync(fd, like.uid, like.gid)
      fchmodSync(fd, like === undefined ? 0o644 : like.mode & 0o7777)
      writeFileSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDirectory(dirname(file))
}

/** So that a name in it survives a power cut. */
export function syncDirectory (directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
