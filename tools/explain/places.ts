import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expandArguments } from '../../lib/cli/arguments.js'
import type { Transports } from '../../lib/cli/command.js'
import { longStringChoices, type LongStringChoice } from '../../lib/sql/long-strings.js'
import { argumentFilesIn } from '../check/instances.js'
import { outputsOf, unwrapped } from '../outputs.js'

export const installedConsumers = '/etc/vanadium.d/consumers'

/** Where events may be, as the operator gave it or as the consumers of this host say. */
export interface Places {
  /** URIs. */
  readonly stores: readonly string[]
  /** Whether the operator named them. */
  readonly areGiven: boolean
  /** Paths of files of events, lines or dead letters, with those that were rotated away. */
  readonly files: readonly string[]
  /** What the first store does with long strings. */
  readonly longStrings: LongStringChoice
}

/** What is given counts alone; nothing given, what the consumers of this host write to. Throws `ConfigError` for an argument file that cannot be read. */
export function placesOf (given: { readonly stores: readonly string[], readonly files: readonly string[] }, { writers }: Pick<Transports, 'writers'>, directory = installedConsumers): Places {
  const isGiven = given.stores.length + given.files.length > 0
  const outputs = isGiven ? [] : argumentFilesIn(directory).flatMap(file => outputsOf(expandArguments([`@${file}`]))).map(uri => unwrapped(uri, writers).uri)
  const stores = [...given.stores, ...outputs.filter(({ scheme }) => scheme === 'mysql' || scheme === 'sqlite').map(({ text }) => text)]
  const choice = stores.map(uri => writers.check(uri).params).flatMap(params => 'long-strings' in params ? [params['long-strings']] : [])[0]
  return {
    stores,
    areGiven: isGiven,
    files: [...given.files, ...outputs.filter(({ scheme }) => scheme === 'file').flatMap(({ path }) => withRotated(path))],
    longStrings: longStringChoices.find(known => known === choice) ?? 'cut'
  }
}

/** `all-events.log`, `all-events.log.1.gz`, `all-events.log-20140521`. */
function withRotated (path: string): string[] {
  const name = basename(path)
  const rotated = namesIn(dirname(path)).filter(entry => entry.startsWith(name) && /^[.-]\d[\d.-]*(\.gz)?$/.test(entry.slice(name.length)))
  return [path, ...rotated.sort().map(entry => join(dirname(path), entry))]
}

/** None where this user may not look. */
function namesIn (directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
