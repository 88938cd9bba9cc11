import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { aboutLater, ConfigError, messageOf } from '../errors.js'
import type { Log } from '../log.js'
import type { Reader, ReaderHandler, RecordFunction, Writer, WriterHandler } from './contracts.js'
import type { Schemes } from './schemes.js'

/** Functions for `map:` and `filter:`, by name. */
export type PlugInFunctions = Map<string, RecordFunction>

/** Throws `ConfigError`, with `where` before it, that lists those that there are. */
export function functionIn (functions: PlugInFunctions, name: string, where = ''): RecordFunction {
  const found = functions.get(name)
  if (found !== undefined) return found
  throw new ConfigError('bad-uri', `${where}function "${name}" is in no plug-in; there are: ${[...functions.keys()].sort().join(', ') || 'none (name their directory with --plugins)'}`)
}

/** What plug-ins add to. */
export interface PlugInTargets {
  readonly readers: Schemes<Reader>
  readonly writers: Schemes<Writer>
  readonly functions: PlugInFunctions
  readonly log: Log
}

/** What a plug-in is called with: the argument of its default export, or of `register`. */
export interface PlugInHost {
  /** Adds schemes that can be read. */
  reader<P extends object> (handler: ReaderHandler<P>): void
  /** Adds schemes that can be written. */
  writer<P extends object> (handler: WriterHandler<P>): void
  /** Adds a function for `map:` and `filter:`. */
  fn (name: string, recordFunction: RecordFunction): void
  readonly log: Log
}

/**
 * Imports every `*.js` and `*.mjs` of the directories, in the order of their names, and calls what it exports. Plug-ins run
 * with all rights of the daemon. Throws `ConfigError` naming the file when one cannot be loaded or adds what is there already.
 */
export async function loadPlugIns (directories: readonly string[], targets: PlugInTargets): Promise<void> {
  for (const directory of directories) await aboutLater(directory, async () => { await loadFrom(directory, targets) })
}

async function loadFrom (directory: string, targets: PlugInTargets): Promise<void> {
  for (const file of await plugInsOf(directory)) {
    try {
      await load(file, targets)
    } catch (cause) {
      throw new ConfigError('bad-plugin', `plug-in ${file}: ${messageOf(cause)}`, { cause })
    }
    targets.log.debug('plug-in loaded', { file })
  }
}

async function plugInsOf (directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter(name => /\.m?js$/.test(name)).sort().map(name => join(directory, name))
  } catch (cause) {
    throw new ConfigError('bad-plugin', `--plugins ${directory}: ${messageOf(cause)}; name a directory that this user can read`, { cause })
  }
}

async function load (file: string, targets: PlugInTargets): Promise<void> {
  const exported = await import(pathToFileURL(file).href) as { default?: unknown, register?: unknown }
  const register = exported.register ?? exported.default
  if (typeof register !== 'function') throw new TypeError('it exports neither "register" nor a default function')
  await register(hostOf(targets))
}

function hostOf ({ readers, writers, functions, log }: PlugInTargets): PlugInHost {
  return {
    reader (handler) {
      check(handler)
      readers.add(handler)
    },
    writer (handler) {
      check(handler)
      writers.add(handler)
    },
    fn (name, recordFunction) {
      if (typeof name !== 'string' || name === '') throw new TypeError(`fn: the name is ${String(name)}; give a string`)
      if (typeof recordFunction !== 'function') throw new TypeError(`fn: "${name}" is no function`)
      if (functions.has(name)) throw new TypeError(`there is a function "${name}" already`)
      functions.set(name, recordFunction)
    },
    log
  }
}

/** Plug-ins are not compiled with these types. */
function check ({ schemes, summary, examples, params, open }: Readonly<Record<'schemes' | 'summary' | 'examples' | 'params' | 'open', unknown>>): void {
  if (!Array.isArray(schemes) || schemes.length === 0) throw new TypeError('a handler needs "schemes", an array of names')
  const parts = { summary: typeof summary === 'string', examples: Array.isArray(examples), params: typeof params === 'object', open: typeof open === 'function' }
  for (const [name, isThere] of Object.entries(parts)) {
    if (!isThere) throw new TypeError(`the handler of "${schemes.join(', ')}" has no "${name}"`)
  }
}
