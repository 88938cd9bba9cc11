import type { Options } from 'yargs'
import { ConfigError } from '../../lib/errors.js'
import { isUp } from '../status/daemons.js'
import { definedIn, type Instance } from './instances.js'

/** Of every check that has to know which instances there are to be. */
export const configOption = { type: 'string', default: '/etc/vanadium.d', requiresArg: true, description: 'Directory of the argument files: forwarders, processors, consumers, monitors' } as const satisfies Options

interface Unreadable {
  /** `forwarder-raw` */
  readonly instance: string
  readonly reason: string
}

interface Sorted {
  readonly missing: readonly Unreadable[]
  /** Lines for the details. */
  readonly leftovers: readonly string[]
}

/**
 * Parts states that cannot be read into those that are missing, and those that nobody misses: no argument file defines the instance,
 * and it does not run. Its state stays, and only the user of the daemons can read one that was closed in order. Where no argument files
 * can be read all are missing.
 */
export function withoutLeftovers (unreadable: readonly Unreadable[], stateDirectory: string, config: string): Sorted {
  const defined = unreadable.length === 0 ? null : definedNames(config)
  const isLeft = ({ instance }: Unreadable): boolean => defined !== null && !defined.includes(instance) && isDown(stateDirectory, instance)
  return {
    missing: unreadable.filter(one => !isLeft(one)),
    leftovers: unreadable.filter(isLeft).map(({ instance, reason }) => `${instance} is left out: no argument file defines it, it does not run, and it cannot be read: ${reason}`)
  }
}

function definedNames (config: string): string[] | null {
  return orNull(() => definedIn(config).map(({ daemon, instance }) => `${daemon}-${instance}`))
}

function isDown (stateDirectory: string, state: string): boolean {
  const [, daemon = '', instance = ''] = /^([a-z]+)-(.*)$/.exec(state) ?? []
  return orNull(() => isUp(stateDirectory, { daemon, instance } satisfies Instance)) === false
}

/** What this user may not look at is not known. */
function orNull<T> (look: () => T): T | null {
  try {
    return look()
  } catch (error) {
    if (error instanceof ConfigError) return null
    throw error
  }
}
