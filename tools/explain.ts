import { createReadStream } from 'node:fs'
import { defineCommand, type CommandContext } from '../lib/cli/command.js'
import { withThoseOf } from '../lib/cli/processor-options.js'
import { ConfigError, messageOf } from '../lib/errors.js'
import { nobodyOptedOut, type OptOut } from '../lib/event/opt-out.js'
import { batchOfBytes, batchOfLines, recordsOf } from '../lib/stream/batch.js'
import type { Batch } from '../lib/stream/contracts.js'
import { tidyLines } from '../lib/stream/splitter.js'
import { openCandidates, planProcessors, processorFiles, requireProcessor } from './explain/candidates.js'
import { explainRecord } from './explain/line.js'
import { isUuid } from './explain/matcher.js'
import { samplerFor } from './explain/decisions.js'
import { destinationOf } from './explain/destination.js'
import { placesOf } from './explain/places.js'
import { reportText } from './explain/section.js'
import { prepareStores } from './explain/stores.js'
import { explainUuid } from './explain/uuid.js'
import { untilReaderGoes } from './journal/export.js'
import { bytesText } from './text.js'

/** Lines that are explained at once, and bytes of them. */
const most = { lines: 100, bytes: 32 << 20 } as const

export const explain = defineCommand({
  name: 'explain',
  summary: 'Tells one event\'s whole way: from its line to its row and its purge, or where it is, by its uuid.',
  examples: [
    ['vanadium explain \'?%7B%22schema%22%3A%22DemoButtonClick%22%2C%22revision%22%3A1%2C%22wiki%22%3A%22enwiki%22%2C%22event%22%3A%7B%22button%22%3A%22save%22%2C%22clicks%22%3A1%7D%7D; cp1 17 2014-05-21T09:30:01 203.0.113.9 Mozilla/5.0\'', 'what becomes of a line'],
    ['grep -m 1 Mozilla /var/log/vanadium/client-side-events.log | vanadium explain -', 'the same, of a line in a file'],
    ['vanadium explain 16f38999d94d549cb426b5fb32bc8bba', 'where the event with this uuid is'],
    ['vanadium explain 16f38999d94d549cb426b5fb32bc8bba --store \'mysql://127.0.0.1/log?defaults-file=/etc/vanadium/my.cnf\'', 'whether it is in that database']
  ],
  notes: 'Nothing is sent and nothing is changed. The address in a line is not shown, and its hash is not the one that processors make: their key\n' +
    'is theirs alone. Without --store and --files, what the consumers of this host write to is asked.\n\n',
  options: {
    event: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'A raw line, in quotes; - for lines from standard input; or a uuid; "--event" before it can be left out' },
    'line-file': { type: 'string', requiresArg: true, description: 'File with the raw line, for what no shell passes on' },
    format: { type: 'string', requiresArg: true, description: 'Template of the line, in place of a processor\'s' },
    processor: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Argument files of processors: the first whose format fits is taken, with the schemas of all [default: /etc/vanadium.d/processors/*]' },
    store: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Databases that may have the event: mysql:, sqlite:, as a consumer\'s output' },
    files: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Files that may have the event of a uuid: raw lines, events, dead letters' }
  },
  operands: { option: 'event', usage: 'LINE|UUID' },
  defaults: { 'log-level': 'warn' },
  adopt: ({ processor, format }, common) => processorFiles(processor, format).reduce((all, file) => withThoseOf('--processor', file, all), common),
  prepare (options, transports, { state }) {
    const { event, 'line-file': lineFile, format } = options
    const given = event.length + (lineFile === undefined ? 0 : 1)
    if (given !== 1) throw new ConfigError('bad-option', `${given} events are given; give one: a line in quotes, - for standard input, --line-file FILE, or a uuid`)
    const plans = planProcessors(processorFiles(options.processor, format), format)
    const [what = '-'] = event
    if (!isUuid(what)) requireProcessor(plans)
    const places = placesOf({ stores: options.store, files: options.files }, transports)
    const open = prepareStores(places, transports)

    return async ctx => await untilReaderGoes(async () => {
      const stores = open(ctx)
      const writer = await ctx.openWriter('stdout://?pretty=never')
      const print = async (text: string): Promise<void> => { await writer.write(batchOfLines(text.trimEnd().split('\n')) as Batch) }
      if (isUuid(what)) return await print(reportText(await explainUuid({ uuid: what, stores, files: places.files, stateDirectory: state, plans }, ctx)))
      const decisions = { sampler: samplerFor(ctx.registry), ...optOutOf(ctx) }
      const surroundings = { candidates: openCandidates(plans, ctx.schemas, decisions), decisions, schemas: ctx.schemas, registry: ctx.registry, destination: destinationOf(places.longStrings, stores, ctx) }
      const lines = await linesOf(what, lineFile)
      for (const [at, line] of lines.entries()) {
        if (ctx.stop.aborted) return
        const { sections } = await explainRecord(line, surroundings)
        await print(`${at === 0 ? '' : '\n---\n\n'}${reportText(sections)}`)
      }
    })
  }
})

/** Whoever owns a schema need not be one who may read that list. */
function optOutOf (ctx: CommandContext): { optOut: OptOut, unreadable: string | null } {
  try {
    return { optOut: ctx.optOut, unreadable: null }
  } catch (error) {
    if (error instanceof ConfigError) return { optOut: nobodyOptedOut, unreadable: error.message }
    throw error
  }
}

async function linesOf (what: string, file: string | undefined): Promise<Buffer[]> {
  const bytes = file !== undefined ? await readLineFile(file) : what === '-' ? await readAll(process.stdin) : Buffer.from(what)
  const batch = batchOfBytes(tidyLines(bytes))
  const lines = batch === null ? [] : recordsOf(batch)
  if (lines.length > 0 && lines.length <= most.lines) return lines
  throw new ConfigError('bad-option', lines.length === 0 ? 'there is no line; give one' : `there are ${lines.length} lines; give ${most.lines} at most`)
}

async function readLineFile (file: string): Promise<Buffer> {
  try {
    return await readAll(createReadStream(file))
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError('bad-option', `--line-file ${file}: ${messageOf(cause)}; name a file that can be read`, { cause })
  }
}

/** Somebody may give a whole log. */
async function readAll (stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > most.bytes) throw new ConfigError('bad-option', `there are more than ${bytesText(most.bytes)}; give ${most.lines} lines at most: head -n ${most.lines}`)
  }
  return Buffer.concat(chunks)
}
