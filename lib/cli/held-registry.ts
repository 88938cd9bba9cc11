import { ConfigError, messageOf } from '../errors.js'
import type { Log } from '../log.js'
import type { SchemaEntry } from '../registry/entry.js'
import { defaultRegistryFile } from '../registry/files.js'
import { openRegistry, type Registry } from '../registry/registry.js'

/** The registry of a process: read when it is first asked for, and again at a reload. */
export interface HeldRegistry {
  /** As it was read last. Throws `ConfigError`. */
  get (): Registry
  /** What it says of a schema; null where there is none, or none that can be read, which the log says once. */
  describe (schema: string): SchemaEntry | null
  /** A mistake in it keeps the one that was read before, and so does that it is gone: returns why, which the log has, too; else null. */
  reload (): string | null
}

export interface HoldOptions {
  /** As the command line has it. */
  readonly path: string | undefined
  /** What is read without one, if it is there. */
  readonly installed?: string
  /** Of a daemon the log says that an end date has passed; timers would say it at each run. */
  readonly isDaemon: boolean
}

export function holdRegistry ({ path, installed = defaultRegistryFile, isDaemon }: HoldOptions, log: Log): HeldRegistry {
  let held: Registry | null = null
  let isUnreadable = false

  function open (): Registry {
    const registry = openRegistry(path, installed)
    if (held !== null) refuseVanished(held, registry, installed)
    if (registry.expired.length > 0 && isDaemon) log.warn('an end date in the registry has passed', { places: registry.expired })
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
      if (held === null) return null
      try {
        held = open()
        return null
      } catch (error) {
        log.error('the registry was not read again', { reason: messageOf(error) })
        return messageOf(error)
      }
    }
  }
}

/** What nobody wrote must not come to hold: that all are counted and everything is kept. Throws `ConfigError`. */
function refuseVanished (before: Registry, now: Registry, installed: string): void {
  const isGone = (file: string): boolean => before.files.includes(file) && !now.files.includes(file)
  if (!isGone(installed) && (now.files.length > 0 || before.files.length === 0)) return
  throw new ConfigError('bad-registry', `${before.files[0]} is gone; put it back, or restart the daemon to go on without it`)
}
