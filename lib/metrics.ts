import { StatsD } from 'hot-shots'

/**
 * Counters and gauges of one process. A name with a dot stands for itself (`schema.NavigationTiming`); one without is the
 * instance's own (`lost` is sent as `consumer.mysql-m2.lost`). The prefix is added when they are sent. Counting costs a map
 * look-up; what was counted goes to StatsD once an interval. Names from the internet must be bounded by the caller.
 */
export interface Metrics {
  increment (name: string, by?: number): void
  gauge (name: string, value: number): void
  /** What was counted since start. */
  count (name: string): number
  counts (): ReadonlyMap<string, number>
  /** Hands what has changed since the last time to the socket. */
  flush (): void
  /** Flushes, and resolves when it has left the process. */
  close (): Promise<void>
}

export interface StatsdTarget {
  readonly host: string
  readonly port: number
  /** Before every name: `eventlogging`. Its dot is added unless it is empty. */
  readonly prefix: string
  readonly intervalMs: number
  readonly onError: (error: Error) => void
}

/** Several counters share a datagram that fits an Ethernet frame. */
const datagramBytes = 1432

/**
 * `instance` is `<daemon>.<name>`, in characters that StatsD takes. Counts in memory only when `target` is null: the numbers
 * still show in the log at the end.
 */
export function createMetrics (target: StatsdTarget | null, instance = 'vanadium'): Metrics {
  const totals = new Map<string, number>()
  const pending = new Map<string, number>()
  const gauges = new Map<string, number>()
  const client = target === null
    ? null
    : new StatsD({
      host: target.host,
      port: target.port,
      prefix: target.prefix,
      errorHandler: target.onError,
      maxBufferSize: datagramBytes,
      bufferFlushInterval: 20,
      // variables of the environment would turn on what StatsD does not understand
      datadog: false,
      includeDataDogTags: false
    })
  const fullName = (name: string): string => name.includes('.') ? name : `${instance}.${name}`

  const metrics: Metrics = {
    increment (name, by = 1) {
      totals.set(name, (totals.get(name) ?? 0) + by)
      if (client !== null) pending.set(name, (pending.get(name) ?? 0) + by)
    },
    gauge (name, value) {
      if (client !== null) gauges.set(name, value)
    },
    count: name => totals.get(name) ?? 0,
    counts: () => totals,
    flush () {
      if (client === null) return
      for (const [name, by] of pending) client.increment(fullName(name), by)
      for (const [name, value] of gauges) client.gauge(fullName(name), value)
      pending.clear()
      gauges.clear()
    },
    async close () {
      clearInterval(timer)
      metrics.flush()
      if (client !== null) await new Promise<void>(resolve => { client.close(() => { resolve() }) })
    }
  }
  const timer = target === null ? undefined : setInterval(() => { metrics.flush() }, target.intervalMs)
  timer?.unref()
  return metrics
}
