import type { Transports } from '../../lib/cli/command.js'
import { ConfigError } from '../../lib/errors.js'
import type { Log } from '../../lib/log.js'
import type { Uri } from '../../lib/stream/uri.js'
import { argumentsOf, definedIn } from '../check/instances.js'
import { outputsOf, unwrapped } from '../outputs.js'
import { behindLinks, filesOf, generationsOf } from './glob.js'

/** A database, as the output of a consumer has it. */
export interface Database {
  readonly uri: Uri
  readonly params: object
}

/** Of databases that can be purged. */
const schemes: readonly string[] = ['mysql', 'sqlite']

/** Where this host keeps events. */
export interface Places {
  readonly databases: readonly Database[]
  /** Whether a daemon appends to it, whatever links lead there. */
  isLive (path: string): boolean
  /** Asked anew: files come and go. */
  listFiles (): string[]
  /** Directories of states, in which journals are. */
  readonly states: readonly string[]
}

export interface PlaceOptions {
  readonly store: readonly string[]
  readonly files: readonly string[]
  readonly journals: boolean
  readonly config: string
  readonly state: string
}

/** What is named; or, if nothing is, what the argument files of the host's daemons say. Throws `ConfigError`. */
export function placesOf (options: PlaceOptions, transports: Transports, log: Log): Places {
  const { store, files, journals, config, state } = options
  const isNamed = store.length > 0 || files.length > 0
  const defined = definedPlaces(config, isNamed, transports, log)
  // a name that is wrong shows before anything is done
  for (const pattern of files) filesOf(pattern)
  return {
    databases: isNamed ? store.map(uri => databaseOf('--store', uri, schemes, transports)) : defined.databases,
    isLive: path => defined.files.some(live => behindLinks(live) === behindLinks(path)),
    listFiles: () => [...new Set(isNamed ? files.flatMap(filesOf) : defined.files.flatMap(generationsOf))],
    states: isNamed && !journals ? [] : [...new Set([state, ...isNamed ? [] : defined.states])]
  }
}

interface Defined {
  readonly databases: readonly Database[]
  readonly files: readonly string[]
  readonly states: readonly string[]
}

/** Of what is named, too, it must be known what daemons append to; but there need be no daemons. */
function definedPlaces (config: string, isNamed: boolean, transports: Transports, log: Log): Defined {
  try {
    const instances = definedIn(config)
    const written = instances.flatMap(instance => outputsOf(argumentsOf(config, instance)).map(text => innermost(text, transports, `${instance.daemon} ${instance.instance}`, log)).filter(found => found !== null))
    const databases = written.filter(({ uri }) => schemes.includes(uri.scheme))
    return {
      databases: [...new Map(databases.map(database => [database.uri.text, database])).values()],
      files: [...new Set(written.filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.path))],
      states: instances.flatMap(({ stateDirectory }) => stateDirectory ?? [])
    }
  } catch (error) {
    if (isNamed && error instanceof ConfigError) return { databases: [], files: [], states: [] }
    throw error
  }
}

/** What an option names. Throws `ConfigError`. */
export function databaseOf (option: string, text: string, allowed: readonly string[], transports: Transports): Database {
  const { uri, params } = transports.writers.check(text)
  if (allowed.includes(uri.scheme)) return { uri, params }
  throw new ConfigError('bad-option', `${option} ${uri.text} is no database that it can be; give mysql://user@host/database?defaults-file=/etc/vanadium/purge.cnf or sqlite:///path, and files with --files`)
}

/** What is written to behind `map:` and `filter:`. Null for a scheme of a plug-in: what is kept there is the plug-in's business. */
function innermost (text: string, { writers }: Transports, instance: string, log: Log): Database | null {
  try {
    return unwrapped(text, writers)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    log.warn('an output is passed over', { instance, reason: error.message })
    return null
  }
}
