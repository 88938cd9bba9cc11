import { defineCommand } from '../lib/cli/command.js'
import { flushing } from '../lib/cli/options.js'
import { prepareProcessor, readProcessorFile, withThoseOf } from '../lib/cli/processor-options.js'
import { isRelative, parseTime } from '../lib/cli/times.js'
import { ConfigError } from '../lib/errors.js'
import type { Writer } from '../lib/stream/contracts.js'
import type { Schemes } from '../lib/stream/schemes.js'
import { unwrapped } from './outputs.js'
import { canAsk } from './replay/dialogue.js'
import type { JobParts } from './replay/job.js'
import { replayOutput } from './outputs.js'
import { liveInputs, wrappersOf } from './replay/live-input.js'
import { parseSchemaOption } from './replay/selection.js'
import { replay as runReplay } from './replay/session.js'

export const replay = defineCommand({
  name: 'replay',
  summary: 'Sends kept records (raw lines, event errors, dead letters) once more, through today\'s processor into the pipeline.',
  examples: [
    ['vanadium replay --records /var/log/vanadium/client-side-events.log* --processor /etc/vanadium.d/processors/client-side --from 2015-02-05T06:00 --to 2015-02-06T02:00 --dry-run', 'what today\'s processor makes of the raw lines of 20 hours'],
    ['vanadium replay --records /var/log/vanadium/all-events.log* --processor /etc/vanadium.d/processors/client-side --schema unknown --yes', 'the event errors of lines that named no schema'],
    ['vanadium replay --records /var/log/vanadium/mysql-refused.log --processor /etc/vanadium.d/processors/client-side --output \'mysql://127.0.0.1/log?defaults-file=/etc/vanadium/my.cnf\'', 'what MySQL had refused, back into MySQL']
  ],
  notes: 'Interrupted, the same command goes on where it was and adds nothing twice. Into a journaled output it ends when all its subscribers\n' +
    'have everything. Exit codes: 0 done, or nothing to do; 1 interrupted, give the same command again; 78 bad configuration.\n\n',
  options: {
    records: { type: 'string', array: true, demandOption: true, requiresArg: true, description: 'Files of raw lines, of events (their EventErrors are replayed) or of dead letters, mixed as you like, plain or .gz, in any order' },
    processor: { type: 'string', demandOption: true, requiresArg: true, description: 'Argument file of the live processor: its format, schemas, plug-ins, registry and list of users who opted out, and the filter: or map: of its input are used' },
    from: { type: 'string', requiresArg: true, nargs: 1, description: 'Only what was received at this time or later: 2015-02-05T10:00:00Z, 20150205100000, -2h, -30m, -1d' },
    to: { type: 'string', requiresArg: true, nargs: 1, description: 'Only what was received before this time' },
    schema: { type: 'string', array: true, default: [] as string[], requiresArg: true, description: 'Only this schema: NAME or NAME/REVISION; unknown for lines that do not tell' },
    output: { type: 'string', array: true, default: [replayOutput], requiresArg: true, description: 'Stream URIs for valid events; the forwarder all-events reads the default one' },
    invalid: { type: 'string', requiresArg: true, description: 'Stream URI for what is invalid [default: the outputs; but what comes of an EventError and still is one is not sent, as it is known already]' },
    rate: { type: 'number', default: 2000, requiresArg: true, description: 'Records a second at most; 0 for no limit' },
    'dry-run': { type: 'boolean', default: false, description: 'Only print what would become of the records' },
    yes: { type: 'boolean', default: false, description: 'Send without a dry run and a question before' },
    again: { type: 'boolean', default: false, description: 'Send again what was done already: MySQL and SQLite ignore what they have, JSON log files get it twice' }
  },
  adopt: ({ processor }, common) => withThoseOf('--processor', processor, common),
  prepare (options, { readers, writers }, common) {
    const { records, processor, output, invalid, rate, yes, again, 'dry-run': dryRun } = options
    const { own } = readProcessorFile('--processor', processor)
    const { format, open } = prepareProcessor(own)
    const wrappers = wrappersOf(own.input, readers, `--processor ${processor}`)
    const outputs = invalid === undefined ? output : [...output, invalid]
    if (!dryRun) for (const uri of outputs) writers.checkOwn(uri)
    const journals = outputs.map(uri => journalOf(uri, writers)).filter(name => name !== null)
    if (!(rate >= 0 && Number.isFinite(rate))) throw new ConfigError('bad-option', `--rate ${rate}: give records a second, 0 for no limit`)
    if (!yes && !dryRun && !common['config-check'] && !canAsk()) {
      throw new ConfigError('bad-option', '--yes or --dry-run is missing: this is no terminal, so nobody can be asked; look at what --dry-run prints, then give --yes')
    }
    const settings = {
      records,
      processor: { format, open, live: liveInputs(readers)(wrappers) },
      schemas: options.schema.map(parseSchemaOption),
      // another output is another job: what was tried into a file has not been sent
      job: jobOf(options, [own.format, String(own['max-line']), wrappers ?? '', ...common.schemas, common['schemas-url'] ?? '', ...common.plugins, ...outputs]),
      output, invalid, journals: [...new Set(journals)], rate, dryRun, yes, again, flush: flushing(common)
    }

    return async ctx => { await runReplay(settings, ctx) }
  }
})

function jobOf ({ from, to, schema }: { from?: string | undefined, to?: string | undefined, schema: string[] }, rest: readonly string[]): JobParts {
  const now = Math.floor(Date.now() / 1000)
  const range = { from: from === undefined ? null : parseTime('--from', from, now), to: to === undefined ? null : parseTime('--to', to, now) }
  if (range.from !== null && range.to !== null && range.from >= range.to) throw new ConfigError('bad-option', `--to ${to ?? ''} is not after --from ${from ?? ''}; give a later one`)
  return { range, rangeText: [from ?? '', to ?? ''], isRelative: [from, to].some(text => text !== undefined && isRelative(text)), rest: [...[...schema].sort(), ...rest] }
}

/** The journal of an output; null if it is not journaled. Throws `ConfigError` for what is no output. */
function journalOf (output: string, writers: Schemes<Writer>): string | null {
  return unwrapped(output, writers).uri.query.find(([name]) => name === 'journal')?.[1] ?? null
}
