import { chmodSync, closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { codeOf, ConfigError, messageOf } from '../errors.js'
import { giveToOwnerOf, locked } from '../event/file-lock.js'
import { currentKey, readKey, type OptOutKey } from './key.js'
import { decodeList, encodeList, listOf, mostUsers, type HashList } from './list.js'

/** Where the list and its key are. */
export interface OptOutFiles {
  readonly file: string
  readonly keyFile: string
}

/** A list, and the key that it was made with; without a file, nobody and no key. */
export interface OpenedList {
  readonly list: HashList
  readonly key: OptOutKey | null
}

/** Bytes of a file that cannot be a list any more. */
const mostBytes = 66 * mostUsers

/** What tells one version of a file from another; null if there is none. */
export function versionOf (file: string): string | null {
  const stats = statsOf(file)
  return stats === null ? null : [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(':')
}

/** Throws `ConfigError` for a list that is damaged, or was made with another key, and for a key that is not there. */
export function readList ({ file, keyFile }: OptOutFiles): OpenedList {
  const bytes = bytesOf(file)
  if (bytes === null) return { list: listOf([]), key: null }
  const { list, keyId } = decodeList(bytes, file)
  const key = readKey(keyFile)
  if (key === null && list.count === 0) return { list, key }
  if (key === null) throw new ConfigError('bad-credentials', `--optout-key ${keyFile} is not there, but --optout ${file} has ${list.count} users; copy the key from where the list was made`)
  if (key.id !== keyId) throw new ConfigError('bad-credentials', `--optout ${file} was made with another key (${keyId}) than --optout-key ${keyFile} (${key.id}); copy the key from where the list was made`)
  return { list, key }
}

/**
 * Changes the list, while nobody else does: `change` gets the hashes that are in it and a function that hashes, and returns those that
 * shall be. The file is replaced in one step, and is on the disk when this returns. The key is made if there is none.
 */
export function editList (files: OptOutFiles, change: (hashes: HashList, key: OptOutKey) => Iterable<Buffer>): HashList {
  const { file, keyFile } = files
  const directory = dirname(file)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 })
    return locked(file, () => {
      const { list, key } = readList(files)
      const used = key ?? currentKey(keyFile, directory)
      const changed = listOf(change(list, used))
      writeList(file, encodeList(changed, used.id))
      return changed
    })
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('bad-option', `--optout ${file}: ${messageOf(cause)}; run this as the user of the daemons, or as root`, { cause })
  }
}

function writeList (file: string, bytes: Buffer): void {
  const unfinished = `${file}.new`
  rmSync(unfinished, { force: true })
  const fd = openSync(unfinished, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    writeFileSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  giveToOwnerOf(dirname(file), unfinished)
  chmodSync(unfinished, 0o640)
  renameSync(unfinished, file)
  const directory = openSync(dirname(file), constants.O_RDONLY)
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function bytesOf (file: string): Buffer | null {
  const stats = statsOf(file)
  if (stats === null) return null
  if (!stats.isFile()) throw new ConfigError('bad-option', `--optout ${file} is not a regular file; name one, or a file that is not there yet`)
  if (stats.size > mostBytes) throw new ConfigError('damaged-state', `--optout ${file} has ${stats.size} bytes; a list has at most ${mostBytes}`)
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new ConfigError('bad-option', `--optout ${file}: ${messageOf(cause)}; run this as the user of the daemons, or as root`, { cause })
  }
}

function statsOf (file: string): Stats | null {
  try {
    return statSync(file)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null
    throw new ConfigError('bad-option', `--optout ${file}: ${messageOf(cause)}`, { cause })
  }
}
