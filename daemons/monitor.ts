import { existsSync } from 'node:fs'
import { defineCommand, type CommandContext, type Transports } from '../lib/cli/command.js'
import { flushing } from '../lib/cli/options.js'
import { counting, StreamNames } from '../lib/counts/counting.js'
import { hourMs } from '../lib/counts/tables.js'
import { about, ConfigError, messageOf } from '../lib/errors.js'
import { historyFile, openHistory } from '../lib/registry/history.js'
import { drive } from '../lib/stream/drive.js'

export const monitor = defineCommand({
  name: 'monitor',
  summary: 'Counts the records of any number of streams into StatsD: raw lines, valid and invalid events, events by schema.',
  examples: [
    ['vanadium monitor --statsd 127.0.0.1:8125 --input client-side=tcp://127.0.0.1:8422 client-side=tcp://127.0.0.1:8522', 'the lines and the events of one source, under one name, so that they compare'],
    ['vanadium monitor --statsd 127.0.0.1:8125 --name all-events --input tcp://127.0.0.1:8600', 'counts eventlogging.all-events.valid and .invalid']
  ],
  isDaemon: true,
  options: {
    input: {
      type: 'string',
      array: true,
      demandOption: true,
      requiresArg: true,
      description: 'Stream URIs to count, each with NAME= before it, or else counted under the instance\'s name; several may share a name. ' +
        'eventlogging.overall adds up all inputs: do not give a stream together with one that contains it (8600 contains 8521 and 8522)'
    }
  },
  prepare ({ input }, { readers }, common) {
    const { statsd, name = 'monitor' } = common
    if (statsd === undefined) throw new ConfigError('bad-option', '--statsd is missing: a monitor only counts; give HOST:PORT, for example 127.0.0.1:8125')
    const streams = input.map(text => about(text, () => namedStream(text, name, readers)))

    const options = flushing(common)

    return async ctx => {
      const names = new StreamNames()
      const inputs = []
      const counter = counting({ schemas: ctx.schemas, state: ctx.state, metrics: ctx.metrics, streams: names, log: ctx.log })
      counter.tend()
      const tending = setInterval(() => { counter.tend() }, hourMs)
      ctx.defer('the hours of counts', () => { clearInterval(tending) })
      recordRegistry(ctx, common.state)
      for (const { stream, uri } of streams) inputs.push(names.label(await ctx.openReader(uri), stream))
      ctx.ready({ inputs: input, statsd })
      // one loop for all: what one of several had counted would be saved without its position when another one saves
      await drive(inputs, counter, ctx, options)
    }
  }
})

/** Now and at each reload; what is wrong with the registry or its history is no reason not to count. */
function recordRegistry (ctx: CommandContext, directory: string): void {
  const record = (): void => {
    try {
      if (ctx.registry.files.length === 0 && !existsSync(historyFile(directory))) return
      const history = openHistory(directory)
      try {
        const changes = history.record(ctx.registry, { who: `unknown (found by monitor ${ctx.name})` })
        if (changes.length > 0) ctx.log.info('the registry has changed', { changes: changes.length, schemas: [...new Set(changes.map(({ schema }) => schema))].slice(0, mostNamed) })
      } finally {
        history.close()
      }
    } catch (error) {
      ctx.log.warn('the history of the registry is not kept', { reason: messageOf(error) })
    }
  }
  ctx.onReload(record)
  record()
}

const mostNamed = 20

interface NamedStream {
  /** As it stands in metrics. */
  readonly stream: string
  readonly uri: string
}

/** Names that have a meaning of their own in metrics. */
const reserved = ['overall', 'schema']

/** `NAME=URI`, or a URI, in which a colon comes before any `=`. Throws `ConfigError`. */
function namedStream (text: string, instance: string, readers: Transports['readers']): NamedStream {
  const [, given, uri = text] = /^([^:=]*)=(.*)$/s.exec(text) ?? []
  const stream = (given ?? instance).replace(/[^A-Za-z0-9_-]/g, '_')
  if (stream === '') throw new ConfigError('bad-option', `--input ${text}: the name before = is empty; write NAME=URI, or the URI alone`)
  if (reserved.includes(stream)) throw new ConfigError('bad-option', `--input ${text}: a stream cannot be called ${stream}, which metrics are called already; choose another name than ${reserved.join(', ')}`)
  readers.checkOwn(uri)
  return { stream, uri }
}
