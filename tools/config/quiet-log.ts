import type { Log } from '../../lib/log.js'

/** A log that writes nothing: what is wrong is told in another way. Warnings and errors go to `note`. */
export function quietLog (note: (message: string, fields: Record<string, unknown>) => void = () => {}): Log {
  const tell = (message: string, fields = {}): void => { note(message, fields) }
  return { error: tell, warn: tell, info: () => {}, debug: () => {}, enabled: () => false, flush: () => {} }
}
