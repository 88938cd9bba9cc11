import { about, ConfigError } from '../errors.js'
import type { Log } from '../log.js'
import type { StatsdTarget } from '../metrics.js'
import type { CommonOptions } from './options.js'

/** Where counters go, as the common options say; null if nowhere. Throws `ConfigError`. */
export function statsdTarget ({ statsd, prefix, interval }: Pick<CommonOptions, 'statsd' | 'prefix' | 'interval'>, log: Log): StatsdTarget | null {
  return about(interval > 0 ? '--statsd' : '--interval', () => {
    if (!(interval > 0)) throw new ConfigError('bad-option', `--interval ${interval}: give seconds, more than 0`)
    if (statsd === undefined) return null
    const [, host, port] = /^(?:statsd:\/\/)?(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/.exec(statsd)?.filter(part => part !== undefined) ?? []
    if (host === undefined || port === undefined || Number(port) > 65535) {
      throw new ConfigError('bad-option', `--statsd "${statsd}": give HOST:PORT, for example 127.0.0.1:8125`)
    }
    const onError = (error: Error): void => { log.warn('statsd cannot be reached; counters are not sent', { statsd, reason: error.message }) }
    return { host, port: Number(port), prefix, intervalMs: interval * 1000, onError }
  })
}
