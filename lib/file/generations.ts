import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { codeOf, messageOf, StreamError } from '../errors.js'
import { bears, type Mark } from './mark.js'

/** A file under a rotated name, or under its own. */
export interface Generation {
  readonly path: string
  readonly inode: bigint
  readonly size: bigint
}

/** The path's rotated files that are not compressed, oldest first, and the path itself at last, as far as they exist. */
export async function generationsOf (path: string): Promise<Generation[]> {
  const directory = dirname(path)
  const name = basename(path)
  const names = await readdir(directory).catch(ifMissing(directory, []))
  const rotated = names
    .filter(other => other.startsWith(name) && /^[.-]\d[\d-]*$/.test(other.slice(name.length)))
    .sort((a, b) => age(a.slice(name.length)) - age(b.slice(name.length)))
  const generations: Generation[] = []
  for (const file of [...rotated, name]) {
    const found = await stat(join(directory, file), { bigint: true }).catch(ifMissing(file, null))
    if (found !== null) generations.push({ path: join(directory, file), inode: found.ino, size: found.size })
  }
  return generations
}

/** logrotate counts up from the newest (`.1`), or appends a date (`-20140521`, `dateext`), of which the newest is the largest. */
function age (suffix: string): number {
  const digits = suffix.replace(/[.-]/g, '')
  return digits.length < 6 ? -Number(digits) : Number(digits.padEnd(14, '0').slice(0, 14))
}

/**
 * The file that comes after the one with this inode, when that was rotated away: the next younger one that holds something, or
 * the path itself. As long as all younger ones are empty there is none: the writer may not have been told yet, and still
 * write to the old one. `path` is absolute.
 */
export async function successorOf (path: string, inode: bigint): Promise<Generation | null> {
  const generations = await generationsOf(path)
  const at = generations.findIndex(generation => generation.inode === inode)
  const younger = at === -1 ? generations.filter(generation => generation.path === path) : generations.slice(at + 1)
  return younger.find(({ size }) => size > 0n) ?? null
}

/**
 * Opens the marked file, under whatever name it has beside the path now; a copy of it (`copytruncate`) will do. Null if it
 * is not to be found.
 */
export async function findMarked (path: string, mark: Mark): Promise<FileHandle | null> {
  const generations = (await generationsOf(path)).reverse()
  const same = generations.filter(generation => generation.inode === mark.inode)
  const copies = mark.offset === 0 ? [] : generations.filter(generation => generation.inode !== mark.inode)
  for (const generation of [...same, ...copies]) {
    const file = await openIfThere(generation.path)
    if (file === null) continue
    if (await bears(file, mark)) return file
    await file.close()
  }
  return null
}

/** Null if there is no such file; any other reason why it does not open is a `StreamError`. */
export async function openIfThere (path: string): Promise<FileHandle | null> {
  return await open(path, 'r').catch(ifMissing(path, null))
}

function ifMissing <T> (path: string, instead: T): (error: unknown) => T {
  return cause => {
    if (codeOf(cause) === 'ENOENT') return instead
    throw new StreamError('cannot-read', `${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
