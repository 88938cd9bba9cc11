import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, constants, existsSync, fchmodSync, fchownSync, fstatSync, fsyncSync, linkSync, lstatSync, openSync, renameSync, rmSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { geteuid, pid } from 'node:process'
import { codeOf, ConfigError, StreamError } from '../errors.js'
import { syncDirectory } from './replace.js'

/** open(2) of Linux: O_TMPFILE, in which O_DIRECTORY is. */
const withoutName = 0o20000000 | constants.O_DIRECTORY
/** What file systems answer that have no files without a name: NFS, and old kernels. */
const unsupported: readonly unknown[] = ['ENOTSUP', 'EOPNOTSUPP', 'EISDIR', 'EINVAL']

/** A file for reading and writing that is in a directory and has no name there: it is gone when it is closed, however the process ends. */
export function openNameless (directory: string): number {
  const fd = tryNameless(directory)
  if (fd !== null) return fd
  const name = join(directory, `.vanadium-${pid}-${randomBytes(6).toString('hex')}`)
  try {
    return openSync(name, 'wx+', 0o600)
  } finally {
    rmSync(name, { force: true })
  }
}

/** A file in the making. */
export interface NewFile {
  readonly fd: number
  /** Makes it safe, and gives it its name. Throws `StreamError` if that is taken by now. It is closed in any case. */
  publish (): void
  /** Nothing of it stays. Does nothing after `publish`. */
  discard (): void
}

/**
 * A file that has its name when it is whole, and not before: whatever ends the process until then, nothing of it is left, except on a file
 * system that has no files without a name, where a kill leaves `.<name>.<pid>`. Mode, and for root the owner, are those of `like`. Throws
 * `ConfigError` if there is such a file, and what the system throws.
 */
export function createFile (path: string, like: Pick<Stats, 'uid' | 'gid' | 'mode'>): NewFile {
  if (isTaken(path)) throw new ConfigError('bad-option', `${path} is there already; name a new file`)
  const hidden = join(dirname(path), `.${basename(path)}.${pid}`)
  const nameless = canName() ? tryNameless(dirname(path)) : null
  const fd = nameless ?? openSync(hidden, 'wx', 0o600)
  let isOpen = true

  function end (): void {
    if (isOpen) closeSync(fd)
    isOpen = false
    if (nameless === null) rmSync(hidden, { force: true })
  }

  return {
    fd,
    publish () {
      try {
        if (geteuid?.() === 0) giveTo(fd, like)
        fchmodSync(fd, like.mode & 0o666)
        fsyncSync(fd)
        if (isTaken(path)) throw new StreamError('cannot-write', `${path} was made by somebody else meanwhile; nothing was written`)
        if (nameless === null) giveOnlyName(hidden, path)
        else giveName(fd, path)
        syncDirectory(dirname(path))
      } finally {
        end()
      }
    },
    discard: end
  }
}

/** Also by a link to nothing. */
function isTaken (path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function tryNameless (directory: string): number | null {
  try {
    return openSync(directory, withoutName | constants.O_RDWR, 0o600)
  } catch (error) {
    if (unsupported.includes(codeOf(error))) return null
    throw error
  }
}

/** linkat(2) with AT_SYMLINK_FOLLOW gives a name, which Node does not call; ln does. */
function canName (): boolean {
  return existsSync('/proc/self/fd') && spawnSync('ln', ['--version'], { stdio: 'ignore' }).status === 0
}

function giveName (fd: number, path: string): void {
  const { status, stderr } = spawnSync('ln', ['--logical', '--no-target-directory', '/proc/self/fd/3', path], { stdio: ['ignore', 'ignore', 'pipe', fd] })
  if (status !== 0) throw new StreamError('cannot-write', `${path} cannot be given its name: ${String(stderr).trim()}`)
}

/** link(2), unlike rename(2), never takes another's place; there are file systems without it, as FAT. */
function giveOnlyName (hidden: string, path: string): void {
  try {
    linkSync(hidden, path)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')) throw error
    renameSync(hidden, path)
  }
}

function giveTo (fd: number, { uid, gid }: Pick<Stats, 'uid' | 'gid'>): void {
  const now = fstatSync(fd)
  if (now.uid !== uid || now.gid !== gid) fchownSync(fd, uid, gid)
}
