import { ConfigError, messageOf } from '../errors.js'
import type { Log } from '../log.js'
import type { SchemaEntry } from '../registry/entry.js'
import { openRegistry, type Registry } from '../registry/registry.js'

/** The registry of a process: read when it is first asked for, and again at a reload. */
export interface HeldRegistry {
  /** As it was read last. Throws `ConfigError`. */
  get (): Registry
  /** What it says of a schema; null where there is none, or none that can be read, which the log says once. */
  describe (schema: string): SchemaEntry | null
  /** A mistake in it keeps the one that was read before. */
  reload (): void
}

/** `path` as the command line has it. `isBrief`: the process is soon over, and many of its kind would log the same. */
export function holdRegistry (path: string | undefined, log: Log, isBrief: boolean): HeldRegistry {
  let held: Registry | null = null
  let isUnreadable = false

  function open (): Registry {
    const registry = openRegistry(path)
    if (registry.expired.length > 0 && !isBrief) log.warn('an end date in the registry has passed', { places: registry.expired })
    return registry
  }

  function find (): Registry | null {
    if (isUnreadable) return null
    try {
      return (held ??= open())
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      isUnreadable = true
      log.warn('the registry is not used', { reason: error.message })
      return null
    }
  }

  return {
    get: () => (held ??= open()),
    describe (schema) {
      const registry = find()
      return registry === null || registry.files.length === 0 ? null : registry.find(schema)
    },
    reload () {
      isUnreadable = false
      if (held === null) return
      try {
        held = open()
      } catch (error) {
        log.error('the registry was not read again', { reason: messageOf(error) })
      }
    }
  }
}
