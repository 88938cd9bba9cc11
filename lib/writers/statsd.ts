import { countSchemas, Tally } from '../event/tally.js'
import { createMetrics } from '../metrics.js'
import type { WriterHandler } from '../stream/contracts.js'

export interface StatsdWriterParams {
  prefix: string
}

/** What is not flushed is sent this often, in milliseconds. */
const intervalMs = 5000

/**
 * Counts events: `<prefix>.schema.<Schema>` the valid ones, `<prefix>.schema.<Schema>.invalid` the event errors, by the schema
 * of the event at fault. Sums are sent at each flush. Records that are no event are counted as `ignored`, in the daemon.
 */
export const statsdWriter: WriterHandler<StatsdWriterParams> = {
  schemes: ['statsd'],
  summary: 'Counts events by schema, valid and invalid, into StatsD.',
  examples: ['statsd://127.0.0.1:8125', 'statsd://statsd.example.org:8125?prefix=eventlogging'],
  needs: ['host', 'port'],
  params: {
    type: 'object',
    properties: {
      prefix: { type: 'string', pattern: '^[A-Za-z0-9_.-]+$', default: 'eventlogging', description: 'Before every metric name, with a dot after it.' }
    },
    additionalProperties: false
  },
  async open ({ host, port, text }, { prefix }, ctx) {
    const onError = (error: Error): void => { ctx.log.warn('statsd cannot be reached; counters are not sent', { uri: text, reason: error.message }) }
    const metrics = createMetrics({ host: host ?? '', port: port ?? 0, prefix, intervalMs, onError })
    const tally = new Tally(ctx.schemas)
    let closing: Promise<void> | null = null
    const close = async (): Promise<void> => { await (closing ??= metrics.close()) }
    ctx.defer(text, close)

    return await Promise.resolve({
      async write (batch) {
        const counts = tally.count(batch)
        countSchemas(counts, metrics)
        if (counts.raw > 0) ctx.metrics.increment('ignored', counts.raw)
        await Promise.resolve()
      },
      flush: async () => { metrics.flush() },
      close
    })
  }
}
