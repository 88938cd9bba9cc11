import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { expandArguments } from '../../lib/cli/arguments.js'
import { ConfigError, messageOf } from '../../lib/errors.js'

/** Where instances of which daemon are defined. */
export const folders = { forwarders: 'forwarder', processors: 'processor', consumers: 'consumer', monitors: 'monitor' } as const

/** An instance that an argument file defines. */
export interface Instance {
  readonly daemon: string
  readonly instance: string
  /** Where its state is, if the file says so. */
  readonly stateDirectory?: string
}

/** What editors, package managers and people leave beside argument files. */
const leftover = /^[.#]|[~#]$|\.(bak|orig|rej|old|save|tmp|swp|swo|disabled|rpm(new|save|orig))$|\.(dpkg|ucf)-/

/** The instances that are defined under a directory. Throws `ConfigError` if it cannot be read, or there is none. */
export function definedIn (directory: string): Instance[] {
  const found = Object.entries(folders).flatMap(([folder, daemon]) => namesIn(directory, folder)
    .map(instance => ({ daemon, instance, ...stateOf(join(directory, folder, instance)) })))
  if (found.length > 0) return found
  throw new ConfigError('bad-option', `--config ${directory}: no instance is defined there; name the directory with ${Object.keys(folders).join(', ')}`)
}

function namesIn (directory: string, folder: string): string[] {
  try {
    // the directory itself must be there
    readdirSync(directory)
    const path = join(directory, folder)
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return []
    return instancesIn(path)
  } catch (cause) {
    throw new ConfigError('bad-option', `--config ${directory}: ${messageOf(cause)}; name the directory with the argument files that this user can read`, { cause })
  }
}

function instancesIn (path: string): string[] {
  return readdirSync(path).filter(name => !leftover.test(name) && statSync(join(path, name), { throwIfNoEntry: false })?.isFile() === true).sort()
}

/** The argument files in a folder; none where there is no such folder, or none that this user may read. */
export function argumentFilesIn (path: string): string[] {
  try {
    return instancesIn(path).map(name => join(path, name))
  } catch {
    return []
  }
}

/** What the argument file of an instance says. Throws `ConfigError`. */
export function argumentsOf (directory: string, instance: Instance): string[] {
  return expandArguments([`@${argumentFileOf(directory, instance)}`])
}

export function argumentFileOf (directory: string, { daemon, instance }: Pick<Instance, 'daemon' | 'instance'>): string {
  const [folder = ''] = Object.entries(folders).find(([, of]) => of === daemon) ?? []
  return join(directory, folder, instance)
}

/** Whose argument file it is, by its folder; null for another file. */
export function instanceOf (file: string): Pick<Instance, 'daemon' | 'instance'> | null {
  const daemon = new Map<string, string>(Object.entries(folders)).get(basename(dirname(resolve(file))))
  return daemon === undefined ? null : { daemon, instance: basename(file) }
}

/** Of an option that takes one, with an equals sign or without; undefined if it is not given. */
export function valueIn (args: readonly string[], option: string): string | undefined {
  const at = args.findIndex(arg => arg === option || arg.startsWith(`${option}=`))
  return args[at] === option ? args[at + 1] : args[at]?.slice(option.length + 1)
}

/** A file that this user may not read is taken to say nothing of it. */
function stateOf (file: string): Pick<Instance, 'stateDirectory'> {
  try {
    const stateDirectory = valueIn(expandArguments([`@${file}`]), '--state')
    return stateDirectory === undefined ? {} : { stateDirectory }
  } catch {
    return {}
  }
}
